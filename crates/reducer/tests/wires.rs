//! Bundles of other APIs than the Responses API, and of nothing but requests.
//!
//! Source: wires.

mod support;

use std::{fs, path::Path};

use rollout_trace_bundle::Bundle;
use rollout_trace_model::{Anchor, BodyPart, EvidenceGrade, InferenceCall, RolloutTrace, ThreadOrigin};
use rollout_trace_schema::ExecutionStatus;
use serde_json::{Value, json};

/// The bundle of a capture, which sees requests and answers only.
struct Capture {
    events: Vec<Value>,
    payloads: Vec<Value>,
    wire: &'static str,
}

impl Capture {
    fn of(wire: &'static str) -> Self {
        Self { events: Vec::new(), payloads: Vec::new(), wire }
    }

    fn payload(&mut self, kind: &str, document: Value) -> Value {
        self.payloads.push(document);
        let number = self.payloads.len();
        json!({"raw_payload_id": format!("raw_payload:{number}"), "kind": {"type": kind},
            "path": format!("payloads/{number}.json")})
    }

    fn event(&mut self, thread: &str, payload: Value) {
        let seq = self.events.len() + 1;
        self.events.push(json!({"schema_version": 2, "seq": seq, "wall_time_unix_ms": 1000 + seq, "rollout_id": "r",
            "thread_id": thread, "codex_turn_id": format!("{thread}/1"), "payload": payload}));
    }

    /// Begins a thread and its turn.
    fn thread(&mut self, id: &str, metadata: Value) -> &mut Self {
        let metadata = self.payload("session_metadata", metadata);
        self.event(
            id,
            json!({"type": "thread_started", "thread_id": id, "agent_path": "/root", "metadata_payload": metadata}),
        );
        self.event(id, json!({"type": "codex_turn_started", "codex_turn_id": format!("{id}/1"), "thread_id": id}));
        self
    }

    fn ask(&mut self, thread: &str, call: &str, request: Value) -> &mut Self {
        let payload = self.payload("inference_request", request);
        self.event(
            thread,
            json!({"type": "inference_started", "inference_call_id": call, "thread_id": thread,
                "codex_turn_id": format!("{thread}/1"), "model": "m", "provider_name": "p", "wire_api": self.wire,
                "request_payload": payload}),
        );
        self
    }

    fn answer(&mut self, thread: &str, call: &str, response: Value) -> &mut Self {
        let payload = self.payload("inference_response", response);
        let event = json!({"type": "inference_completed", "inference_call_id": call, "response_payload": payload});
        self.event(thread, event);
        self
    }

    fn write(&self, folder: &Path) {
        let manifest = json!({"schema_version": 2, "trace_id": "t", "rollout_id": "r", "root_thread_id": "none",
            "started_at_unix_ms": 1000, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads",
            "observed": {"tools": false, "agents": false}});
        fs::write(folder.join("manifest.json"), manifest.to_string()).expect("there is room");
        let log: String = self.events.iter().map(|event| format!("{event}\n")).collect();
        fs::write(folder.join("trace.jsonl"), log).expect("there is room");
        fs::create_dir_all(folder.join("payloads")).expect("there is room");
        for (place, document) in self.payloads.iter().enumerate() {
            let path = folder.join(format!("payloads/{}.json", place + 1));
            fs::write(path, document.to_string()).expect("there is room");
        }
    }

    /// Reduces the bundle, whose graph has no dangling links and no complaints.
    fn reduce(&self) -> RolloutTrace {
        let folder = tempfile::tempdir().expect("there is room");
        self.write(folder.path());
        let graph = support::reduce_bundle(&Bundle::open(folder.path()).expect("it is a bundle"));
        assert_eq!(graph.check_links(), Vec::<String>::new());
        assert_eq!(support::complaints(&graph), Vec::<&str>::new());
        graph
    }
}

fn call<'g>(graph: &'g RolloutTrace, id: &str) -> &'g InferenceCall {
    &graph.inference_calls[id]
}

/// Returns the numbers of the items that a call's request shows.
fn shown(graph: &RolloutTrace, id: &str) -> Vec<u32> {
    call(graph, id).request_item_ids.iter().map(|item| item.0).collect()
}

