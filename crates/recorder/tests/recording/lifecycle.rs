//! Beginnings and ends: each is recorded at most once, and none is lost.

use rollout_trace_bundle::{Limits, PayloadPack};
use rollout_trace_recorder::{
    CellStatus, ExecutionStatus, InferenceTraceAttempt, PayloadLayout, ResponseIds, SessionSource, ThreadTraceContext,
    ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester, ToolDispatchResult, TraceOptions,
};
use rollout_trace_schema::{
    RawEvent,
    packed::{PACK_FILE, PACK_ROOM},
};
use serde_json::{Value, json};

use crate::support::{ROOT_THREAD, Recorded, in_memory, metadata, options};

const NO_ITEMS: &[Value] = &[];

fn invocation(call_id: &str) -> ToolDispatchInvocation {
    let payload =
        ToolDispatchPayload::LocalShell { command: vec!["ls".into(), "-l".into()], workdir: None, timeout_ms: Some(5) };
    ToolDispatchInvocation::new("turn", call_id, "exec_command", payload)
        .tool_namespace("shell")
        .requested_by(ToolDispatchRequester::code_cell("1", "tool-1"))
}

#[test]
fn a_disabled_handle_records_nothing_and_builds_nothing() {
    let trace = ThreadTraceContext::disabled();
    let built = std::cell::Cell::new(false);
    let dispatch = trace.start_tool_dispatch_trace(|| {
        built.set(true);
        None
    });
    assert!(!built.get() && !dispatch.is_enabled() && !trace.is_enabled());
    let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
    attempt.record_started(&json!({}));
    assert_eq!(attempt.request_header(), None);
    let meta = Some(json!({"kept": 1}));
    assert_eq!(trace.start_mcp_call_trace("turn", "call").add_request_meta(meta.clone()), meta);
}

#[test]
fn an_end_is_recorded_once() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    trace.record_codex_turn_started("turn");
    let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
    attempt.record_started(&json!({"input": []}));
    attempt.record_started(&json!({"input": ["again"]}));
    let clone = attempt.clone();
    attempt.record_completed(ResponseIds::default(), None, NO_ITEMS);
    clone.record_cancelled("too late", None, NO_ITEMS);
    clone.record_failed("too late", None, NO_ITEMS);
    let dispatch = trace.start_tool_dispatch_trace(|| Some(invocation("c")));
    dispatch.clone().record_completed(ExecutionStatus::Completed, ToolDispatchResult::CodeModeResponse { value: "v" });
    dispatch.record_failed("too late");
    let cell = trace.start_code_cell_trace("turn", "1", "call", "text(1)");
    cell.record_started("call", "again");
    cell.record_initial_response(CellStatus::Yielded, "first");
    cell.record_initial_response(CellStatus::Yielded, "again");
    drop(cell);
    let later = trace.code_cell_trace_context("turn", "1");
    later.record_initial_response(CellStatus::Yielded, "again");
    later.record_ended(CellStatus::Completed, "done");
    later.record_ended(CellStatus::Completed, "again");
    let compaction = trace.compaction_trace_context("turn", None, "m", "p");
    let request = compaction.start_attempt(&json!({"input": []}));
    request.record_result::<Value, String>(Ok(NO_ITEMS));
    request.record_failed("too late");
    trace.record_codex_turn_ended("turn", ExecutionStatus::Completed);
    trace.record_ended(ExecutionStatus::Completed);
    trace.record_ended(ExecutionStatus::Failed);
    drop((trace, attempt, clone, dispatch, later, compaction, request));
    let recorded = Recorded::of(&sink);
    assert_eq!(
        recorded.types(),
        [
            "rollout_started",
            "thread_started",
            "codex_turn_started",
            "inference_started",
            "inference_completed",
            "tool_call_started",
            "tool_call_ended",
            "code_cell_started",
            "code_cell_initial_response",
            "code_cell_ended",
            "compaction_request_started",
            "compaction_request_completed",
            "codex_turn_ended",
            "thread_ended",
            "rollout_ended",
            "recording_completed",
        ]
    );
    let started = &recorded.of_type("tool_call_started")[0];
    assert_eq!(
        started["summary"],
        json!({"type": "generic", "label": "shell.exec_command", "input_preview": "ls -l", "output_preview": null})
    );
    assert_eq!(started["requester"], json!({"type": "code_cell", "runtime_cell_id": "1"}));
    assert_eq!(
        (&started["model_visible_call_id"], &started["code_mode_runtime_tool_id"]),
        (&Value::Null, &json!("tool-1"))
    );
}

