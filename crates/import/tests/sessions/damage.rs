//! Sessions of every format that are cut, or of which a line is damaged.

use std::{fs, path::Path};

use crate::support::{codes, reduce};
use rollout_trace_import::{Limits, Session};
use serde_json::{Value, json};

/// A short session of each format.
fn samples() -> [Vec<Value>; 4] {
    let time = "2026-01-02T03:04:05.000Z";
    let item = |payload: Value| json!({"timestamp": time, "type": "response_item", "payload": payload});
    let codex = vec![
        json!({"timestamp": time, "type": "session_meta", "payload": {"id": "01900000-0000-7000-8000-000000000001"}}),
        item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "é"}]})),
        item(json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"})),
        item(json!({"type": "function_call_output", "call_id": "c1", "output": "x"})),
        item(json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "done"}]})),
    ];
    let line = |kind: &str, uuid: &str, parent: Option<&str>, message: Value| json!({"type": kind, "uuid": uuid, "parentUuid": parent, "sessionId": "s", "timestamp": time, "message": message});
    let call = json!({"type": "tool_use", "id": "c1", "name": "Bash", "input": {"command": "ls"}});
    let claude_code = vec![
        line("user", "u1", None, json!({"role": "user", "content": "é"})),
        line("assistant", "a1", Some("u1"), json!({"id": "m1", "role": "assistant", "model": "m", "content": [call]})),
        line(
            "user",
            "r1",
            Some("a1"),
            json!({
                "role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a"}],
            }),
        ),
    ];
    let entry = |id: &str, parent: Option<&str>, message: Value| json!({"type": "message", "id": id, "parentId": parent, "timestamp": time, "message": message});
    let pi = vec![
        json!({"type": "session", "version": 3, "id": "s", "timestamp": time, "cwd": "/p"}),
        entry("u", None, json!({"role": "user", "content": "é"})),
        entry(
            "a",
            Some("u"),
            json!({"role": "assistant", "content": [{"type": "text", "text": "x"}], "stopReason": "stop"}),
        ),
    ];
    let gemini = vec![
        json!({"sessionId": "s", "projectHash": "h", "startTime": time}),
        json!({"id": "u", "timestamp": time, "type": "user", "content": "é"}),
        json!({"id": "g", "timestamp": time, "type": "gemini", "content": "x", "toolCalls": [{"id": "c", "name": "ls"}]}),
    ];
    [codex, claude_code, pi, gemini]
}

/// Imports the bytes, if they are still a session. Returns the codes of its diagnostics.
fn imported(path: &Path, bytes: &[u8]) -> Option<Vec<&'static str>> {
    fs::write(path, bytes).unwrap();
    Session::open(path, Limits::default()).ok()?;
    Some(codes(&reduce(path)))
}

#[test]
fn a_session_that_is_cut_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.jsonl");
    for sample in samples() {
        let text: String = sample.iter().map(|line| format!("{line}\n")).collect();
        let first = text.find('\n').unwrap();
        for end in first..text.len() {
            let codes = imported(&path, &text.as_bytes()[..end]).expect("its header is there");
            let is_torn = !text.as_bytes()[..end].ends_with(b"\n") && !text.as_bytes()[end..].starts_with(b"\n");
            assert_eq!(codes.contains(&"source_torn_line"), is_torn, "{end}: {codes:?}");
        }
    }
}

#[test]
fn a_line_that_is_damaged_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.jsonl");
    for sample in samples() {
        for damaged in 0..sample.len() {
            for (from, to) in [("\"", "\0"), (":", ""), ("{", "{{")] {
                let line = |(place, line): (usize, &Value)| match place == damaged {
                    true => format!("{}\n", line.to_string().replacen(from, to, 1)),
                    false => format!("{line}\n"),
                };
                let text: String = sample.iter().enumerate().map(line).collect();
                // Without its header, a short session may be that of no known program.
                let Some(codes) = imported(&path, text.as_bytes()) else { continue };
                assert!(codes.contains(&"source_unparsable_line"), "{codes:?} of {text}");
            }
        }
    }
}
