//! Builds small graphs from short scripts.

use rollout_trace_model::{RolloutTrace, json_schema};
use serde_json::{Value, json};

pub(crate) const ROOT: &str = "01a1fb89-e3ec-7242-9e47-0e00f00484ac";
pub(crate) const CHILD: &str = "01a1fb89-e502-7a73-9523-cf5cf99f9657";

/// Builds a graph step by step, each step at the next seq.
pub(crate) struct Script {
    graph: Value,
    seq: u64,
    items: u32,
    turns: Vec<(String, String)>,
}

impl Script {
    /// Creates a script with a root agent in its first turn.
    pub(crate) fn new() -> Self {
        let graph = json!({
            "schema_version": 1, "trace_id": "4fb6e660-d0ed-4401-9179-2c6489f0f134", "rollout_id": ROOT,
            "started_at_unix_ms": 1000, "ended_at_unix_ms": null, "status": "running", "root_thread_id": ROOT,
            "threads": {}, "codex_turns": {}, "conversation_items": {}, "inference_calls": {}, "code_cells": {},
            "tool_calls": {}, "terminal_sessions": {}, "terminal_operations": {}, "compactions": {},
            "compaction_requests": {}, "interaction_edges": {}, "raw_payloads": {},
        });
        let mut script = Self { graph, seq: 0, items: 0, turns: Vec::new() };
        script.thread(ROOT, "/root", json!({"type": "root"}));
        script.turn(ROOT, "01a1fb89-e429-7092-8ebd-c32460402328");
        script
    }

    pub(crate) fn put(&mut self, map: &str, id: &str, value: Value) {
        self.graph[map][id] = value;
    }

    pub(crate) fn at(&mut self, pointer: &str) -> &mut Value {
        self.graph.pointer_mut(pointer).expect("the script has added this object")
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.graph[key] = value;
    }

    /// Returns an execution that starts and ends at the next two seqs.
    pub(crate) fn ran(&mut self, status: &str) -> Value {
        self.seq += 2;
        let start = self.seq - 1;
        let end = (status != "running").then_some(self.seq);
        json!({
            "started_at_unix_ms": 1000 + start, "started_seq": start,
            "ended_at_unix_ms": end.map(|seq| 1000 + seq), "ended_seq": end, "status": status,
        })
    }

    pub(crate) fn thread(&mut self, id: &str, path: &str, origin: Value) {
        let execution = self.ran("running");
        self.put(
            "threads",
            id,
            json!({
                "thread_id": id, "agent_path": path, "nickname": null, "origin": origin, "execution": execution,
                "default_model": "a-model", "conversation_item_ids": [],
            }),
        );
    }

    pub(crate) fn turn(&mut self, thread: &str, id: &str) {
        let execution = self.ran("running");
        let turn = json!({"codex_turn_id": id, "thread_id": thread, "execution": execution, "input_item_ids": []});
        self.put("codex_turns", id, turn);
        self.turns.push((thread.to_owned(), id.to_owned()));
    }

    /// Adds an item to the latest turn, and returns its number.
    pub(crate) fn item(&mut self, role: &str, kind: &str, call: Option<&str>, part: Value) -> u32 {
        self.items += 1;
        let id = format!("conversation_item:{}", self.items);
        let (thread, turn) = self.turns.last().cloned().expect("the script has a turn");
        self.seq += 1;
        let parts = if part.is_null() { json!([]) } else { json!([part]) };
        let item = json!({
            "item_id": id, "thread_id": thread, "codex_turn_id": turn, "first_seen_at_unix_ms": 1000 + self.seq,
            "role": role, "channel": null, "kind": kind, "body": {"parts": parts}, "call_id": call, "produced_by": [],
            "first_seen_seq": self.seq, "last_seen_seq": self.seq,
        });
        self.put("conversation_items", &id, item);
        self.graph["threads"][thread]["conversation_item_ids"]
            .as_array_mut()
            .expect("the value is an array")
            .push(id.into());
        self.items
    }

    pub(crate) fn message(&mut self, role: &str, text: &str) -> u32 {
        self.item(role, "message", None, json!({"type": "text", "text": text}))
    }

    pub(crate) fn call(&mut self, call: &str, arguments: &str) -> u32 {
        let part = json!({"type": "json", "summary": arguments, "raw_payload_id": self.payload()});
        self.item("assistant", "function_call", Some(call), part)
    }

    pub(crate) fn output(&mut self, call: &str, text: &str) -> u32 {
        self.item("tool", "function_call_output", Some(call), json!({"type": "text", "text": text}))
    }

    pub(crate) fn payload(&mut self) -> String {
        let number = self.graph["raw_payloads"].as_object().expect("the value is an object").len() + 1;
        let id = format!("raw_payload:{number}");
        let payload = json!({
            "raw_payload_id": id, "kind": {"type": "inference_request"}, "path": format!("payloads/{number}.json"),
        });
        self.put("raw_payloads", &id, payload);
        id
    }

