//! Writing the events of a shape in few words.

use std::path::Path;

use serde_json::{Value, json};

use crate::{synthetic::Form, writer::Writer};

/// A thread and the turn of it in which something happens.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) thread: &'a str,
    pub(super) turn: &'a str,
}

/// The root thread and its only turn.
pub(super) const ROOT: At<'static> = At { thread: "root", turn: "turn" };

/// A bundle that is being written.
pub(super) struct Script {
    writer: Writer,
}

impl Script {
    /// Begins a bundle in an empty folder, with a root thread and a turn of it.
    pub(super) fn begin(folder: &Path) -> Self {
        let mut script = Self { writer: Writer::new(folder, Form::Files, ("trace", ROOT.thread)) };
        script.event(&json!({"type": "rollout_started", "trace_id": "trace", "root_thread_id": ROOT.thread}));
        script.event(&json!({"type": "thread_started", "thread_id": ROOT.thread, "agent_path": "/root"}));
        script.turn(ROOT);
        script
    }

    pub(super) fn end(mut self) {
        self.event(&json!({"type": "rollout_ended", "status": "completed"}));
        self.writer.finish();
    }

    /// Writes an event that belongs to no thread.
    pub(super) fn event(&mut self, payload: &Value) {
        self.writer.event(payload);
    }

    /// Writes an event of a turn.
    pub(super) fn event_at(&mut self, at: At<'_>, payload: &Value) {
        self.writer.event_of(Some((at.thread, at.turn)), payload);
    }

    /// Writes a payload and returns the reference to it.
    pub(super) fn payload(&mut self, kind: &str, document: &Value) -> Value {
        self.writer.payload_text(kind, &document.to_string())
    }

    /// Starts a child of the root thread.
    pub(super) fn child(&mut self, thread: &str, path: &str) {
        let spawn = json!({"parent_thread_id": ROOT.thread, "depth": 1, "agent_path": path});
        let metadata = json!({
            "thread_id": thread, "agent_path": path, "session_source": {"subagent": {"thread_spawn": spawn}},
            "cwd": "/", "model": "m", "provider_name": "p",
        });
        let metadata = self.payload("session_metadata", &metadata);
        self.event(&json!({
            "type": "thread_started", "thread_id": thread, "agent_path": path, "metadata_payload": metadata,
        }));
    }

    pub(super) fn turn(&mut self, at: At<'_>) {
        let event = json!({"type": "codex_turn_started", "codex_turn_id": at.turn, "thread_id": at.thread});
        self.event_at(at, &event);
    }

    /// Writes a full request.
    pub(super) fn request(&mut self, at: At<'_>, call: &str, items: &[Value]) {
        let request = self.payload("inference_request", &json!({"model": "m", "input": items}));
        self.request_of(at, call, &request);
    }

    /// Writes a request that continues a response.
    pub(super) fn continued(&mut self, at: At<'_>, call: &str, response: &str, items: &[Value]) {
        let document = json!({"model": "m", "previous_response_id": response, "input": items});
        let request = self.payload("inference_request", &document);
        self.request_of(at, call, &request);
    }

    /// Starts an inference call with this request.
    pub(super) fn request_of(&mut self, at: At<'_>, call: &str, request: &Value) {
        let event = json!({
            "type": "inference_started", "inference_call_id": call, "thread_id": at.thread, "codex_turn_id": at.turn,
            "model": "m", "provider_name": "p", "request_payload": request,
        });
        self.event_at(at, &event);
    }

    /// Writes a response. Its id is `r-` and that of the call.
    pub(super) fn response(&mut self, at: At<'_>, call: &str, items: &[Value]) {
        let id = format!("r-{call}");
        let document = json!({"response_id": id, "output_items": items});
        let response = self.payload("inference_response", &document);
        let event = json!({
            "type": "inference_completed", "inference_call_id": call, "response_id": id, "response_payload": response,
        });
        self.event_at(at, &event);
    }

    /// Starts a tool call of this kind, which the model requests under a call id.
    pub(super) fn tool(&mut self, at: At<'_>, tool: &str, call_id: &str, kind: &Value) {
        let event = json!({
            "type": "tool_call_started", "tool_call_id": tool, "model_visible_call_id": call_id,
            "requester": {"type": "model"}, "kind": kind, "summary": {"type": "generic", "label": "tool"},
        });
        self.event_at(at, &event);
    }

    /// Writes what the runtime of a tool call reports at its start.
    pub(super) fn runtime_started(&mut self, at: At<'_>, tool: &str, payload: &Value) {
        let event = json!({"type": "tool_call_runtime_started", "tool_call_id": tool, "runtime_payload": payload});
        self.event_at(at, &event);
    }

    /// Writes what the runtime of a tool call reports at its end.
    pub(super) fn runtime_ended(&mut self, at: At<'_>, tool: &str, payload: &Value) {
        let event = json!({
            "type": "tool_call_runtime_ended", "tool_call_id": tool, "status": "completed", "runtime_payload": payload,
        });
        self.event_at(at, &event);
    }

    /// Ends a tool call.
    pub(super) fn tool_ended(&mut self, at: At<'_>, tool: &str, result: Option<&Value>) {
        let event = json!({
            "type": "tool_call_ended", "tool_call_id": tool, "status": "completed", "result_payload": result,
        });
        self.event_at(at, &event);
    }

    /// Accepts an item into the history of a thread.
    pub(super) fn accepted(&mut self, at: At<'_>, item: &str, payload: Option<&Value>) {
        let event = json!({"type": "history_item_accepted", "item_id": item, "agent_message_payload": payload});
        self.event_at(at, &event);
    }
}

/// Returns a message of the user.
pub(super) fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

/// Returns a message of the model.
pub(super) fn assistant(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

/// Returns a call of a tool.
pub(super) fn call(call_id: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "name": "tool", "arguments": arguments, "call_id": call_id})
}

/// Returns the answer to a call.
pub(super) fn output(call_id: &str, text: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": text})
}

/// Returns a message from one agent to another.
pub(super) fn agent_message(id: &str, author: &str, recipient: &str, text: &str) -> Value {
    let content = [json!({"type": "input_text", "text": text})];
    json!({"type": "agent_message", "id": id, "author": author, "recipient": recipient, "content": content})
}
