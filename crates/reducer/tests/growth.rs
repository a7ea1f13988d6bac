//! A graph stays in proportion to its bundle, or a limit is exceeded.

mod support;

use std::{fmt::Write as _, fs};

use rollout_trace_bundle::{Bundle, Limits};
use rollout_trace_model::{RolloutTrace, WithRuns};
use serde_json::{Value, json};
use support::{complaints, reduce_bundle};
use tempfile::TempDir;

/// A bundle of schema 2 that is written event by event.
struct Writer {
    folder: TempDir,
    log: String,
    thread: String,
    seq: u64,
    payloads: u64,
}

impl Writer {
    /// Begins a bundle with one thread, which has this id.
    fn new(thread: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        fs::create_dir(folder.path().join("payloads")).expect("a temporary folder can be used");
        let manifest = json!({"schema_version": 2, "trace_id": "tr", "rollout_id": "R", "root_thread_id": thread,
            "started_at_unix_ms": 1, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads"});
        fs::write(folder.path().join("manifest.json"), manifest.to_string()).expect("a temporary folder can be used");
        let mut writer = Self { folder, log: String::new(), thread: thread.to_owned(), seq: 0, payloads: 0 };
        writer.event(json!({"type": "rollout_started", "trace_id": "tr", "root_thread_id": thread}));
        writer.event(json!({"type": "thread_started", "thread_id": thread, "agent_path": "/root"}));
        writer.event(json!({"type": "codex_turn_started", "codex_turn_id": "U", "thread_id": thread}));
        writer
    }

    fn event(&mut self, payload: Value) {
        self.seq += 1;
        let (seq, thread) = (self.seq, &self.thread);
        let line = json!({"schema_version": 2, "seq": seq, "wall_time_unix_ms": seq, "rollout_id": "R",
            "thread_id": thread, "codex_turn_id": "U", "payload": payload});
        writeln!(self.log, "{line}").expect("a string takes any text");
    }

    /// Stores a payload. Any number of events may refer to it.
    fn payload(&mut self, kind: &str, document: &Value) -> Value {
        self.payloads += 1;
        let path = format!("payloads/{}.json", self.payloads);
        fs::write(self.folder.path().join(&path), document.to_string()).expect("a temporary folder can be used");
        json!({"raw_payload_id": format!("raw_payload:{}", self.payloads), "kind": {"type": kind}, "path": path})
    }

    fn request(&mut self, id: &str, request: &Value) {
        let thread = self.thread.clone();
        self.event(json!({"type": "inference_started", "inference_call_id": id, "thread_id": thread,
            "codex_turn_id": "U", "model": "m", "provider_name": "p", "request_payload": request}));
    }

    /// Returns the graph, and how large its state is without the lists that the official schema demands.
    fn reduce(&self, limits: Limits) -> (RolloutTrace, usize) {
        fs::write(self.folder.path().join("trace.jsonl"), &self.log).expect("a temporary folder can be used");
        let graph = reduce_bundle(&Bundle::open_with(self.folder.path(), limits).expect("the bundle opens"));
        let size = serde_json::to_vec(&WithRuns(&graph)).expect("a graph serializes").len();
        (graph, size)
    }
}

fn message(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

/// Returns whether the only complaint about a graph is that a limit is exceeded.
fn exceeds_a_limit(graph: &RolloutTrace) -> bool {
    let mut complaints = complaints(graph);
    complaints.retain(|code| *code != "running_at_end" && *code != "trace_stops_early");
    complaints.dedup();
    complaints == ["limit_exceeded"]
}

#[test]
fn requests_that_refer_to_two_payloads_by_turns() {
    let mut writer = Writer::new("T");
    let requests = ["a", "b"].map(|end| {
        let items: Vec<_> = (0..100).map(|item| message(&format!("{}{item}{end}", "x".repeat(1000)))).collect();
        writer.payload("inference_request", &json!({"input": items}))
    });
    for number in 0..100 {
        writer.request(&format!("i{number}"), &requests[number % 2]);
    }
    let (graph, size) = writer.reduce(Limits::default());
    assert!(!exceeds_a_limit(&graph) && size > 10_000_000, "{size}");
    let (graph, size) = writer.reduce(Limits { max_amplified_bytes: 1_000_000, ..Limits::default() });
    assert!(exceeds_a_limit(&graph), "{:?}", complaints(&graph));
    assert_eq!(graph.inference_calls.len(), 100);
    // Ten times two payloads of 110 kB, and the limit.
    assert!((2_000_000..4_500_000).contains(&size), "{size}");
}

#[test]
fn commands_that_refer_to_one_output() {
    let mut writer = Writer::new("T");
    let document = json!({"call_id": "c", "process_id": "1", "command": ["x"], "cwd": "/", "exit_code": 0,
        "aggregated_output": "x".repeat(100_000)});
    let output = writer.payload("tool_runtime_event", &document);
    for number in 0..100 {
        let (id, kind) = (format!("c{number}"), json!({"type": "exec_command"}));
        writer.event(json!({"type": "tool_call_started", "tool_call_id": id, "model_visible_call_id": id,
            "requester": {"type": "model"}, "kind": kind, "summary": {"type": "generic", "label": "l"}}));
        writer.event(json!({"type": "tool_call_runtime_started", "tool_call_id": id, "kind": kind,
            "runtime_payload": output}));
        writer.event(json!({"type": "tool_call_runtime_ended", "tool_call_id": id, "status": "completed",
            "runtime_payload": output}));
    }
    let (graph, size) = writer.reduce(Limits { max_amplified_bytes: 1_000_000, ..Limits::default() });
    assert!(exceeds_a_limit(&graph), "{:?}", complaints(&graph));
    assert_eq!(graph.tool_calls.len(), 100);
    assert!(size < 3_000_000, "{size}");
}

#[test]
fn long_ids_in_many_items() {
    let mut writer = Writer::new(&"T".repeat(10_000));
    let items: Vec<_> = (0..1000).map(|item| message(&item.to_string())).collect();
    let request = writer.payload("inference_request", &json!({"input": items}));
    writer.request("i", &request);
    let (graph, size) = writer.reduce(Limits::default());
    assert!(!exceeds_a_limit(&graph) && size > 10_000_000, "{size}");
    let (graph, size) = writer.reduce(Limits { max_amplified_bytes: 1_000_000, ..Limits::default() });
    assert!(exceeds_a_limit(&graph), "{:?}", complaints(&graph));
    assert!(graph.conversation_items.is_empty() && size < 200_000, "{size}");
}

#[test]
fn a_long_payload_id_over_many_empty_items() {
    let mut writer = Writer::new("T");
    let items = vec![json!({"type": "message", "role": "user", "content": []}); 1000];
    let mut request = writer.payload("inference_request", &json!({"input": items}));
    request["raw_payload_id"] = "p".repeat(10_000).into();
    writer.request("i", &request);
    let (graph, size) = writer.reduce(Limits { max_amplified_bytes: 1_000_000, ..Limits::default() });
    assert!(exceeds_a_limit(&graph), "{:?}", complaints(&graph));
    assert!(graph.conversation_items.is_empty() && size < 200_000, "{size}");
}

#[test]
fn a_long_tool_name_shown_in_many_threads() {
    let mut writer = Writer::new("T");
    let call = json!({"type": "function_call", "name": "n".repeat(100_000), "arguments": "{}", "call_id": "c"});
    let request = writer.payload("inference_request", &json!({"input": [call]}));
    for number in 0..100 {
        writer.thread = format!("T{number}");
        let thread = writer.thread.clone();
        writer.event(json!({"type": "thread_started", "thread_id": thread, "agent_path": "/root"}));
        writer.request(&format!("i{number}"), &request);
    }
    let (graph, size) = writer.reduce(Limits { max_amplified_bytes: 1_000_000, ..Limits::default() });
    assert!(complaints(&graph).contains(&"limit_exceeded"), "{:?}", complaints(&graph));
    assert!(size < 4_000_000, "{size}");
}

#[test]
fn surprising_items_without_end() {
    let mut writer = Writer::new("T");
    let request = writer.payload("inference_request", &json!({"input": vec![json!({"type": "x"}); 5000]}));
    writer.request("i", &request);
    let (graph, _) = writer.reduce(Limits { max_problems: 100, ..Limits::default() });
    assert_eq!(graph.conversation_items.len(), 5000);
    let reported = complaints(&graph);
    assert_eq!(reported.iter().filter(|code| **code == "unknown_item_kind").count(), 100);
    let messages = graph.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str());
    let counted: Vec<_> = messages.filter(|message| message.contains("left out")).collect();
    insta::assert_snapshot!(
        counted.join("\n"),
        @"4900 diagnostics unknown_item_kind were left out, 100 are listed (max_problems, max_amplified_bytes)"
    );
}
