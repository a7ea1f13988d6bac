//! Calls that an agent core should not make: they are recorded, warned about once and marked in the trace once.

use std::{
    env,
    fmt::{Debug, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use rollout_trace_recorder::{
    ExecutionStatus, InferenceTraceAttempt, PayloadLayout, SessionSource, ThreadSpawn, ThreadTraceContext,
    TraceOptions, WireApi,
};
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::support::{LAYOUTS, ROOT_THREAD, Recorded, in_memory, metadata, options};

/// A `tracing` subscriber that collects warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Runs `work` and returns the warnings that it caused.
    fn during(work: impl FnOnce()) -> Vec<String> {
        let warnings = Self::default();
        tracing::subscriber::with_default(warnings.clone(), work);
        warnings.0.lock().expect("not poisoned").clone()
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == rollout_trace_recorder::TRACING_TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().expect("not poisoned").push(message.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        write!(self.0, "{value:?}").expect("memory takes it");
    }
}

/// Checks that the misuse is warned about and marked in the trace once, and that nothing is lost. Returns what was
/// recorded.
#[track_caller]
fn check(layout: PayloadLayout, misuse: &str, record: impl Fn(&ThreadTraceContext)) -> Recorded {
    let mut sink = None;
    let warnings = Warnings::during(|| {
        let (trace, memory) = in_memory(options(layout));
        record(&trace);
        record(&trace);
        assert_eq!(trace.losses(), 0);
        sink = Some(memory);
    });
    let recorded = Recorded::of(&sink.expect("a trace was recorded"));
    let marks = recorded.reports("rollout_trace.misuse");
    let [mark] = &marks[..] else { panic!("{layout:?}: {marks:?}") };
    assert_eq!(mark["misuse"], misuse);
    let message = mark["message"].as_str().expect("a text");
    let [warning] = &warnings[..] else { panic!("{layout:?}: {warnings:?}") };
    assert!(warning.contains(message), "{warning}");
    recorded
}

fn attempt(trace: &ThreadTraceContext) -> InferenceTraceAttempt {
    trace.inference_trace_context("turn", "m", "p").start_attempt()
}

fn child_of(parent: &str, thread_id: &str) -> rollout_trace_recorder::ThreadStartedTraceMetadata {
    metadata(thread_id, "/root/child", ThreadSpawn::new(parent, 1).into())
}

#[test]
fn a_request_without_input_is_reported() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let body = request.to_string();
    for layout in LAYOUTS {
        let as_body = check(layout, "request_without_input", |trace| {
            attempt(trace).record_started_body(body.as_bytes());
        });
        let as_value = check(layout, "request_without_input", |trace| attempt(trace).record_started(&request));
        for recorded in [as_body, as_value] {
            assert_eq!(recorded.documents().iter().filter(|document| **document == request).count(), 2);
        }
    }
}

#[test]
fn a_request_without_the_conversation_of_its_api_is_reported() {
    let request = json!({"model": "m", "input": []});
    for (api, right) in [
        (WireApi::Messages, json!({"messages": []})),
        (WireApi::ChatCompletions, json!({"messages": []})),
        (WireApi::GenerateContent, json!({"request": {"contents": []}})),
    ] {
        let attempt = |trace: &ThreadTraceContext| {
            trace.inference_trace_context("turn", "m", "p").wire_api(api.clone()).start_attempt()
        };
        for layout in LAYOUTS {
            check(layout, "request_without_input", |trace| attempt(trace).record_started(&request));
            let (trace, sink) = in_memory(options(layout));
            attempt(&trace).record_started(&right);
            assert!(Recorded::of(&sink).reports("rollout_trace.misuse").is_empty(), "{api:?}");
        }
    }
    let other = WireApi::from("of_tomorrow");
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    trace.inference_trace_context("turn", "m", "p").wire_api(other).start_attempt().record_started(&request);
    assert!(Recorded::of(&sink).reports("rollout_trace.misuse").is_empty(), "nobody knows its shape");
}

#[test]
fn a_child_with_the_id_of_the_root_is_reported_and_not_recorded() {
    for layout in LAYOUTS {
        let recorded = check(layout, "child_has_root_id", |trace| {
            let child = trace.start_child_thread_trace_or_disabled(child_of(ROOT_THREAD, ROOT_THREAD));
            assert!(!child.is_enabled());
            child.record_ended(ExecutionStatus::Completed);
        });
        assert_eq!(recorded.of_type("thread_ended").len(), 1, "the root's own");
    }
}

#[test]
fn a_child_of_an_unknown_parent_is_reported() {
    for layout in LAYOUTS {
        let recorded = check(layout, "unknown_parent", |trace| {
            drop(trace.start_child_thread_trace_or_disabled(child_of(ROOT_THREAD, "child")));
            drop(trace.start_child_thread_trace_or_disabled(child_of("child", "grandchild")));
            drop(trace.start_child_thread_trace_or_disabled(child_of("nobody", "orphan")));
        });
        assert_eq!(recorded.of_type("thread_started").len(), 4);
    }
}

#[test]
fn a_turn_that_is_ended_twice_is_reported() {
    let recorded = check(PayloadLayout::Packed, "turn_ended_twice", |trace| {
        trace.record_codex_turn_started("turn");
        trace.record_codex_turn_ended("turn", ExecutionStatus::Completed);
        trace.record_codex_turn_ended("turn", ExecutionStatus::Failed);
    });
    assert_eq!(recorded.of_type("codex_turn_ended").len(), 4, "each end is recorded");
}

#[test]
fn correct_calls_are_not_reported() {
    for layout in LAYOUTS {
        let warnings = Warnings::during(|| {
            let (trace, sink) = in_memory(options(layout));
            crate::traced_agent::run_session(&trace);
            attempt(&trace).record_started(&json!({"input": []}));
            attempt(&trace).record_started_body(br#"{"input":"hello"}"#);
            for turn in ["one", "two"] {
                trace.record_codex_turn_ended(turn, ExecutionStatus::Completed);
            }
            drop(trace);
            assert!(Recorded::of(&sink).reports("rollout_trace.misuse").is_empty());
        });
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

const UNWRITABLE_ROOT: &str = "ROLLOUT_TRACE_TEST_UNWRITABLE_ROOT";

/// Starts two sessions under a root that cannot be made.
fn start_twice(root: &Path) {
    for _ in 0..2 {
        let metadata = metadata(ROOT_THREAD, "/root", SessionSource::program("test"));
        let trace = ThreadTraceContext::start_root_in_or_disabled(root, metadata, TraceOptions::new());
        assert!(!trace.is_enabled());
    }
}

/// A process that the test below starts. It is not a test by itself.
#[test]
#[ignore = "run by an_unwritable_root_is_one_line_on_stderr"]
fn agent_with_an_unwritable_root() {
    let root = env::var_os(UNWRITABLE_ROOT).expect("set by the test that starts this process");
    // With a subscriber, nothing is written to stderr.
    let warnings = Warnings::during(|| start_twice(root.as_ref()));
    assert_eq!(warnings.len(), 2);
    start_twice(root.as_ref());
}

#[test]
fn an_unwritable_root_is_one_line_on_stderr() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "misuse::agent_with_an_unwritable_root", "--ignored", "--nocapture"])
        .env(UNWRITABLE_ROOT, file.path().join("traces"))
        .stdout(Stdio::null())
        .output()
        .expect("it starts");
    assert!(output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().collect();
    let [line] = lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("rollout-trace: this session is not traced: cannot make the trace root "), "{line}");
}