fn message(content: Value) -> Value {
    json!({"id": "msg", "role": "assistant", "content": content, "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 4, "output_tokens": 7}})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn marked(mut block: Value) -> Value {
    block["cache_control"] = json!({"type": "ephemeral"});
    block
}

#[test]
fn a_history_that_goes_to_and_fro_keeps_its_items() {
    let edit = json!({"type": "tool_use", "id": "t1", "name": "Edit", "input": {"path": "a", "text": "b"}});
    let completed =
        json!({"type": "tool_use", "id": "t1", "name": "Edit", "input": {"text": "b", "all": false, "path": "a"}});
    let result = json!({"type": "tool_result", "tool_use_id": "t1", "content": [text("no")], "is_error": true});
    let shorter = json!({"type": "tool_result", "tool_use_id": "t1", "content": "no"});
    let mut capture = Capture::of("messages");
    capture
        .thread("main", json!({"thread_assignment": "headers", "session_id": "s"}))
        .ask("main", "i1", json!({"messages": [{"role": "user", "content": "hi"}], "tools": [{}]}))
        .answer("main", "i1", message(json!([{"type": "thinking", "thinking": "Hm", "signature": "x"}, text("ok"), edit])))
        .ask("main", "i2", json!({"messages": [
            {"role": "user", "content": [marked(text("hi"))]},
            // The thought without its text, and the arguments with what the model left out.
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "x"}, text("ok"), completed]},
            {"role": "user", "content": [result, text("go on")]},
        ], "tools": [{}]}))
        .ask("main", "i3", json!({"messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [text("ok"), completed]},
            {"role": "user", "content": [marked(shorter), text("go on")]},
        ], "tools": [{}]}));
    let graph = capture.reduce();
    assert_eq!(shown(&graph, "i2"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(shown(&graph, "i3"), [1, 3, 4, 5, 6]);
    assert!(call(&graph, "i2").request_message_indexes.iter().eq([0, 1, 1, 1, 2, 2]));
    assert!(call(&graph, "i3").request_message_indexes.iter().eq([0, 1, 1, 2, 2]));
    let usage = call(&graph, "i1").usage.expect("the response has one");
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.cache_write_input_tokens), (99, 90, 4));
    assert_eq!(call(&graph, "i1").finish_reason.as_deref(), Some("tool_use"));
    let codes: Vec<_> = graph.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "call_arguments_changed").count(), 1);
    let tool = &graph.tool_calls["t1"];
    assert_eq!(
        (&tool.evidence, &tool.execution.status),
        (&Some(EvidenceGrade::Conversation), &ExecutionStatus::Failed)
    );
    assert_eq!((tool.execution.started_seq, tool.execution.ended_seq), (4, Some(5)));
    assert_eq!((graph.root_thread_id.as_str(), graph.threads["main"].conversation_item_ids.len()), ("main", 6));
}

#[test]
fn requests_that_are_compared_show_what_requests_that_are_read_whole_show() {
    // A field before the messages that changes each time prevents comparing.
    let session = |head: fn(usize) -> Value| {
        let mut capture = Capture::of("messages");
        capture.thread("main", json!({}));
        let mut history = vec![json!({"role": "user", "content": "begin"})];
        for turn in 0..12 {
            let mut messages = history.clone();
            let last = messages.last_mut().expect("there is one");
            if let Some(block) = last["content"].as_array_mut().and_then(|blocks| blocks.last_mut()) {
                *block = marked(block.clone());
            }
            let id = format!("t{}", turn % 3);
            let use_block = json!({"type": "tool_use", "id": id, "name": "ls", "input": {"n": turn % 2}});
            let call = format!("i{turn:02}");
            capture.ask("main", &call, json!({"a": head(turn), "messages": messages, "tools": [{}]}));
            capture.answer("main", &call, message(json!([text("x"), use_block])));
            if turn == 7 {
                history.truncate(6);
            }
            history.push(json!({"role": "assistant", "content": [text("x"), use_block]}));
            history
                .push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "y"}]}));
        }
        let mut state = serde_json::to_value(capture.reduce()).expect("a graph is JSON");
        state["inference_calls"].take()
    };
    assert_eq!(session(|_| json!(0)), session(|turn| json!(turn)));
}

