//! Sessions of Pi and chats of Gemini CLI.

use crate::support::{codes, reduce, texts, write};
use rollout_trace_schema::ExecutionStatus;
use serde_json::{Value, json};

fn entry(second: usize, id: &str, parent: Option<&str>, message: Value) -> String {
    let timestamp = format!("2026-01-02T03:04:{second:02}.000Z");
    json!({"type": "message", "id": id, "parentId": parent, "timestamp": timestamp, "message": message}).to_string()
}

fn says(role: &str, text: &str) -> Value {
    json!({"role": role, "content": [{"type": "text", "text": text}], "stopReason": "stop"})
}

#[test]
fn branches_and_compactions_of_pi() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.jsonl");
    let compaction = json!({
        "type": "compaction", "id": "k", "parentId": "a2", "timestamp": "2026-01-02T03:04:06.000Z", "summary": "so far",
        "firstKeptEntryId": "u2",
    });
    write(
        &path,
        &[
            json!({"type": "session", "version": 3, "id": "s", "timestamp": "2026-01-02T03:04:00.000Z", "cwd": "/p"})
                .to_string(),
            entry(1, "u1", None, says("user", "first")),
            entry(2, "a1", Some("u1"), says("assistant", "one")),
            entry(3, "x", Some("a1"), says("user", "abandoned")),
            entry(4, "u2", Some("a1"), says("user", "second")),
            entry(5, "a2", Some("u2"), says("assistant", "two")),
            compaction.to_string(),
            entry(7, "u3", Some("k"), says("user", "third")),
            entry(8, "a3", Some("u3"), says("assistant", "three")),
        ],
    );
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    assert_eq!(texts(&graph, calls[1].request_item_ids.iter()), ["message: first", "message: one", "message: second"]);
    let third = ["message: so far", "message: second", "message: two", "message: third"];
    assert_eq!(texts(&graph, calls[2].request_item_ids.iter()), third);
    assert_eq!(graph.compactions.len(), 1);
}

#[test]
fn an_answer_of_gemini_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chats/session-1.jsonl");
    let record = |second: usize, mut record: Value| {
        record["timestamp"] = json!(format!("2026-01-02T03:04:{second:02}.000Z"));
        record.to_string()
    };
    let response = json!({"functionResponse": {"id": "c1", "name": "ls", "response": {"output": "a"}}});
    let tokens = json!({"input": 7, "output": 2, "cached": 1, "thoughts": 0});
    write(
        &path,
        &[
            json!({"sessionId": "s", "projectHash": "h", "startTime": "2026-01-02T03:04:00.000Z"}).to_string(),
            record(1, json!({"id": "u1", "type": "user", "content": [{"text": "list"}]})),
            record(2, json!({"id": "g1", "type": "gemini", "content": "", "tokens": tokens, "model": "m"})),
            record(
                3,
                json!({"id": "g1", "type": "gemini", "content": "", "tokens": tokens, "model": "m", "toolCalls": [
                    {"id": "c1", "name": "ls", "args": {"dir": "."}, "status": "success"},
                ]}),
            ),
            record(4, json!({"id": "u2", "type": "user", "content": [response]})),
            record(5, json!({"id": "g2", "type": "gemini", "content": "done", "tokens": tokens, "model": "m"})),
            record(6, json!({"id": "?", "type": "tomorrow"})),
        ],
    );
    let graph = reduce(&path);
    assert_eq!(codes(&graph), ["source_unknown_record"]);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    assert_eq!(calls.len(), 2);
    let second = ["message: list", r#"function_call: {"dir":"."}"#, r#"function_call_output: {"output":"a"}"#];
    assert_eq!(texts(&graph, calls[1].request_item_ids.iter()), second);
    assert_eq!(graph.tool_calls.values().next().unwrap().model_visible_output_item_ids.len(), 1);
}