#[test]
fn a_dropped_handle_says_that_it_was_abandoned() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
    attempt.record_started(&json!({"input": []}));
    drop(trace.inference_trace_context("turn", "m", "p").start_attempt());
    drop(attempt);
    drop(trace.start_tool_dispatch_trace(|| Some(invocation("c"))));
    drop(trace.compaction_trace_context("turn", None, "m", "p").start_attempt(&json!({})));
    drop(trace.start_code_cell_trace("turn", "7", "call", ""));
    drop(trace);
    let recorded = Recorded::of(&sink);
    let cancelled = &recorded.of_type("inference_cancelled");
    assert_eq!(cancelled.len(), 1, "an attempt that was never started has no end");
    assert!(cancelled[0]["reason"].as_str().is_some_and(|reason| reason.starts_with("abandoned")));
    assert_eq!(recorded.of_type("tool_call_ended")[0]["status"], "cancelled");
    assert!(recorded.of_type("compaction_request_failed")[0]["error"].to_string().contains("abandoned"));
    assert_eq!(recorded.of_type("rollout_ended")[0]["status"], "aborted");
    assert_eq!(
        recorded.reports("rollout_trace.abandoned"),
        [json!({"object": "thread", "id": ROOT_THREAD}), json!({"object": "code_cell", "id": "7"})]
    );
    assert_eq!(recorded.types().last(), Some(&"recording_completed"));
}

#[test]
fn the_last_dropped_handle_ends_the_recording() {
    let (root, sink) = in_memory(options(PayloadLayout::Packed));
    let child =
        root.start_child_thread_trace_or_disabled(metadata("child", "/root/child", SessionSource::Program("x".into())));
    root.record_ended(ExecutionStatus::Completed);
    drop(root);
    child.record_ended(ExecutionStatus::Completed);
    assert!(!sink.event_log().contains("recording_completed"));
    drop(child);
    let recorded = Recorded::of(&sink);
    assert!(recorded.types().ends_with(&["rollout_ended", "thread_ended", "recording_completed"]));
}

#[test]
fn finish_ends_the_recording_for_all() {
    let (root, sink) = in_memory(options(PayloadLayout::Packed));
    let kept = root.clone();
    root.record_ended(ExecutionStatus::Completed);
    root.finish();
    let log = sink.event_log();
    assert!(log.ends_with("{\"type\":\"recording_completed\"}}\n"));
    kept.record_codex_turn_started("late");
    kept.record_protocol_event("late", &json!({}));
    kept.finish();
    drop((root, kept));
    assert_eq!(sink.event_log(), log, "nothing follows the end marker");
}

#[test]
fn an_ended_child_is_resumed_and_a_running_one_is_not_begun_twice() {
    let (root, sink) = in_memory(options(PayloadLayout::Packed));
    let source = || metadata("child", "/root/child", SessionSource::Program("x".into()));
    let child = root.start_child_thread_trace_or_disabled(source());
    let again = root.start_child_thread_trace_or_disabled(source());
    drop(again);
    child.record_ended(ExecutionStatus::Completed);
    drop(child);
    let child = root.resume_child_thread_trace_or_disabled(source());
    child.record_codex_turn_started("turn-2");
    child.record_ended(ExecutionStatus::Completed);
    root.record_ended(ExecutionStatus::Completed);
    drop((root, child));
    let recorded = Recorded::of(&sink);
    assert_eq!(
        recorded.types()[2..],
        [
            "thread_started",
            "thread_ended",
            "thread_resumed",
            "codex_turn_started",
            "thread_ended",
            "thread_ended",
            "rollout_ended",
            "recording_completed",
        ]
    );
}

#[test]
fn the_same_session_makes_the_same_bytes() {
    let run = |layout| {
        let (trace, sink) = in_memory(options(layout));
        crate::traced_agent::run_session(&trace);
        drop(trace);
        sink.files()
    };
    assert_eq!(run(PayloadLayout::Files), run(PayloadLayout::Files));
    let [mut one, mut other] = [run(PayloadLayout::Packed), run(PayloadLayout::Packed)];
    // The salt of a pack is random.
    let [pack, other_pack] = [&mut one, &mut other].map(|files| files.remove("payloads.pack").expect("a pack"));
    assert_eq!(one, other);
    assert_eq!(pack.len(), other_pack.len());
}

