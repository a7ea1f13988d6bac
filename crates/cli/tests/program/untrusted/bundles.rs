//! Bundles in which every text is hostile.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rollout_trace::schema::{EventPayload, PayloadKind};
use serde_json::{Map, Value, json};

use crate::support::sample;

/// What is added to every text: escape sequences, forged lines, and characters that turn or hide text.
pub(crate) const HOSTILE: &str = "\u{1b}[35m\u{9b}1m\u{1b}]0;t\u{7}\u{7f}\r\t\nFORGED\u{202e}\u{2066}\u{61c}\u{200b}\u{200d}\u{2060}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}\u{e000}";

/// Which texts are left as they are, so that readers get as far as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spared {
    /// Whatever decides how a document is read: types, enumerated values and paths.
    TypesAndValues,
    /// Only types.
    Types,
    /// Only the types of events.
    EventTypes,
    /// Nothing.
    Nothing,
}

impl Spared {
    pub(super) const ALL: [Self; 4] = [Self::TypesAndValues, Self::Types, Self::EventTypes, Self::Nothing];

    fn spares(self, key: &str, text: &str) -> bool {
        match self {
            Self::TypesAndValues => {
                matches!(key, "type" | "status" | "role" | "phase" | "path" | "kind" | "raw_event_log" | "payloads_dir")
                    || text.starts_with("rollout_trace.")
            }
            Self::Types => key == "type",
            Self::EventTypes | Self::Nothing => false,
        }
    }

    /// Makes every text of a value hostile.
    fn taint(self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) if self.spares(key, text) => {}
            Value::String(text) => match serde_json::from_str(text) {
                // The arguments of a call.
                Ok(mut inner @ Value::Object(_)) => {
                    self.taint(key, &mut inner);
                    *text = inner.to_string();
                }
                _ => text.push_str(HOSTILE),
            },
            Value::Array(values) => values.iter_mut().for_each(|value| self.taint(key, value)),
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(key, value)| self.taint(key, value));
                fields.insert(format!("new{HOSTILE}"), HOSTILE.into());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn read(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn write(path: PathBuf, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, value.to_string()).unwrap();
}

/// The events and documents of a bundle.
#[derive(Clone)]
struct Parts {
    manifest: Value,
    events: Vec<Value>,
    documents: Vec<(String, Value)>,
}

impl Parts {
    fn of(folder: &Path) -> Self {
        let log = fs::read_to_string(folder.join("trace.jsonl")).unwrap();
        let documents = fs::read_dir(folder.join("payloads")).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (format!("payloads/{}", path.file_name().unwrap().to_str().unwrap()), read(path))
        });
        Self {
            manifest: read(folder.join("manifest.json")),
            events: log.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            documents: documents.collect(),
        }
    }

    fn thread(&self) -> Value {
        self.manifest["root_thread_id"].clone()
    }

    /// Adds an event before the end marker. In its payload, `{"kind": KIND, "document": DOCUMENT}` is a document.
    fn add(&mut self, mut payload: Value) {
        for field in payload.as_object_mut().unwrap().values_mut().filter(|field| field.get("document").is_some()) {
            let number = self.documents.len() + 1;
            let path = format!("payloads/{number}.json");
            self.documents.push((path.clone(), field["document"].take()));
            let kind = json!({"type": field["kind"]});
            *field = json!({"raw_payload_id": format!("raw_payload:{number}"), "kind": kind, "path": path});
        }
        let mut end = self.events.pop().unwrap();
        let mut event = end.clone();
        let seq = end["seq"].as_u64().unwrap();
        end["seq"] = json!(seq + 1);
        let [thread, turn] = ["thread_id", "codex_turn_id"].map(|key| payload.get(key).cloned());
        event["thread_id"] = thread.unwrap_or_else(|| self.thread());
        event["codex_turn_id"] = turn.unwrap_or_else(|| "turn-9".into());
        event["payload"] = payload;
        self.events.extend([event, end]);
    }

    fn write(mut self, folder: &Path, spared: Spared) {
        spared.taint("", &mut self.manifest);
        write(folder.join("manifest.json"), &self.manifest);
        let mut log = String::new();
        for event in &mut self.events {
            let kind = event["payload"]["type"].clone();
            spared.taint("", event);
            if spared == Spared::EventTypes {
                event["payload"]["type"] = kind;
            }
            log += &format!("{event}\n");
        }
        // Lines that are not events.
        log += &format!("{{\"{HOSTILE}\n{{\"seq\":\"{HOSTILE}\"}}\n{HOSTILE}\n{{}}\n");
        fs::write(folder.join("trace.jsonl"), log).unwrap();
        for (path, mut document) in self.documents {
            spared.taint("", &mut document);
            let mut path = Value::String(path);
            spared.taint("path", &mut path);
            write(folder.join(path.as_str().unwrap()), &document);
        }
    }
}