#[test]
fn calls_without_ids_get_the_first_id_that_is_seen() {
    let user = json!({"role": "user", "parts": [{"text": "go"}]});
    let called = |id: Option<&str>, path: &str| match id {
        Some(id) => json!({"functionCall": {"id": id, "name": "read", "args": {"path": path}}}),
        None => json!({"functionCall": {"name": "read", "args": {"path": path}}}),
    };
    let output = |id: Option<&str>, text: &str| match id {
        Some(id) => json!({"functionResponse": {"id": id, "name": "read", "response": {"output": text}}}),
        None => json!({"functionResponse": {"name": "read", "response": {"error": text}}}),
    };
    let answer =
        json!({"candidates": [{"content": {"parts": [called(None, "a"), called(None, "b"), called(None, "c")]}}]});
    let mut capture = Capture::of("generate_content");
    capture
        .thread("main", json!({}))
        .ask("main", "i1", json!({"contents": [user]}))
        .answer("main", "i1", answer)
        // One id is made for call and output, one for the output only, and one for neither.
        .ask(
            "main",
            "i2",
            json!({"request": {"contents": [
                user,
                {"role": "model", "parts": [called(Some("x"), "a"), called(None, "b"), called(None, "c")]},
                {"role": "user", "parts": [output(Some("x"), "1"), output(Some("y"), "2"), output(None, "3")]},
            ]}}),
        );
    let graph = capture.reduce();
    let ids: Vec<_> = graph
        .conversation_items
        .values()
        .skip(1)
        .map(|item| (item.call_id.as_ref().map(|id| id.as_str()), item.call_id_made))
        .collect();
    let expected = [(Some("x"), false), (Some("y"), false), (Some("read#3"), true)];
    assert_eq!(ids, [expected, expected].concat());
    let tools: Vec<_> = graph
        .tool_calls
        .values()
        .map(|tool| {
            (
                tool.model_visible_call_id.as_ref().map(|id| id.as_str()),
                tool.model_visible_output_item_ids.len(),
                &tool.execution.status,
            )
        })
        .collect();
    let done = &ExecutionStatus::Completed;
    assert_eq!(tools, [(Some("x"), 1, done), (Some("y"), 1, done), (Some("read#3"), 1, &ExecutionStatus::Failed)]);
}

#[test]
fn a_provider_that_numbers_its_calls_anew_makes_a_tool_call_each_time() {
    let calls = json!([{"id": "call_0", "type": "function", "function": {"name": "bash", "arguments": "{}"}}]);
    let asked = json!({"role": "assistant", "content": "", "tool_calls": calls,
        "reasoning": "same", "reasoning_details": [{"type": "reasoning.text", "text": "same", "index": 0}]});
    let done = json!({"role": "tool", "tool_call_id": "call_0", "content": "ok"});
    let user = json!({"role": "user", "content": "go"});
    let answer = json!({"choices": [{"index": 0, "message": asked, "finish_reason": "tool_calls"}]});
    let mut capture = Capture::of("chat_completions");
    capture
        .thread("main", json!({}))
        .ask("main", "i1", json!({"messages": [user]}))
        .answer("main", "i1", answer.clone())
        .ask("main", "i2", json!({"messages": [user, asked, done]}))
        .answer("main", "i2", answer)
        .ask("main", "i3", json!({"messages": [user, asked, done, asked, done]}));
    let graph = capture.reduce();
    assert_eq!(shown(&graph, "i3"), (1..=7).collect::<Vec<_>>());
    let tools: Vec<_> = graph
        .tool_calls
        .values()
        .map(|tool| {
            (
                tool.tool_call_id.as_str(),
                tool.model_visible_call_item_ids.len(),
                tool.model_visible_output_item_ids.len(),
            )
        })
        .collect();
    assert_eq!(tools, [("call_0", 1, 1), ("call_0#2", 1, 1)]);
}

/// A parent that starts two agents, the second with this task.
fn agents(second_task: &str) -> RolloutTrace {
    let start = |id: &str, task: &str| json!({"type": "tool_use", "id": id, "name": "Task", "input": {"prompt": task, "agent_type": "counter"}});
    let asked = json!([start("a", "count the files"), start("b", second_task)]);
    let results = json!([
        {"type": "tool_result", "tool_use_id": "a", "content": "It says: 12 files in all"},
        {"type": "tool_result", "tool_use_id": "b", "content": "It says: 7 folders in all"},
    ]);
    let user = json!({"role": "user", "content": "go"});
    let first = |task: &str| json!({"messages": [{"role": "user", "content": [text("<reminder>"), text(task)]}], "tools": [{}]});
    let mut capture = Capture::of("messages");
    capture
        .thread("title", json!({}))
        .ask("title", "i0", json!({"messages": [{"role": "user", "content": "a title"}]}))
        .answer("title", "i0", message(json!([text("Title")])))
        .thread("main", json!({}))
        .ask("main", "i1", json!({"messages": [user], "tools": [{}]}))
        .answer("main", "i1", message(asked.clone()))
        .thread("one", json!({}))
        .ask("one", "i2", first(" count the files\n"))
        .thread("two", json!({}))
        .ask("two", "i3", first(second_task))
        .answer("one", "i2", message(json!([text("12 files in all")])))
        .answer("two", "i3", message(json!([text("7 folders in all")])))
        .ask(
            "main",
            "i4",
            json!({"messages": [user, {"role": "assistant", "content": asked},
            {"role": "user", "content": results}], "tools": [{}]}),
        );
    capture.reduce()
}