#[test]
fn the_modes_of_requests_are_recorded() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    let attempt = || trace.inference_trace_context("turn \"1\"\n", "m\\", "p\u{e9}").start_attempt();
    let one: InferenceTraceAttempt = attempt();
    assert_eq!(one.request_header().map(|(name, _)| name), Some("x-codex-inference-call-id"));
    one.record_started_incremental(&json!({"input": [], "previous_response_id": "r"}), "r");
    attempt().record_started_incremental_with_untraced_prefix(&json!({"input": [1]}), "r", &json!({"input": [0]}));
    attempt().record_started_body(b"{ \"input\" : [ ] }");
    drop(one);
    drop(trace);
    for line in sink.event_log().lines() {
        let event: RawEvent = serde_json::from_str(line).expect("an event");
        assert_eq!(serde_json::to_string(&event).expect("JSON"), line, "each line is what the schema writes");
    }
    let recorded = Recorded::of(&sink);
    let modes: Vec<Value> =
        recorded.of_type("inference_started").iter().map(|event| event["request_input_mode"]["type"].clone()).collect();
    assert_eq!(modes, [json!("incremental"), json!("incremental_with_untraced_prefix"), Value::Null]);
    let body = recorded.references().into_iter().rfind(|r| r.kind.as_str() == "inference_request").expect("a request");
    assert_eq!(recorded.document(&body).expect("a document"), b"{ \"input\" : [ ] }");
}

#[test]
fn reserved_room_is_released() {
    let root = tempfile::TempDir::new().expect("a folder");
    let metadata = metadata(ROOT_THREAD, "/root", SessionSource::Program("test".into()));
    let trace = ThreadTraceContext::start_root(root.path(), metadata, TraceOptions::new()).expect("a bundle");
    let pack = trace.bundle_folder().expect("a folder").join(PACK_FILE);
    trace.record_protocol_event("small", &json!({"text": "small"}));
    let len = || pack.metadata().expect("a file").len();
    assert!(len() >= PACK_ROOM, "there is room for the next write");
    trace.record_protocol_event("large", &json!({"text": "large ".repeat(100_000)}));
    trace.record_protocol_event("small", &json!({"text": "small"}));
    trace.record_ended(ExecutionStatus::Completed);
    let all_and_room = len();
    drop(trace);
    assert!(len() > 600_000 && len() < all_and_room, "{} of {all_and_room}", len());
    let mut source = PayloadPack::open(pack.parent().expect("a folder"), &Limits::default()).expect("a pack");
    assert_eq!(source.numbers().expect("it is read"), [1, 2, 3, 4]);
    assert_eq!(source.unsound_bytes().expect("it is read"), 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_trace() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::TempDir::new().expect("a folder");
    for layout in crate::support::LAYOUTS {
        let traces = root.path().join(format!("{layout:?}/deep"));
        let metadata = metadata("root/../..", "/root", SessionSource::Program("x".into()));
        let trace =
            ThreadTraceContext::start_root(&traces, metadata, TraceOptions::new().layout(layout)).expect("a bundle");
        let mut open = vec![traces];
        while let Some(path) = open.pop() {
            let mode = path.metadata().expect("it is there").permissions().mode() & 0o777;
            assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
            if path.is_dir() {
                open.extend(path.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()));
            }
        }
        assert!(trace.bundle_folder().is_some_and(|folder| folder.is_dir()));
    }
}

#[test]
fn a_root_that_cannot_be_made_means_no_trace() {
    let root = tempfile::NamedTempFile::new().expect("a file");
    let source = || metadata("root", "/root", SessionSource::Program("x".into()));
    let error = ThreadTraceContext::start_root(&root.path().join("x"), source(), TraceOptions::new());
    assert!(error.is_err_and(|error| error.to_string().starts_with("cannot make the trace root")));
    let trace = ThreadTraceContext::start_root_in_or_disabled(&root.path().join("x"), source(), TraceOptions::new());
    assert!(!trace.is_enabled());
}