    pub(crate) fn produced(&mut self, item: u32, producer: Value) {
        let pointer = format!("/conversation_items/conversation_item:{item}/produced_by");
        self.at(&pointer).as_array_mut().expect("the value is an array").push(producer);
    }

    /// Adds a request of the latest turn and its response.
    pub(crate) fn inference(&mut self, id: &str, status: &str, request: &[u32], response: &[u32], tools: &[&str]) {
        let (thread, turn) = self.turns.last().cloned().expect("the script has a turn");
        let (execution, payload) = (self.ran(status), self.payload());
        let call = json!({
            "inference_call_id": id, "thread_id": thread, "codex_turn_id": turn, "execution": execution,
            "model": "a-model", "provider_name": "a-provider", "response_id": null, "upstream_request_id": null,
            "request_item_ids": item_ids(request), "response_item_ids": item_ids(response),
            "tool_call_ids_started_by_response": tools, "usage": null, "raw_request_payload_id": payload,
            "raw_response_payload_id": if response.is_empty() { Value::Null } else { payload.clone().into() },
        });
        self.put("inference_calls", id, call);
        response.iter().for_each(|&item| self.produced(item, json!({"type": "inference", "inference_call_id": id})));
    }

    /// Adds a tool call of the model in the latest turn.
    pub(crate) fn tool(&mut self, id: &str, kind: Value, status: &str, calls: &[u32], outputs: &[u32]) {
        let (thread, turn) = self.turns.last().cloned().expect("the script has a turn");
        let execution = self.ran(status);
        let tool = json!({
            "tool_call_id": id, "mcp_call_id": null, "model_visible_call_id": id, "code_mode_runtime_tool_id": null,
            "thread_id": thread, "started_by_codex_turn_id": turn, "execution": execution,
            "requester": {"type": "model"}, "kind": kind, "model_visible_call_item_ids": item_ids(calls),
            "model_visible_output_item_ids": item_ids(outputs), "terminal_operation_id": null,
            "summary": {"type": "generic", "label": "a_tool", "input_preview": "{\"a\": 1}", "output_preview": null},
            "raw_invocation_payload_id": null, "raw_result_payload_id": null, "raw_runtime_payload_ids": [],
        });
        self.put("tool_calls", id, tool);
        outputs.iter().for_each(|&item| self.produced(item, json!({"type": "tool", "tool_call_id": id})));
    }

    /// Adds the command of a tool call.
    pub(crate) fn command(&mut self, number: u32, tool: &str, command: &[&str], exit_code: Option<i64>, stdout: &str) {
        let id = format!("terminal_operation:{number}");
        let execution = self.ran(if exit_code.is_some() { "completed" } else { "running" });
        let result = exit_code.map(|code| {
            json!({
                "exit_code": code, "stdout": stdout, "stderr": "", "formatted_output": null,
                "original_token_count": null, "chunk_id": null,
            })
        });
        let operation = json!({
            "operation_id": id, "terminal_id": null, "tool_call_id": tool, "kind": "exec_command",
            "execution": execution, "result": result, "model_observations": [], "raw_payload_ids": [],
            "request": {
                "type": "exec_command", "command": command, "display_command": command.join(" "), "cwd": "/w",
                "yield_time_ms": null, "max_output_tokens": null,
            },
        });
        self.put("terminal_operations", &id, operation);
        *self.at(&format!("/tool_calls/{tool}/terminal_operation_id")) = id.clone().into();
        *self.at(&format!("/tool_calls/{tool}/summary")) = json!({"type": "terminal", "operation_id": id});
    }

    pub(crate) fn edge(&mut self, id: &str, kind: &str, source: Value, target: Value) {
        let carried = target.get("item_id").cloned().into_iter().collect::<Value>();
        self.put(
            "interaction_edges",
            id,
            json!({
                "edge_id": id, "kind": kind, "source": source, "target": target, "started_at_unix_ms": 1,
                "ended_at_unix_ms": 2, "carried_item_ids": carried, "carried_raw_payload_ids": [],
            }),
        );
    }

    /// Returns the graph, and checks that it is consistent and valid by the schema.
    pub(crate) fn graph(self) -> RolloutTrace {
        let validator = jsonschema::validator_for(&json_schema()).expect("the schema is valid");
        let invalid: Vec<_> = validator.iter_errors(&self.graph).map(|e| e.to_string()).collect();
        assert_eq!(invalid, [] as [String; 0]);
        let graph: RolloutTrace = serde_json::from_value(self.graph).expect("the script describes a graph");
        assert_eq!(graph.check_links(), [] as [String; 0]);
        graph
    }
}

pub(crate) fn item_ids(items: &[u32]) -> Vec<String> {
    items.iter().map(|number| format!("conversation_item:{number}")).collect()
}