#[test]
fn an_older_chat_of_gemini_is_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chats/session-1.json");
    let call = json!({
        "id": "c1", "name": "ls", "args": {}, "status": "error",
        "result": [{"functionResponse": {"id": "c1", "name": "ls", "response": {"error": "no"}}}],
    });
    let messages = json!([
        {"id": "u1", "timestamp": "2026-01-02T03:04:01.000Z", "type": "user", "content": "list"},
        {"id": "g1", "timestamp": "2026-01-02T03:04:02.000Z", "type": "gemini", "content": "", "toolCalls": [call]},
        {"id": "g2", "timestamp": "2026-01-02T03:04:03.000Z", "type": "gemini", "content": "it failed"},
    ]);
    let text = format!(
        "{{\n\"sessionId\": \"s\",\n\"projectHash\": \"h\",\n\"messages\": {}\n}}",
        serde_json::to_string_pretty(&messages).unwrap()
    );
    write(&path, &text.lines().map(str::to_owned).collect::<Vec<_>>());
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    let second = ["message: list", "function_call: {}", r#"function_call_output: {"error":"no"}"#];
    assert_eq!(texts(&graph, calls[1].request_item_ids.iter()), second);
    assert_eq!(graph.tool_calls.values().next().unwrap().execution.status, ExecutionStatus::Failed);
    let line = calls[1].evidence_source.unwrap().line;
    assert_eq!(text.lines().nth(usize::try_from(line).unwrap() - 1).unwrap().trim(), "{");

    std::fs::write(&path, &text[..text.find("it failed").unwrap()]).unwrap();
    let graph = reduce(&path);
    assert_eq!((graph.inference_calls.len(), codes(&graph)), (1, vec!["source_torn_line"]));
}

#[test]
fn an_agent_of_gemini_is_read_from_its_own_chat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chats/session-1.jsonl");
    let header = |session: &str, kind: &str| {
        json!({"sessionId": session, "projectHash": "h", "startTime": "2026-01-02T03:04:00.000Z", "kind": kind})
            .to_string()
    };
    let record = |second: usize, mut record: Value| {
        record["timestamp"] = json!(format!("2026-01-02T03:04:{second:02}.000Z"));
        record.to_string()
    };
    let call = json!({"id": "c1", "name": "investigator", "args": {"objective": "look"}, "agentId": "a1"});
    let response = json!({"functionResponse": {"id": "c1", "response": {"output": "found"}}});
    write(
        &path,
        &[
            header("s", "main"),
            record(1, json!({"id": "u1", "type": "user", "content": "look"})),
            record(2, json!({"id": "g1", "type": "gemini", "content": "", "toolCalls": [call]})),
            record(6, json!({"id": "u2", "type": "user", "content": [response]})),
            record(7, json!({"id": "g2", "type": "gemini", "content": "done"})),
        ],
    );
    assert_eq!(codes(&reduce(&path)), ["source_file_missing", "undelivered_message"]);
    write(
        &folder.path().join("chats/s/a1.jsonl"),
        &[
            header("s", "subagent"),
            record(3, json!({"id": "u3", "type": "user", "content": "look"})),
            record(4, json!({"id": "g3", "type": "gemini", "content": "found"})),
        ],
    );
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    assert_eq!((graph.threads.len(), graph.inference_calls.len()), (2, 3));
    let mut kinds: Vec<&str> = graph.interaction_edges.values().map(|edge| edge.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["agent_result", "spawn_agent"]);
}

#[test]
fn a_rewritten_history_of_gemini_keeps_its_items() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.jsonl");
    let user = |id: &str, text: &str| json!({"id": id, "type": "user", "content": text});
    let answer = |id: &str| json!({"id": id, "type": "gemini", "content": id});
    let lines = [
        json!({"sessionId": "s", "projectHash": "h", "startTime": "2026-01-02T03:04:00.000Z"}),
        user("u1", "one"),
        answer("g1"),
        user("u2", "two"),
        answer("g2"),
        json!({"$set": {"messages": [user("u1", "one"), answer("g1")]}}),
        user("u3", "three"),
        answer("g3"),
        json!({"$rewindTo": "u1"}),
        user("u4", "four"),
        answer("g4"),
    ];
    write(&path, &lines.map(|line| line.to_string()));
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    assert_eq!(texts(&graph, calls[2].request_item_ids.iter()), ["message: one", "message: g1", "message: three"]);
    assert_eq!(texts(&graph, calls[3].request_item_ids.iter()), ["message: one", "message: four"]);
}
