//! Rollout files of Codex.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{codes, events, reduce, texts, write};
use rollout_trace_import::{ImportedDocument, ImportedEvent};
use rollout_trace_schema::{
    ExecutionStatus,
    document::{SessionSource, ThreadSpawn},
};
use serde_json::{Value, json};

pub(crate) const THREAD: &str = "01900000-0000-7000-8000-000000000001";

const CHILD_PATH: &str = "/a";

pub(crate) fn file(root: &Path, thread: &str) -> PathBuf {
    root.join(format!("sessions/2026/01/02/rollout-2026-01-02T03-04-05-{thread}.jsonl"))
}

/// A record, at a second of its own.
fn record(second: usize, kind: &str, payload: Value) -> String {
    let timestamp = format!("2026-01-02T03:04:{second:02}.000Z");
    json!({"timestamp": timestamp, "ordinal": second, "type": kind, "payload": payload}).to_string()
}

fn item(second: usize, through: Option<u64>, payload: Value) -> String {
    let mut record: Value = serde_json::from_str(&record(second, "response_item", payload)).unwrap();
    record["metadata"] = json!({"history_sequence": second, "sampled_through_sequence": through});
    record.to_string()
}

pub(crate) fn message(id: &str, role: &str, text: &str) -> Value {
    json!({"type": "message", "id": id, "role": role, "content": [{"type": "input_text", "text": text}]})
}

fn usage(second: usize, response: &str) -> String {
    let usage = json!({"input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 2});
    record(second, "token_usage_record", json!({"response_id": response, "usage": usage}))
}

pub(crate) fn session() -> Vec<String> {
    vec![
        record(
            0,
            "session_meta",
            json!({
                "id": THREAD, "timestamp": "2026-01-02T03:04:00.000Z", "cwd": "/p", "cli_version": "9.9.9",
                "model_provider": "acme", "history_mode": "paginated",
            }),
        ),
        record(1, "event_msg", json!({"type": "task_started", "turn_id": "t1"})),
        record(2, "turn_context", json!({"turn_id": "t1", "model": "m"})),
        item(3, None, message("u1", "user", "list")),
        item(
            4,
            Some(3),
            json!({
                "type": "function_call", "id": "f1", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}", "call_id": "c1",
            }),
        ),
        usage(5, "r1"),
        record(
            6,
            "event_msg",
            json!({"type": "item_completed", "turn_id": "t1", "item": {
                "type": "CommandExecution", "id": "c1", "command": ["bash", "-lc", "ls"], "cwd": "file:///p",
                "aggregated_output": "a\n", "exit_code": 0, "status": "completed", "duration": {"secs": 1, "nanos": 0},
            }}),
        ),
        item(7, Some(3), json!({"type": "function_call_output", "id": "o1", "call_id": "c1", "output": "a"})),
        item(8, Some(7), message("a1", "assistant", "done")),
        usage(9, "r2"),
        record(10, "event_msg", json!({"type": "task_complete", "turn_id": "t1"})),
    ]
}

#[test]
fn a_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD);
    write(&path, &session());
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    assert_eq!(graph.status, ExecutionStatus::Completed);
    let evidence = graph.evidence.as_ref().unwrap();
    assert_eq!(evidence.producer.as_deref(), Some("codex 9.9.9"));
    assert_eq!((evidence.requests.recorded, evidence.sources.len()), (2, 1));
    assert_eq!(evidence.sources[0].bytes, fs::metadata(&path).unwrap().len());

    let calls: Vec<_> = graph.inference_calls.values().collect();
    assert_eq!(texts(&graph, calls[0].request_item_ids.iter()), ["message: list"]);
    let second = ["message: list", r#"function_call: {"cmd":"ls"}"#, "function_call_output: a"];
    assert_eq!(texts(&graph, calls[1].request_item_ids.iter()), second);
    assert_eq!(calls[1].usage.unwrap().input_tokens, 10);
    assert_eq!(calls[1].evidence_source.unwrap().line, 9);

    let operation = graph.terminal_operations.values().next().unwrap();
    let result = operation.result.as_ref().unwrap();
    assert_eq!((result.exit_code, result.stdout.as_str()), (Some(0), "a\n"));
    assert_eq!(operation.execution.started_at_unix_ms + 1000, operation.execution.ended_at_unix_ms.unwrap());
}

#[test]
fn the_same_bytes_give_the_same_events_and_a_growing_file_takes_none_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD);
    let lines = session();
    let text = |path: &Path| {
        let line = |imported: &ImportedEvent| {
            (
                serde_json::to_string(&imported.event).unwrap(),
                imported.payloads.iter().map(|(_, document)| document.clone()).collect(),
            )
        };
        events(path).iter().map(line).collect::<Vec<(String, Vec<ImportedDocument>)>>()
    };
    write(&path, &lines);
    let whole = text(&path);
    assert_eq!(whole, text(&path));
    // After the end of a turn, nothing is open.
    write(&path, &[&lines[..], &[record(11, "event_msg", json!({"type": "task_started", "turn_id": "t2"}))]].concat());
    assert_eq!(text(&path)[..whole.len()], whole);
}