#[test]
fn a_call_that_holds_the_task_of_a_thread_has_spawned_it() {
    let graph = agents("count the folders");
    let drawing = support::draw(&graph);
    assert!(drawing.lines().any(|line| line.contains("spawn_agent") && line.ends_with("(inferred)")), "{drawing}");
    assert_eq!(graph.root_thread_id.as_str(), "main");
    assert!(graph.threads["title"].auxiliary && !graph.threads["one"].auxiliary);
    for (thread, tool, result) in [("one", "a", "12 files"), ("two", "b", "7 folders")] {
        let ThreadOrigin::Spawned { parent_thread_id, spawn_edge_id, agent_role, .. } = &graph.threads[thread].origin
        else {
            panic!("{thread} is spawned");
        };
        assert_eq!((parent_thread_id.as_str(), agent_role.as_str()), ("main", "counter"));
        let spawn = &graph.interaction_edges[spawn_edge_id];
        assert_eq!(spawn.source, Anchor::ToolCall { tool_call_id: tool.into() });
        let id = format!("edge:agent_result:{thread}:{thread}/1:main");
        let edge = &graph.interaction_edges[id.as_str()];
        let Anchor::ConversationItem { item_id } = edge.target else { panic!("a result arrives as an item") };
        let arrived = &graph.conversation_items[&item_id];
        assert_eq!(arrived.call_id.as_ref().map(|id| id.as_str()), Some(tool));
        assert!(matches!(arrived.body.parts.as_slice(), [BodyPart::Text { text }] if text.contains(result)));
        assert_eq!((&spawn.evidence, &edge.evidence), (&Some(EvidenceGrade::Inferred), &Some(EvidenceGrade::Inferred)));
    }
}

#[test]
fn two_calls_with_one_task_have_spawned_nothing_that_is_known() {
    let graph = agents("count the files");
    assert!(graph.interaction_edges.is_empty());
    assert_eq!(graph.threads["one"].origin, ThreadOrigin::Root);
}

#[test]
fn an_answer_that_begins_the_next_history_was_a_compaction() {
    let summary = "All files were listed, and none was empty.";
    let mut capture = Capture::of("messages");
    capture
        .thread("main", json!({}))
        .ask("main", "i1", json!({"messages": [{"role": "user", "content": [text("work"), text("Summarize.")]}]}))
        .answer("main", "i1", message(json!([text(&format!("<analysis>…</analysis><summary>{summary}</summary>"))])))
        .ask("main", "i2", json!({"messages": [{"role": "user", "content": format!("Continued. {summary}")}]}));
    let graph = capture.reduce();
    let compaction = &graph.compactions["compaction:i1"];
    assert_eq!(compaction.evidence, Some(EvidenceGrade::Inferred));
    let ids = |items: &[rollout_trace_model::ItemId]| items.iter().map(|item| item.0).collect::<Vec<_>>();
    assert_eq!((ids(&compaction.input_item_ids), ids(&compaction.replacement_item_ids)), (vec![1, 2], vec![4]));
    assert_eq!(compaction.marker_item_id.0, 4);
}

#[test]
fn payloads_of_an_unknown_api_are_one_item_each() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut capture = Capture::of("tomorrow");
    capture
        .thread("main", json!({}))
        .ask("main", "i1", json!({"prompt": "hi"}))
        .answer("main", "i1", json!({"text": "ho"}))
        .ask("main", "i2", json!({"prompt": "hi"}));
    capture.write(folder.path());
    let graph = support::reduce(folder.path());
    assert_eq!(support::complaints(&graph), ["unknown_value", "unknown_value"]);
    let items: Vec<_> =
        graph.conversation_items.values().map(|item| (item.role.as_str(), item.kind.as_str())).collect();
    assert_eq!(items, [("user", "unknown"), ("assistant", "unknown")]);
    assert_eq!(shown(&graph, "i2"), [1]);
}
