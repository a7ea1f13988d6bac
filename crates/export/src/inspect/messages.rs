//! Conversation items as messages.
//!
//! Source: exports, section 5.

use rollout_trace_answers::{is_call, is_output};
use rollout_trace_model::{ConversationItem, InferenceCall, ItemId, ItemKind, Role};
use serde_json::{Value, json};

use crate::{
    item_parts::{self, ItemPart},
    object::Object,
    subject::Subject,
    texts::Cutter,
};

/// Makes messages of items.
pub(super) struct Messages<'m, 'r, 'a> {
    subject: &'m Subject<'r, 'a>,
    cutter: Cutter,
}

/// What a model said, in the parts of a message.
#[derive(Default)]
struct Said {
    content: Vec<Value>,
    calls: Vec<Value>,
}

impl<'m, 'r, 'a> Messages<'m, 'r, 'a> {
    pub(super) fn new(subject: &'m Subject<'r, 'a>, cutter: Cutter) -> Self {
        Self { subject, cutter }
    }

    /// Returns how many bytes were cut off.
    pub(super) fn take_left_out(&mut self) -> u64 {
        self.cutter.take_left_out()
    }

    pub(super) fn cut(&mut self, text: &str) -> String {
        self.cutter.cut(text).into_owned()
    }

    /// Returns an item as a message, or `None` if the graph does not have it.
    pub(super) fn message(&mut self, item: ItemId) -> Option<Value> {
        let item = self.subject.graph.conversation_items.get(&item)?;
        let role = role(item);
        let own = if item.agent_message.is_some() { "agent" } else { item.role.as_str() };
        let author = item.agent_message.as_ref().map(|message| message.author.as_str());
        let metadata = Object::new()
            .with("item", item.item_id.to_string())
            .with("role", Some(own).filter(|own| *own != role))
            .with("author", author)
            .with("kind", Some(item.kind.as_str()).filter(|_| item.kind != ItemKind::Message));
        let message = Object::new().with("id", item.item_id.to_string()).with("role", role).with("metadata", metadata);
        let call_id = item.call_id.as_ref().map(|id| id.as_str());
        Some(match role {
            "assistant" => {
                let mut said = Said::default();
                self.say(item, &mut said);
                message.with_list("content", said.content).with("tool_calls", said.calls).into()
            }
            "tool" => message.with("content", self.text(item)).with("tool_call_id", call_id).into(),
            _ => message.with("content", self.text(item)).into(),
        })
    }

    /// Returns the text of an item that a person wrote.
    pub(super) fn user_text(&mut self, item: ItemId) -> Option<String> {
        let item = self.subject.graph.conversation_items.get(&item)?;
        (item.role == Role::User && item.kind == ItemKind::Message).then(|| self.text(item))
    }

    /// Returns the output of a call.
    pub(super) fn output(&mut self, call: &InferenceCall) -> Value {
        let mut said = Said::default();
        let items = call.response_item_ids.iter().filter_map(|id| self.subject.graph.conversation_items.get(id));
        items.into_iter().for_each(|item| self.say(item, &mut said));
        let reason = if said.calls.is_empty() { "stop" } else { "tool_calls" };
        let message = Object::new()
            .with("role", "assistant")
            .with("id", call.inference_call_id.as_str())
            .with("source", "generate")
            .with("model", call.model.as_str())
            .with_list("content", said.content)
            .with("tool_calls", said.calls);
        let choice = Object::new().with("message", message).with("stop_reason", reason);
        let choices: Vec<Value> = if call.response_item_ids.is_empty() { Vec::new() } else { vec![choice.into()] };
        let error = call.error.as_deref().map(|error| self.cut(error));
        let output = Object::new().with("model", call.model.as_str()).with_list("choices", choices);
        output.with("usage", call.usage.as_ref().map(super::tokens)).with("error", error).into()
    }

    /// Adds an item to what a model said.
    fn say(&mut self, item: &ConversationItem, said: &mut Said) {
        if is_call(&item.kind) {
            said.calls.push(self.call(item));
            return;
        }
        for part in item_parts::parts(self.subject.rollout, item) {
            let is_reasoning = item.kind == ItemKind::Reasoning;
            said.content.push(match part {
                ItemPart::Sealed { .. } if is_reasoning => {
                    json!({ "type": "reasoning", "reasoning": part.as_text(), "redacted": true })
                }
                part => {
                    let text = self.cutter.cut(part.as_text());
                    match is_reasoning {
                        true => json!({ "type": "reasoning", "reasoning": text }),
                        false => json!({ "type": "text", "text": text }),
                    }
                }
            });
        }
    }

    fn call(&mut self, item: &ConversationItem) -> Value {
        let id = item.call_id.as_ref().map_or_else(|| item.item_id.to_string(), |id| id.to_string());
        let text = item_parts::text(self.subject.rollout, item);
        json!({
            "id": id,
            "function": item.name.as_deref().unwrap_or("unknown"),
            "arguments": self.arguments(&text),
            "type": "function",
        })
    }

    /// Returns the arguments of a call as an object.
    pub(super) fn arguments(&mut self, whole: &str) -> Value {
        let text = self.cutter.cut(whole);
        let object: Option<Value> = serde_json::from_str(&text).ok().filter(|_| text.len() == whole.len());
        object.filter(Value::is_object).unwrap_or_else(|| json!({ "input": text }))
    }

    fn text(&mut self, item: &ConversationItem) -> String {
        self.cutter.cut(item_parts::text(self.subject.rollout, item)).into_owned()
    }
}

/// Returns the role of a message, which is one of four: readers refuse others.
fn role(item: &ConversationItem) -> &'static str {
    match &item.role {
        _ if item.agent_message.is_some() => "user",
        _ if is_call(&item.kind) || item.kind == ItemKind::Reasoning => "assistant",
        _ if is_output(&item.kind) => "tool",
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        _ => "user",
    }
}