#[test]
fn every_prefix_and_every_lost_line_gives_a_graph() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD);
    let lines = session();
    for lost in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(lost);
        write(&path, &rest);
        let graph = reduce(&path);
        assert_eq!(graph.root_thread_id.as_str(), THREAD, "without line {}", lost + 1);
        write(&path, &lines[..lost]);
        if lost > 0 {
            reduce(&path);
        }
    }
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for cut in (1..text.len()).step_by(97) {
        fs::write(&path, &text[..cut]).unwrap();
        if rollout_trace_import::detect(&path).is_some() {
            reduce(&path);
        }
    }
}

#[test]
fn damage_is_reported_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD);
    let check = |change: &dyn Fn(&mut Vec<String>), expected: &[&str]| {
        let mut lines = session();
        change(&mut lines);
        write(&path, &lines);
        assert_eq!(codes(&reduce(&path)), expected);
    };
    check(&|lines| lines[4].insert(0, '\0'), &["source_unparsable_line"]);
    check(&|lines| lines.insert(5, lines[4].clone()), &["source_repeated_record"]);
    check(&|lines| lines.insert(2, record(59, "tomorrow", json!({"x": 1}))), &["source_unknown_record"]);
    check(&|lines| lines[3] = lines[3].replace("2026-01-02T03:04:03.000Z", "soon"), &["source_time_unknown"]);
    check(&|lines| drop(lines.remove(0)), &["source_header_missing"]);

    fs::write(&path, session().join("\n") + "\n{\"timestamp\":").unwrap();
    assert_eq!(codes(&reduce(&path)), ["source_torn_line"]);
}

#[test]
fn a_compressed_file_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD).with_extension("jsonl.zst");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes = zstd::encode_all(session().join("\n").as_bytes(), 1).unwrap();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(reduce(&path).inference_calls.len(), 2);
    // Each block of its own frame.
    let frames: Vec<u8> =
        session().iter().flat_map(|line| zstd::encode_all(format!("{line}\n").as_bytes(), 1).unwrap()).collect();
    fs::write(&path, &frames[..frames.len() - 4]).unwrap();
    let graph = reduce(&path);
    assert_eq!((graph.inference_calls.len(), codes(&graph)), (2, vec!["source_damaged_archive"]));
}

#[test]
fn a_fork_inherits_history_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let base = file(folder.path(), THREAD);
    write(&base, &session());
    let fork = "01900000-0001-7000-8000-000000000002";
    let path = file(folder.path(), fork);
    let mut lines = vec![record(
        20,
        "session_meta",
        json!({
            "id": fork, "forked_from_id": THREAD, "history_mode": "paginated",
            "history_base": {"thread_id": THREAD, "end_ordinal_exclusive": 9},
        }),
    )];
    lines.push(record(21, "event_msg", json!({"type": "task_started", "turn_id": "t9"})));
    lines.push(item(22, None, message("u9", "user", "again")));
    lines.push(item(23, Some(22), message("a9", "assistant", "yes")));
    lines.push(usage(24, "r9"));
    write(&path, &lines);
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let call = graph.inference_calls.values().next().unwrap();
    assert_eq!((graph.inference_calls.len(), graph.tool_calls.len()), (1, 0));
    assert_eq!(call.request_item_ids.len(), 5);

    fs::remove_file(base).unwrap();
    let graph = reduce(&path);
    assert_eq!(codes(&graph), ["history_base_missing"]);
    assert_eq!(graph.evidence.unwrap().requests.implied, 1);
}

#[test]
fn a_child_is_read_from_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let child = "01900000-0002-7000-8000-000000000003";
    let mut lines = session();
    lines[4] = lines[4].replace("exec_command", "spawn_agent");
    lines[6] = record(
        6,
        "event_msg",
        json!({"type": "item_completed", "turn_id": "t1", "item": {
            "type": "SubAgentActivity", "id": "c1", "kind": "started", "agent_thread_id": child, "agent_path": CHILD_PATH,
        }}),
    );
    let path = file(folder.path(), THREAD);
    write(&path, &lines);
    assert_eq!(codes(&reduce(&path)), ["source_file_missing", "undelivered_message"]);

    let spawn = ThreadSpawn::new(THREAD, 1).agent_path(CHILD_PATH);
    let source = SessionSource::from(spawn);
    write(
        &file(folder.path(), child),
        &[
            record(6, "session_meta", json!({"id": child, "source": source})),
            record(7, "event_msg", json!({"type": "task_started", "turn_id": "t2"})),
        ],
    );
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    assert_eq!((graph.threads.len(), graph.interaction_edges.len()), (2, 1));
}

#[test]
fn a_compaction_takes_its_summary_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD);
    let mut lines = session();
    lines.truncate(8);
    lines.push(item(8, Some(7), message("s1", "assistant", "the summary")));
    lines.push(usage(9, "rs"));
    let replacement = [message("u2", "user", "before: the summary")];
    lines.push(record(10, "compacted", json!({"message": "before: the summary", "replacement_history": replacement})));
    write(&path, &lines);
    let graph = reduce(&path);
    let compaction = graph.compactions.values().next().unwrap();
    assert_eq!((graph.inference_calls.len(), compaction.request_ids.len()), (1, 1));
    assert_eq!(compaction.input_item_ids.len(), 3);
    assert_eq!(texts(&graph, compaction.replacement_item_ids.iter().copied()), ["message: before: the summary"]);
}
