//! Transcripts of Claude Code.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{codes, reduce, texts, write};
use rollout_trace_schema::ExecutionStatus;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn transcript(root: &Path) -> PathBuf {
    root.join("projects/-p/s1.jsonl")
}

fn line(second: usize, uuid: &str, parent: Option<&str>, rest: Value) -> String {
    let mut record = json!({
        "sessionId": "s1", "version": "9.9.9", "cwd": "/p", "uuid": uuid, "parentUuid": parent,
        "timestamp": format!("2026-01-02T03:04:{second:02}.000Z"),
    });
    record.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    record.to_string()
}

fn user(second: usize, uuid: &str, parent: Option<&str>, content: Value) -> String {
    line(second, uuid, parent, json!({"type": "user", "message": {"role": "user", "content": content}}))
}

fn assistant(second: usize, uuid: &str, parent: &str, id: &str, block: Value, stop: Option<&str>) -> String {
    let usage =
        json!({"input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3, "output_tokens": 4});
    line(
        second,
        uuid,
        Some(parent),
        json!({"type": "assistant", "message": {
            "id": id, "role": "assistant", "model": "m", "content": [block], "stop_reason": stop, "usage": usage,
        }}),
    )
}

fn call(id: &str, command: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": command}})
}

fn result(id: &str, text: &str) -> Value {
    json!([{"type": "tool_result", "tool_use_id": id, "content": text}])
}

fn session() -> Vec<String> {
    vec![
        user(1, "u1", None, json!("list")),
        assistant(2, "a1", "u1", "m1", call("c1", "ls"), None),
        // A tool starts while the answer still comes.
        user(3, "r1", Some("a1"), result("c1", "a")),
        assistant(4, "a2", "a1", "m1", call("c2", "pwd"), Some("tool_use")),
        user(5, "r2", Some("a2"), result("c2", "/p")),
        assistant(6, "a3", "r2", "m2", json!({"type": "text", "text": "done"}), Some("end_turn")),
    ]
}

#[test]
fn an_answer_comes_before_its_results() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    write(&path, &session());
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    assert_eq!(graph.codex_turns.values().next().unwrap().execution.status, ExecutionStatus::Completed);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        texts(&graph, calls[1].request_item_ids.iter()),
        [
            "message: list",
            r#"function_call: {"command":"ls"}"#,
            r#"function_call: {"command":"pwd"}"#,
            "function_call_output: a",
            "function_call_output: /p",
        ]
    );
    let usage = calls[0].usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.output_tokens), (6, 2, 4));
    // How the commands exited is not recorded.
    assert!(graph.terminal_operations.values().all(|operation| operation.result.as_ref().unwrap().exit_code.is_none()));
    assert_eq!(graph.evidence.unwrap().losses["exit_code_unknown"], 2);
}

fn hash(value: &Value) -> String {
    Sha256::digest(value.to_string().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A session whose second request names its messages by hashes.
fn with_hashes() -> Vec<String> {
    let shape = json!({"system": [{"type": "text", "text": "be good"}], "tools": []});
    let message = |role: &str, content: Value| json!({"role": role, "content": content});
    let prompt = message("user", json!([{"type": "text", "text": "reminder"}, {"type": "text", "text": "list"}]));
    let answer = message("assistant", json!([call("c1", "ls")]));
    let output = message("user", result("c1", "a"));
    let request = |second: usize, id: &str, base: Option<&str>, keep: usize, tail: &[&Value]| {
        let tail: Vec<_> = tail.iter().map(|message| hash(message)).collect();
        json!({
            "type": "api-request", "sessionId": "s1", "id": id, "base": base, "keep": keep, "tail": tail,
            "shapeHash": hash(&shape), "params": {"model": "m"},
            "timestamp": format!("2026-01-02T03:04:{second:02}.500Z"),
        })
        .to_string()
    };
    vec![
        user(1, "u1", None, json!("list")),
        json!({"type": "api-request-shape", "sessionId": "s1", "shapeHash": hash(&shape), "shape": shape}).to_string(),
        json!({"type": "api-request-blob", "sessionId": "s1", "hash": hash(&prompt), "message": prompt}).to_string(),
        request(1, "q1", None, 0, &[&prompt]),
        assistant(2, "a1", "u1", "m1", call("c1", "ls"), Some("tool_use")),
        user(3, "r1", Some("a1"), result("c1", "a")),
        request(3, "q2", Some("q1"), 1, &[&answer, &output]),
        assistant(4, "a2", "r1", "m2", json!({"type": "text", "text": "done"}), Some("end_turn")),
    ]
}

#[test]
fn hashes_verify_requests() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    write(&path, &with_hashes());
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    assert_eq!(graph.evidence.as_ref().unwrap().requests.verified, 2);
    let last = graph.inference_calls.values().next_back().unwrap();
    assert_eq!(
        texts(&graph, last.request_item_ids.iter()),
        ["message: reminder", "message: list", r#"function_call: {"command":"ls"}"#, "function_call_output: a",]
    );

    // Another text under a hash proves nothing.
    let mut lines = with_hashes();
    lines[2] = lines[2].replace("reminder", "forged");
    write(&path, &lines);
    let graph = reduce(&path);
    assert_eq!(graph.evidence.as_ref().unwrap().requests.verified, 0);
    assert_eq!(codes(&graph), ["request_not_verified", "request_not_verified"]);
}

#[test]
fn outputs_that_were_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let check = |stored: &str, expected: &[&str]| {
        let mut lines = session();
        let mut record: Value = serde_json::from_str(&lines[4]).unwrap();
        record["toolUseResult"] = json!({"stdout": "/p", "stderr": "", "persistedOutputPath": stored});
        lines[4] = record.to_string();
        write(&path, &lines);
        let graph = reduce(&path);
        assert_eq!(codes(&graph), expected, "{stored}");
        graph.terminal_operations.values().next_back().unwrap().result.as_ref().unwrap().stdout.clone()
    };
    let outputs = path.with_extension("").join("tool-results");
    fs::create_dir_all(&outputs).unwrap();
    fs::write(outputs.join("x.txt"), "all of it").unwrap();
    fs::write(folder.path().join("secret"), "no").unwrap();
    assert_eq!(check("/elsewhere/x.txt", &[]), "all of it");
    assert_eq!(check("/elsewhere/y.txt", &["source_output_missing"]), "/p");
    assert_eq!(check("/elsewhere/..", &["path_refused"]), "/p");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("secret"), outputs.join("z.txt")).unwrap();
        assert_eq!(check("/elsewhere/z.txt", &["path_refused"]), "/p");
    }
}

