//! Content blocks of messages, and the items that they are.

use rollout_trace_schema::ToolKind;
use serde_json::{Value, json, value::RawValue};
use sha2::{Digest, Sha256};

use crate::{
    object::{Object, canonical, elements, raw},
    writer::{Called, Item},
};

/// A hash of a block's role and content, by which it is recognized elsewhere.
pub(super) type Key = [u8; 32];

/// A content block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) item: Item,
    pub(super) key: Key,
    pub(super) call: Option<Called>,
    /// The call that the block answers.
    pub(super) answers: Option<String>,
}

/// Returns the blocks of a message's content. A string is one block of text.
pub(super) fn blocks(content: Option<&RawValue>) -> Vec<Box<RawValue>> {
    let Some(content) = content else { return Vec::new() };
    if let Ok(text) = serde_json::from_str::<String>(content.get()) {
        return vec![raw(&json!({"type": "text", "text": text}))];
    }
    elements(content).unwrap_or_default().into_iter().map(ToOwned::to_owned).collect()
}

/// Returns the key of a block: its role, and its content without what marks it for the cache.
pub(super) fn key(role: &str, block: &RawValue) -> Key {
    let mut value: Value = serde_json::from_str(block.get()).unwrap_or_default();
    if let Some(block) = value.as_object_mut() {
        block.remove("cache_control");
    }
    Sha256::digest(format!("{role}:{}", canonical(&value))).into()
}

impl Block {
    /// Makes the item of a block. `id` names it unless the block answers a call.
    pub(super) fn new(role: &str, block: &RawValue, id: &str) -> Self {
        let object = Object::of(block).unwrap_or_default();
        let kind = object.text("type").unwrap_or_default();
        let (mut call, mut answers) = (None, None);
        let mut id = id.to_owned();
        let item = match kind.as_str() {
            "text" => {
                let part = if role == "assistant" { "output_text" } else { "input_text" };
                let content = [json!({"type": part, "text": object.text("text").unwrap_or_default()})];
                raw(&json!({"type": "message", "id": id, "role": role, "content": content}))
            }
            "image" | "document" => {
                let mut part = object.clone();
                part.set("type", &format!("input_{kind}"));
                let mut item = message(role, &id);
                item.set("content", &[part]);
                raw(&item)
            }
            "thinking" => {
                let content = [json!({"type": "reasoning_text", "text": object.text("thinking").unwrap_or_default()})];
                raw(&json!({
                    "type": "reasoning", "id": id, "summary": [], "content": content,
                    "signature": object.text("signature"),
                }))
            }
            "redacted_thinking" => raw(&json!({
                "type": "reasoning", "id": id, "summary": [], "encrypted_content": object.text("data"),
            })),
            "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                let name = object.text("name").unwrap_or_default();
                let arguments = object.get("input").map_or_else(|| "{}".to_owned(), |input| input.get().to_owned());
                let call_id = object.text("id").unwrap_or_default();
                let item = raw(&json!({
                    "type": "function_call", "id": id, "name": name, "arguments": arguments, "call_id": call_id,
                }));
                if kind == "tool_use" {
                    call = Some(Called { id: call_id, name, arguments });
                }
                item
            }
            kind if kind.ends_with("tool_result") => {
                let call_id = object.text("tool_use_id").unwrap_or_default();
                id = format!("result.{call_id}");
                let mut item = message(role, &id);
                item.remove("role");
                item.set("type", "function_call_output");
                item.set("call_id", call_id.as_str());
                item.set("output", &output(object.get("content")));
                if object.flag("is_error") {
                    item.set("is_error", &true);
                }
                answers = Some(call_id);
                raw(&item)
            }
            _ => {
                let mut item = object.clone();
                item.set("id", id.as_str());
                item.set("role", role);
                raw(&item)
            }
        };
        Self { item: Item::new(id, item), key: key(role, block), call, answers }
    }
}

fn message<'a>(role: &str, id: &str) -> Object<'a> {
    let mut item = Object::default();
    item.set("type", "message");
    item.set("id", id);
    item.set("role", role);
    item
}

/// Returns the content of a result as the output of a call.
fn output(content: Option<&RawValue>) -> Box<RawValue> {
    let Some(content) = content else { return raw("") };
    let Some(parts) = elements(content) else { return content.to_owned() };
    let part = |part: &RawValue| {
        let mut object = Object::of(part)?;
        let kind = object.text("type")?;
        object.set("type", &format!("input_{kind}"));
        Some(raw(&object))
    };
    raw(&parts.into_iter().filter_map(part).collect::<Vec<_>>())
}

/// Returns the text of a result.
pub(super) fn result_text(block: &RawValue) -> String {
    let Some(object) = Object::of(block) else { return String::new() };
    if let Some(text) = object.text("content") {
        return text;
    }
    let parts = object.list("content").unwrap_or_default();
    let texts: Vec<_> = parts.into_iter().filter_map(|part| Object::of(part)?.text("text")).collect();
    texts.join("\n")
}

/// Returns the kind of a tool by its name.
pub(super) fn tool_kind(name: &str) -> ToolKind {
    match name {
        "Bash" => ToolKind::ExecCommand,
        "Edit" | "MultiEdit" | "Write" | "NotebookEdit" => ToolKind::ApplyPatch,
        "WebSearch" | "WebFetch" => ToolKind::Web,
        "Task" | "Agent" => ToolKind::SpawnAgent,
        "SendMessage" => ToolKind::SendMessage,
        _ => match name.strip_prefix("mcp__").and_then(|name| name.split_once("__")) {
            Some((server, tool)) => ToolKind::Mcp { server: server.to_owned(), tool: tool.to_owned() },
            None => ToolKind::Other { name: name.to_owned() },
        },
    }
}
