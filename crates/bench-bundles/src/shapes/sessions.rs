//! Session files of other programs, in which each answer follows a prompt.

use serde_json::{Value, json};

fn time(number: usize) -> String {
    format!("2026-01-02T{:02}:{:02}:{:02}.000Z", number / 3600 % 24, number / 60 % 60, number % 60)
}

/// A rollout file of Codex.
pub(super) fn codex(size: usize) -> Vec<Value> {
    let record = |number: usize, kind: &str, payload: Value| json!({"timestamp": time(number), "type": kind, "payload": payload});
    let mut lines = vec![record(0, "session_meta", json!({"id": "01900000-0000-7000-8000-000000000001", "cwd": "/p"}))];
    for number in 0..size {
        let message = |role: &str, part: &str| json!({"type": "message", "role": role, "content": [{"type": part, "text": text(number)}]});
        let figures =
            json!({"total_token_usage": {"total_tokens": number + 1}, "last_token_usage": {"input_tokens": 1}});
        lines.push(record(number, "response_item", message("user", "input_text")));
        lines.push(record(number, "response_item", message("assistant", "output_text")));
        lines.push(record(number, "event_msg", json!({"type": "token_count", "info": figures})));
    }
    lines
}

/// A transcript of Claude Code.
pub(super) fn claude_code(size: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    for number in 0..size {
        let before = number.checked_sub(1).map(|before| format!("a{before}"));
        lines.push(json!({
            "type": "user", "uuid": format!("u{number}"), "parentUuid": before, "sessionId": "s", "timestamp": time(number),
            "message": {"role": "user", "content": text(number)},
        }));
        lines.push(json!({
            "type": "assistant", "uuid": format!("a{number}"), "parentUuid": format!("u{number}"), "sessionId": "s",
            "timestamp": time(number), "message": {
                "id": format!("m{number}"), "role": "assistant", "model": "m", "stop_reason": "end_turn",
                "content": [{"type": "text", "text": text(number)}], "usage": {"input_tokens": 1, "output_tokens": 1},
            },
        }));
    }
    lines
}

/// A session of Pi.
pub(super) fn pi(size: usize) -> Vec<Value> {
    let mut lines = vec![json!({"type": "session", "version": 3, "id": "s", "timestamp": time(0), "cwd": "/p"})];
    let mut before: Option<String> = None;
    for number in 0..2 * size {
        let role = if number % 2 == 0 { "user" } else { "assistant" };
        let message = json!({"role": role, "content": [{"type": "text", "text": text(number)}], "stopReason": "stop"});
        let id = format!("e{number}");
        let parent = before.replace(id.clone());
        let timestamp = time(number);
        lines
            .push(json!({"type": "message", "id": id, "parentId": parent, "timestamp": timestamp, "message": message}));
    }
    lines
}

/// A chat of Gemini CLI.
pub(super) fn gemini(size: usize) -> Vec<Value> {
    let mut lines = vec![json!({"sessionId": "s", "projectHash": "h", "startTime": time(0), "kind": "main"})];
    for number in 0..size {
        let record = |kind: &str| json!({"id": format!("{kind}{number}"), "timestamp": time(number), "type": kind, "content": text(number)});
        lines.push(record("user"));
        lines.push(record("gemini"));
    }
    lines
}

/// A text that is long enough to be stored once.
fn text(number: usize) -> String {
    format!("text {number} {}", "of some length ".repeat(4))
}
