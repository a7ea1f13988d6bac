//! A run that was recorded, and of which there is a session file as well.

use crate::{
    codex::{THREAD, file, message, session},
    support::{reduce, reduce_recorded, texts, write},
};
use rollout_trace_model::{EvidenceGrade, RolloutTrace};
use serde_json::{Value, json};

/// The same run as the session of Codex, as a recorder saw it.
fn recorded() -> RolloutTrace {
    let call = json!({
        "type": "function_call", "id": "f1", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}", "call_id": "c1",
    });
    let output = json!({"type": "function_call_output", "id": "o1", "call_id": "c1", "output": "a"});
    let prompt = message("u1", "user", "list");
    let event = |kind: &str, rest: Value| {
        let mut event = rest;
        event["type"] = json!(kind);
        event
    };
    let started = |id: &str, input: Value| {
        let rest = json!({
            "inference_call_id": id, "thread_id": THREAD, "codex_turn_id": "t1", "model": "m", "provider_name": "acme",
        });
        (event("inference_started", rest), Some(("request_payload", json!({"input": input, "tools": [{"name": "x"}]}))))
    };
    let completed = |id: &str, response: &str, item: Value| {
        let usage = json!({
            "input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 2, "reasoning_output_tokens": 0,
            "total_tokens": 12,
        });
        let document = json!({"response_id": response, "token_usage": usage, "output_items": [item]});
        let rest = json!({"inference_call_id": id, "response_id": response, "upstream_request_id": "req"});
        (event("inference_completed", rest), Some(("response_payload", document)))
    };
    let accepted = |id: &str| (event("history_item_accepted", json!({"item_id": id})), None);
    let tool = json!({
        "tool_call_id": "c1", "model_visible_call_id": "c1", "requester": {"type": "model"},
        "kind": {"type": "exec_command"}, "summary": {"type": "generic", "label": "exec_command"},
    });
    let run = json!({"command": ["bash", "-lc", "ls"], "cwd": "/p", "call_id": "c1"});
    let mut end = run.clone();
    (end["exit_code"], end["aggregated_output"], end["stdout"]) = (json!(0), json!("a\n"), json!("a\n"));
    let result = json!({"type": "direct_response", "response_item": output});
    let of_tool = |rest: Value| {
        let mut rest = rest;
        rest["tool_call_id"] = json!("c1");
        rest
    };
    let kind = json!({"kind": {"type": "exec_command"}});
    let status = json!({"status": "completed"});
    reduce_recorded(
        THREAD,
        "t1",
        vec![
            (event("rollout_started", json!({"trace_id": "tr", "root_thread_id": THREAD})), None),
            (event("thread_started", json!({"thread_id": THREAD, "agent_path": "/root"})), None),
            (event("codex_turn_started", json!({"codex_turn_id": "t1", "thread_id": THREAD})), None),
            accepted("u1"),
            started("i1", json!([prompt])),
            accepted("f1"),
            completed("i1", "r1", call.clone()),
            (event("tool_call_started", tool), None),
            (event("tool_call_runtime_started", of_tool(kind)), Some(("runtime_payload", run))),
            (event("tool_call_runtime_ended", of_tool(status.clone())), Some(("runtime_payload", end))),
            (event("tool_call_ended", of_tool(status.clone())), Some(("result_payload", result))),
            accepted("o1"),
            started("i2", json!([prompt, call, output])),
            accepted("a1"),
            completed("i2", "r2", message("a1", "assistant", "done")),
            (event("codex_turn_ended", json!({"codex_turn_id": "t1", "status": "completed"})), None),
            (event("thread_ended", json!({"thread_id": THREAD, "status": "completed"})), None),
            (event("rollout_ended", status), None),
            (event("recording_completed", json!({})), None),
        ],
    )
}

#[test]
fn an_import_says_the_same_as_a_recording_and_less() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), THREAD);
    write(&path, &session());
    let (imported, recorded) = (reduce(&path), recorded());
    assert!(recorded.diagnostics.is_empty(), "{:?}", recorded.diagnostics);
    let items = |graph: &RolloutTrace| texts(graph, graph.conversation_items.keys().copied());
    assert_eq!(items(&imported), items(&recorded));
    let calls = |graph: &RolloutTrace| -> Vec<_> {
        let calls = graph.inference_calls.values();
        calls
            .map(|call| {
                let request = texts(graph, call.request_item_ids.iter());
                (
                    call.response_id.clone(),
                    call.model.clone(),
                    request,
                    texts(graph, call.response_item_ids.iter().copied()),
                )
            })
            .collect()
    };
    assert_eq!(calls(&imported), calls(&recorded));
    let tools = |graph: &RolloutTrace| -> Vec<_> {
        let outputs =
            |tool: &rollout_trace_model::ToolCall| texts(graph, tool.model_visible_output_item_ids.iter().copied());
        let calls = graph.tool_calls.values();
        calls.map(|tool| (tool.kind.clone(), tool.execution.status.clone(), outputs(tool))).collect()
    };
    assert_eq!(tools(&imported), tools(&recorded));
    let results = |graph: &RolloutTrace| -> Vec<_> {
        let results = graph.terminal_operations.values().filter_map(|operation| operation.result.as_ref());
        results.map(|result| (result.exit_code, result.stdout.clone())).collect()
    };
    assert_eq!(results(&imported), results(&recorded));

    // What only a recorder sees is absent, and what was put together says so.
    let first = imported.inference_calls.values().next().unwrap();
    assert_eq!((first.upstream_request_id.clone(), first.evidence.clone()), (None, Some(EvidenceGrade::Reconstructed)));
    assert!(
        recorded.inference_calls.values().all(|call| call.upstream_request_id.is_some() && call.evidence.is_none())
    );
    assert_eq!(imported.threads.values().next().unwrap().execution.ended_at_unix_ms, None);
    assert!(imported.evidence.is_some() && recorded.evidence.is_none());
}