/// Writes bundles that have events, payloads and items of every kind into folders with these names. The last one is the
/// first one in schema 1.
pub(super) fn write_all(root: &Path, names: [&str; 3], spared: Spared) {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorder/tests/forms/files");
    let mut parts = Parts::of(&recorded);
    more_events().into_iter().for_each(|event| parts.add(event));
    for kind in PayloadKind::KNOWN {
        let payload = json!({"kind": kind, "document": {"field": "value"}});
        parts.add(json!({"type": "protocol_event_observed", "event_type": kind, "event_payload": payload}));
    }
    let mut types: Vec<&str> = parts.events.iter().filter_map(|event| event["payload"]["type"].as_str()).collect();
    types.retain(|name| EventPayload::KNOWN.contains(name));
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), EventPayload::KNOWN.len(), "events of every kind: {types:?}");
    parts.clone().write(&root.join(names[0]), spared);
    for document in parts.events.iter_mut().chain([&mut parts.manifest]) {
        document["schema_version"] = json!(1);
    }
    parts.write(&root.join(names[2]), spared);
    Parts::of(&sample()).write(&root.join(names[1]), spared);
}

/// Writes a session of another program, `session@.jsonl`, into a folder.
pub(super) fn write_session(folder: &Path, spared: Spared) {
    let turn = "turn-1";
    let records = [
        json!({"type": "session_meta", "payload": {"id": "01900000-0000-7000-8000-000000000001", "cwd": "/p",
            "cli_version": "9.9.9", "originator": "o", "model_provider": "acme"}}),
        json!({"type": "event_msg", "payload": {"type": "task_started", "turn_id": turn}}),
        json!({"type": "turn_context", "payload": {"turn_id": turn, "model": "m"}}),
        json!({"type": "response_item", "payload": {"type": "message", "role": "user",
            "content": [{"type": "input_text", "text": "look"}]}}),
        json!({"type": "response_item", "payload": {"type": "function_call", "name": "exec_command",
            "arguments": "{\"cmd\":\"ls\"}", "call_id": "c1"}}),
        json!({"type": "event_msg", "payload": {"type": "item_completed", "turn_id": turn, "item": {
            "type": "CommandExecution", "id": "c1", "command": ["ls"], "cwd": "/p", "aggregated_output": "a",
            "exit_code": 0, "status": "completed"}}}),
        json!({"type": "response_item", "payload": {"type": "function_call_output", "call_id": "c1", "output": "a"}}),
        json!({"type": "of tomorrow", "payload": {"field": "value"}}),
        json!({"type": "event_msg", "payload": {"type": "error", "message": "broken"}}),
    ];
    let mut text = String::new();
    for (second, mut record) in records.into_iter().enumerate() {
        let kind = record["type"].clone();
        spared.taint("", &mut record);
        if spared == Spared::EventTypes {
            record["type"] = kind;
        }
        record["timestamp"] = format!("2026-01-02T03:04:{second:02}.000Z").into();
        text += &format!("{record}\n");
    }
    text += &format!("{{\"{HOSTILE}\n{HOSTILE}\n");
    fs::create_dir(folder).unwrap();
    fs::write(folder.join(format!("session{HOSTILE}.jsonl")), text).unwrap();
}