#[test]
fn circles_and_repetitions_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let mut lines = session();
    lines[0] = user(1, "u1", Some("r2"), json!("list"));
    write(&path, &lines);
    assert_eq!(reduce(&path).inference_calls.len(), 2);
    write(&path, &[session(), session()].concat());
    let graph = reduce(&path);
    assert_eq!(graph.inference_calls.len(), 2);
    assert_eq!(codes(&graph), ["source_repeated_record"; 6]);
}

#[test]
fn an_interruption_cancels() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let mut lines = session();
    lines[5] = assistant(6, "a3", "r2", "m2", json!({"type": "text", "text": "par"}), None);
    lines.push(user(7, "i1", Some("a3"), json!([{"type": "text", "text": "[Request interrupted by user]"}])));
    write(&path, &lines);
    let graph = reduce(&path);
    let last = graph.inference_calls.values().next_back().unwrap();
    assert_eq!(last.execution.status, ExecutionStatus::Cancelled);
    assert_eq!(graph.codex_turns.values().next().unwrap().execution.status, ExecutionStatus::Cancelled);
}

#[test]
fn an_agent_of_an_agent_is_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let agent = |id: &str| json!({"type": "tool_use", "id": id, "name": "Agent", "input": {"prompt": "look"}});
    let found = || json!({"type": "text", "text": "found"});
    let thread = |call: &str| {
        vec![
            user(1, &format!("u-{call}"), None, json!("look")),
            assistant(
                2,
                &format!("a-{call}"),
                &format!("u-{call}"),
                &format!("m-{call}"),
                agent(call),
                Some("tool_use"),
            ),
            user(6, &format!("r-{call}"), Some(&format!("a-{call}")), result(call, "found")),
            assistant(7, &format!("b-{call}"), &format!("r-{call}"), &format!("n-{call}"), found(), Some("end_turn")),
        ]
    };
    write(&path, &thread("c1"));
    let agents = path.with_extension("").join("subagents");
    let transcript_of = |name: &str, lines: &[String], call: &str, depth: usize| {
        write(&agents.join(format!("agent-{name}.jsonl")), lines);
        let meta = json!({"agentType": "Explore", "description": format!("Look {name}"), "toolUseId": call, "spawnDepth": depth});
        write(&agents.join(format!("agent-{name}.meta.json")), &[meta.to_string()]);
    };
    transcript_of("z", &thread("c2"), "c1", 1);
    let answer = assistant(4, "a-last", "u-last", "m-last", found(), Some("end_turn"));
    transcript_of("b", &[user(3, "u-last", None, json!("look")), answer], "c2", 2);
    let graph = reduce(&path);
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let paths: BTreeSet<&str> = graph.threads.values().map(|thread| thread.agent_path.as_str()).collect();
    assert_eq!(paths, BTreeSet::from(["/root", "/root/look_z", "/root/look_z/look_b"]));
    let mut edges: Vec<&str> = graph.interaction_edges.values().map(|edge| edge.kind.as_str()).collect();
    edges.sort_unstable();
    assert_eq!(edges, ["agent_result", "agent_result", "spawn_agent", "spawn_agent"]);
}
