//! Makes graphs from short scripts.

use rollout_trace_model::RolloutTrace;
use serde_json::{Map, Value, json};

/// Makes a graph from lines of words: `KIND ID WORDS…`. Times are milliseconds after the start of the rollout, and `-`
/// is the end of what has not ended.
///
/// * `rollout END`
/// * `thread ID START END`, of which the first is the root
/// * `turn`, `request`, `compaction`: `ID THREAD START END`
/// * `tool ID THREAD START END KIND`, where `exec_command` may be followed by when the command started
/// * `cell ID THREAD START ANSWER END`
/// * `edge ID KIND FROM TO AT`, where FROM is a tool or a thread
pub(crate) fn graph(script: &str) -> RolloutTrace {
    let mut graph = json!({
        "schema_version": 2, "trace_id": "trace", "rollout_id": "rollout", "started_at_unix_ms": START,
        "ended_at_unix_ms": null, "status": "running", "root_thread_id": "",
    });
    for map in [
        "threads",
        "codex_turns",
        "conversation_items",
        "inference_calls",
        "code_cells",
        "tool_calls",
        "terminal_sessions",
        "terminal_operations",
        "compactions",
        "compaction_requests",
        "interaction_edges",
        "raw_payloads",
    ] {
        graph[map] = json!({});
    }
    for (seq, line) in script.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        add(&mut graph, seq, &line.split_whitespace().collect::<Vec<_>>());
    }
    serde_json::from_value(graph).expect("the script makes a whole graph")
}

const START: i64 = 1_000_000;

fn add(graph: &mut Value, seq: usize, words: &[&str]) {
    match *words {
        ["rollout", end] => graph["ended_at_unix_ms"] = at(end),
        ["thread", id, start, end] => {
            if graph["root_thread_id"] == "" {
                graph["root_thread_id"] = id.into();
            }
            graph["threads"][id] = json!({
                "thread_id": id, "agent_path": id, "nickname": null, "origin": { "type": "root" },
                "execution": execution(seq, start, end), "default_model": null, "conversation_item_ids": [],
            });
        }
        ["turn", id, thread, start, end] => {
            graph["codex_turns"][id] = json!({
                "codex_turn_id": id, "thread_id": thread, "execution": execution(seq, start, end), "input_item_ids": [],
            });
        }
        ["request", id, thread, start, end] => {
            let mut call = nulls(&[
                "codex_turn_id",
                "response_id",
                "upstream_request_id",
                "usage",
                "raw_request_payload_id",
                "raw_response_payload_id",
            ]);
            merge(
                &mut call,
                json!({
                    "inference_call_id": id, "thread_id": thread, "execution": execution(seq, start, end), "model": "m",
                    "provider_name": "p", "request_item_ids": [], "response_item_ids": [],
                    "tool_call_ids_started_by_response": [],
                }),
            );
            graph["inference_calls"][id] = call;
        }
        ["compaction", id, thread, start, end] => {
            let mut request = nulls(&["codex_turn_id", "raw_request_payload_id", "raw_response_payload_id"]);
            merge(
                &mut request,
                json!({
                    "compaction_request_id": id, "compaction_id": "c", "thread_id": thread,
                    "execution": execution(seq, start, end), "model": "m", "provider_name": "p",
                }),
            );
            graph["compaction_requests"][id] = request;
        }
        ["cell", id, thread, start, answer, end] => {
            let mut cell = nulls(&[
                "codex_turn_id",
                "runtime_cell_id",
                "initial_response_seq",
                "yielded_at_unix_ms",
                "yielded_seq",
            ]);
            merge(
                &mut cell,
                json!({
                    "code_cell_id": id, "model_visible_call_id": id, "thread_id": thread,
                    "source_item_id": "conversation_item:1", "output_item_ids": [],
                    "execution": execution(seq, start, end), "runtime_status": "completed",
                    "initial_response_at_unix_ms": at(answer), "source_js": "", "nested_tool_call_ids": [],
                    "wait_tool_call_ids": [],
                }),
            );
            graph["code_cells"][id] = cell;
        }
        ["tool", id, thread, start, end, kind, ref command @ ..] => {
            let operation = command.first().map(|start| {
                let id = format!("terminal_operation:{seq}");
                graph["terminal_operations"][&id] = json!({
                    "operation_id": id, "terminal_id": null, "tool_call_id": words[1], "kind": "exec_command",
                    "execution": execution(seq, start, end), "result": null, "model_observations": [],
                    "raw_payload_ids": [], "request": { "type": "write_stdin", "stdin": "", "yield_time_ms": null,
                        "max_output_tokens": null },
                });
                id
            });
            let mut call = nulls(&[
                "mcp_call_id",
                "model_visible_call_id",
                "code_mode_runtime_tool_id",
                "started_by_codex_turn_id",
                "raw_invocation_payload_id",
                "raw_result_payload_id",
            ]);
            let kind = if kind == "exec" { json!({ "type": "other", "name": kind }) } else { json!({ "type": kind }) };
            merge(
                &mut call,
                json!({
                    "tool_call_id": id, "thread_id": thread, "execution": execution(seq, start, end),
                    "requester": { "type": "model" }, "kind": kind, "model_visible_call_item_ids": [],
                    "model_visible_output_item_ids": [], "terminal_operation_id": operation,
                    "summary": { "type": "generic", "label": id }, "raw_runtime_payload_ids": [],
                }),
            );
            graph["tool_calls"][id] = call;
        }
        ["edge", id, kind, from, to, time] => {
            let source = match graph["tool_calls"].get(from) {
                Some(_) => json!({ "type": "tool_call", "tool_call_id": from }),
                None => json!({ "type": "thread", "thread_id": from }),
            };
            graph["interaction_edges"][id] = json!({
                "edge_id": id, "kind": kind, "source": source, "target": { "type": "thread", "thread_id": to },
                "started_at_unix_ms": at(time), "ended_at_unix_ms": null, "carried_item_ids": [],
                "carried_raw_payload_ids": [],
            });
        }
        _ => panic!("not understood: {words:?}"),
    }
}

fn at(time: &str) -> Value {
    time.parse::<i64>().map_or(Value::Null, |ms| (START + ms).into())
}

fn execution(seq: usize, start: &str, end: &str) -> Value {
    let ended_seq = if end == "-" { Value::Null } else { (seq + 1000).into() };
    json!({
        "started_at_unix_ms": at(start), "started_seq": seq, "ended_at_unix_ms": at(end), "ended_seq": ended_seq,
        "status": if end == "-" { "running" } else { "completed" },
    })
}

fn nulls(keys: &[&str]) -> Value {
    keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect::<Map<_, _>>().into()
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