/// Returns events of the kinds that the recorded bundle lacks, and what is unknown, contradictory or damaged.
fn more_events() -> Vec<Value> {
    let thread = "01935f5e-8a00-7000-8000-000000000001";
    let turn = "turn-9";
    let tomorrow = format!("of tomorrow{HOSTILE}");
    let request = |id: &str, mode: Value, items: Value| {
        json!({"type": "inference_started", "inference_call_id": id, "thread_id": thread, "codex_turn_id": turn,
            "model": "other-model", "provider_name": "p", "request_input_mode": mode,
            "request_payload": {"kind": "inference_request", "document": {"model": "m", "input": items}}})
    };
    let tool = |id: &str, kind: Value, summary: Value| {
        json!({"type": "tool_call_started", "tool_call_id": id, "model_visible_call_id": id,
            "requester": {"type": "model"}, "kind": kind, "summary": summary,
            "invocation_payload": {"kind": "tool_invocation", "document": {"tool_name": "t", "tool_namespace": "n",
                "payload": {"type": "function", "arguments": "{\"key\":\"value\"}"}}}})
    };
    let at_path = |kind: &str, path: &str| json!({"raw_payload_id": path, "kind": {"type": kind}, "path": path});
    let text = |text: &str| json!([{"type": "input_text", "text": text}]);
    let items = json!([
        {"type": "message", "id": "m1", "role": "user", "phase": "final", "content": text("first\nsecond")},
        {"type": "message", "role": "stranger", "content": [{"type": "input_image", "image_url": "data:x"}, {"type": tomorrow}, 7]},
        {"type": "message", "role": "assistant", "phase": "commentary", "content": "text"},
        {"type": "agent_message", "author": "/root", "recipient": "/root/x", "content": text("hello")},
        {"type": "agent_message", "author": "/a", "recipient": "/root", "content": [{"type": "encrypted_content", "encrypted_content": "e"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}], "content": text("c"), "encrypted_content": "e"},
        {"type": "function_call", "name": "f", "namespace": "n", "call_id": "c1", "arguments": "{\"a\":\"b\"}"},
        {"type": "function_call", "name": "f", "call_id": "c2", "arguments": "no JSON"},
        {"type": "function_call_output", "call_id": "c1", "output": "a\nb"},
        {"type": "function_call_output", "call_id": "c2", "output": {"some": "thing"}},
        {"type": "custom_tool_call", "name": "exec", "call_id": "x9", "input": "text(1)\ntext(2)"},
        {"type": "custom_tool_call", "name": "apply_patch", "call_id": "x8", "input": "*** Begin Patch"},
        {"type": "custom_tool_call_output", "call_id": "x9", "output": text("done")},
        {"type": "local_shell_call", "call_id": "l1", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": "q"}},
        {"type": "image_generation_call", "id": "g", "result": "r"},
        {"type": "tool_search_call", "call_id": "ts", "arguments": {"a": "b"}},
        {"type": "tool_search_output", "call_id": "ts", "tools": ["t"]},
        {"type": "mcp_tool_call_output", "call_id": "mc", "output": "o"},
        {"type": "compaction", "encrypted_content": "e"},
        {"type": "compaction_summary", "encrypted_content": "e"},
        {"type": "context_compaction", "encrypted_content": "e"},
        {"type": "additional_tools", "tools": ["t"]},
        {"type": tomorrow, "field": "value"},
        "no object",
    ]);
    let tools = [
        ("apply_patch", json!({"type": "terminal", "operation_id": "o"})),
        ("web", json!({"type": "agent", "target_agent_path": "/root/x", "task_name": "t", "message_preview": "m"})),
        ("image_generation", json!({"type": "wait_agent", "target_agent_path": "/root/x", "timeout_ms": 1})),
        ("assign_agent_task", json!({"type": "generic", "label": "l", "input_preview": "i", "output_preview": "o"})),
        ("send_message", json!({"type": tomorrow, "field": "value"})),
        ("wait_agent", json!({"type": "wait_agent"})),
        ("close_agent", json!({"type": "generic", "label": "l"})),
        (tomorrow.as_str(), json!({"type": "generic", "label": "l"})),
    ];
    let mut events = vec![
        json!({"type": "thread_resumed", "thread_id": thread}),
        json!({"type": "codex_turn_started", "codex_turn_id": turn, "thread_id": thread}),
        request("i7", json!({"type": "full_snapshot"}), items.clone()),
        json!({"type": "inference_completed", "inference_call_id": "i7", "response_id": "r7", "upstream_request_id": "u7",
            "response_payload": {"kind": "inference_response", "document": {"response_id": "r7", "output_items": [
                {"type": "function_call", "name": "exec_command", "call_id": "e9", "arguments": "{\"cmd\":\"ls\"}"},
                {"type": "custom_tool_call", "name": "exec", "call_id": "x7", "input": "text(1)"}]}}}),
        request("i8", json!({"type": "incremental", "previous_response_id": "gone"}), json!([])),
        json!({"type": "inference_failed", "inference_call_id": "i8", "upstream_request_id": "u8", "error": "boom\nboom"}),
        request("i9", json!({"type": tomorrow, "field": "value"}), items),
        json!({"type": "inference_cancelled", "inference_call_id": "i9", "upstream_request_id": "u9", "reason": "why"}),
        tool("e9", json!({"type": "exec_command"}), json!({"type": "generic", "label": "l"})),
        json!({"type": "tool_call_runtime_started", "tool_call_id": "e9", "kind": {"type": "exec_command"},
            "runtime_payload": {"kind": "tool_runtime_event", "document": {"call_id": "e9", "process_id": "77",
                "turn_id": turn, "command": ["ls", "-l"], "cwd": "/w"}}}),
        json!({"type": "tool_call_runtime_ended", "tool_call_id": "e9", "status": "completed",
            "runtime_payload": {"kind": "tool_runtime_event", "document": {"call_id": "e9", "process_id": "78",
                "turn_id": turn, "command": ["ls"], "cwd": "/w", "aggregated_output": "out\nput", "stdout": "out", "stderr": "err", "formatted_output": "f", "exit_code": 1}}}),
        json!({"type": "tool_call_ended", "tool_call_id": "e9", "status": tomorrow,
            "result_payload": {"kind": "tool_result", "document": {"type": "error", "error": "e"}}}),
        tool("m9", json!({"type": "mcp", "server": "s", "tool": "t"}), json!({"type": "generic", "label": "l"})),
        json!({"type": "mcp_tool_call_correlation_assigned", "tool_call_id": "m9", "mcp_call_id": "mcp-9"}),
        json!({"type": "code_cell_started", "runtime_cell_id": "9", "model_visible_call_id": "x7", "source_js": "text(1)\ntext(2)"}),
        json!({"type": "code_cell_started", "runtime_cell_id": "10", "model_visible_call_id": "no item", "source_js": "text(3)"}),
        json!({"type": "code_cell_initial_response", "runtime_cell_id": "9", "status": "yielded",
            "response_payload": {"kind": "tool_result", "document": {"response": {"Yielded": {"cell_id": "9", "content_items": []}}}}}),
        tool("wait9", json!({"type": "other", "name": "wait"}), json!({"type": "generic", "label": "l"})),
        json!({"type": "code_cell_wait_target_resolved", "tool_call_id": "wait9", "runtime_cell_id": "9"}),
        json!({"type": "agent_result_observed", "edge_id": "edge", "child_thread_id": "01935f5e-8a00-7000-8000-000000000002", "child_codex_turn_id": "t",
            "parent_thread_id": thread, "message": "never delivered",
            "carried_payload": {"kind": "agent_result", "document": {"child_agent_path": "/c", "message": "m", "status": "s"}}}),
        json!({"type": "history_item_accepted", "item_id": "never seen"}),
        json!({"type": "compaction_request_failed", "compaction_id": "k9", "compaction_request_id": "q9", "error": "e"}),
        json!({"type": "compaction_installed", "compaction_id": "k9",
            "checkpoint_payload": at_path("compaction_checkpoint", "payloads/missing.json")}),
        json!({"type": "protocol_event_observed", "event_type": "escapes", "event_payload": at_path("protocol_event", "../away")}),
        json!({"type": "protocol_event_observed", "event_type": "unknown",
            "event_payload": {"kind": tomorrow, "document": "text"}}),
        json!({"type": "protocol_event_observed", "event_type": "rollout_trace.loss", "event_payload": {
            "kind": "protocol_event", "document": {"lost_events": 1, "lost_payloads": 2, "reasons": ["reason"]}}}),
        json!({"type": "protocol_event_observed", "event_type": "rollout_trace.misuse", "event_payload": {
            "kind": "protocol_event", "document": {"misuse": "m", "message": "text"}}}),
        json!({"type": "other", "kind": "rollout_trace.loss", "summary": "s", "payloads": [],
            "metadata": {"lost_events": 1, "lost_payloads": 2, "reasons": ["reason"]}}),
        json!({"type": "other", "kind": "k", "summary": "s", "payloads": [], "metadata": {"key": ["value"]}}),
        json!({"type": tomorrow, "field": "value", "thread_id": "no thread", "codex_turn_id": "no turn"}),
        json!({"type": "thread_ended", "thread_id": "no thread", "status": "failed"}),
        json!({"type": "tool_call_ended", "tool_call_id": "no call", "status": "completed"}),
        json!({"type": "codex_turn_ended", "codex_turn_id": 7, "status": "completed"}),
    ];
    for (number, (kind, summary)) in tools.into_iter().enumerate() {
        events.push(tool(&format!("tool{number}"), json!({"type": kind, "field": "value"}), summary));
    }
    let mut odd = tool("odd", json!({"type": "other", "name": "n"}), json!({"type": "generic", "label": "l"}));
    odd["requester"] = Value::Object(Map::from_iter([("type".to_owned(), json!(tomorrow))]));
    events.push(odd);
    events
}
