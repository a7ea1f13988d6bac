//! The texts of spans, by the conventions' JSON schemas of messages.
//!
//! Source: exports, section 3.

use rollout_trace_answers::{DefinitionId, is_call, is_output};
use rollout_trace_model::{
    AgentThread, ConversationItem, InferenceCall, ItemId, ItemKind, ProducerRef, Role, map::HashMap,
};
use rollout_trace_schema::{ExecutionStatus, ThreadId};
use serde_json::{Value, json};

use super::span::Attributes;
use crate::{
    Content, Texts,
    item_parts::{self, ItemPart},
    object::Object,
    spans::Work,
    subject::Subject,
    texts::Cutter,
    tool_texts,
};

/// Adds texts to the attributes of spans, which must come in the order of their starts.
pub(super) struct Contents<'m, 'r, 'a> {
    subject: &'m Subject<'r, 'a>,
    texts: Texts,
    cutter: Cutter,
    /// The instructions of each thread's last request.
    instructions: HashMap<&'a ThreadId, DefinitionId>,
}

impl<'m, 'r, 'a> Contents<'m, 'r, 'a> {
    pub(super) fn of(subject: &'m Subject<'r, 'a>, texts: Texts) -> Self {
        Self { subject, texts, cutter: Cutter::new(texts), instructions: HashMap::default() }
    }

    /// Returns the cutter of one span's texts, which counts for it what is cut off.
    pub(super) fn cutter(&mut self) -> &mut Cutter {
        &mut self.cutter
    }

    /// Adds the texts of an object, if there are to be any.
    pub(super) fn add(&mut self, work: Work<'a>, attributes: &mut Attributes) {
        if !self.texts.any() {
            return;
        }
        match work {
            Work::Thread(thread) => self.add_of_thread(thread, attributes),
            Work::Inference(call) => self.add_of_inference(call, attributes),
            Work::Tool(call) => {
                let rollout = self.subject.rollout;
                let arguments = tool_texts::arguments(rollout, call).map(|text| self.cutter.cut(text).into_owned());
                attributes.set_some("gen_ai.tool.call.arguments", arguments);
                let result = tool_texts::result(rollout, call).map(|text| self.cutter.cut(text).into_owned());
                attributes.set_some("gen_ai.tool.call.result", result);
            }
            Work::Cell(cell) => {
                attributes.set("rollout_trace.cell.source", self.cutter.cut(cell.source_js.as_str()).into_owned());
            }
            Work::Turn(_) | Work::CompactionRequest(_) => {}
        }
    }

    fn add_of_inference(&mut self, call: &'a InferenceCall, attributes: &mut Attributes) {
        let facts = self.subject.rollout.facts();
        let request = facts.request(&call.inference_call_id);
        if let Some(instructions) = request.and_then(|request| request.instructions) {
            let before = self.instructions.insert(&call.thread_id, instructions);
            if self.texts.content == Content::Full || before != Some(instructions) {
                let text = self.cutter.cut(facts.definition(instructions).text.as_str());
                let parts = json!([{ "type": "text", "content": text }]);
                attributes.set("gen_ai.system_instructions", parts.to_string());
            }
        }
        let input: Vec<_> = match self.texts.content {
            Content::Full => call.request_item_ids.iter().collect(),
            _ => self.subject.relations.new_items(&call.inference_call_id).to_vec(),
        };
        self.set_messages("gen_ai.input.messages", &input, attributes);
        self.add_answer(call, attributes);
    }

    fn add_answer(&mut self, call: &InferenceCall, attributes: &mut Attributes) {
        let items: Vec<_> = self.items(&call.response_item_ids);
        if items.is_empty() {
            return;
        }
        let reason = match call.execution.status {
            ExecutionStatus::Failed => "error",
            _ if items.iter().any(|item| is_call(&item.kind)) => "tool_call",
            _ => "stop",
        };
        let parts: Vec<_> = items.into_iter().flat_map(|item| self.parts(item)).collect();
        let message = json!([{ "role": "assistant", "parts": parts, "finish_reason": reason }]);
        attributes.set("gen_ai.output.messages", message.to_string());
    }

    /// Adds what a thread was given, and what it said last.
    fn add_of_thread(&mut self, thread: &'a AgentThread, attributes: &mut Attributes) {
        let items = self.items(&thread.conversation_item_ids);
        let is_copy = |item: &ConversationItem| {
            item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::Compaction { .. }))
        };
        let given = items.iter().filter(|item| {
            let is_for_it = item.role == Role::User || item.agent_message.is_some();
            item.kind == ItemKind::Message && is_for_it && !is_copy(item)
        });
        let given: Vec<_> = given.map(|item| item.item_id).collect();
        self.set_messages("gen_ai.input.messages", &given, attributes);
        let said = items.iter().rev().find(|item| {
            item.kind == ItemKind::Message
                && item.role == Role::Assistant
                && item.agent_message.is_none()
                && !is_copy(item)
        });
        if let Some(said) = said {
            let message = json!([{ "role": "assistant", "parts": self.parts(said), "finish_reason": "stop" }]);
            attributes.set("gen_ai.output.messages", message.to_string());
        }
    }

    fn items(&self, ids: &[ItemId]) -> Vec<&'a ConversationItem> {
        ids.iter().filter_map(|id| self.subject.graph.conversation_items.get(id)).collect()
    }

    fn set_messages(&mut self, key: &'static str, ids: &[ItemId], attributes: &mut Attributes) {
        let messages: Vec<_> = self.items(ids).into_iter().map(|item| self.message(item)).collect();
        if !messages.is_empty() {
            attributes.set(key, Value::from(messages).to_string());
        }
    }

    fn message(&mut self, item: &'a ConversationItem) -> Value {
        let role = match (&item.agent_message, &item.role) {
            (Some(_), _) => "user",
            (None, Role::Developer | Role::System) => "system",
            (None, Role::Assistant) => "assistant",
            (None, Role::Tool) => "tool",
            (None, _) => "user",
        };
        let name = item.agent_message.as_ref().map(|message| message.author.as_str());
        Object::new().with("role", role).with("name", name).with("parts", self.parts(item)).into()
    }

    /// Returns the parts of an item's message.
    fn parts(&mut self, item: &'a ConversationItem) -> Vec<Value> {
        let parts = item_parts::parts(self.subject.rollout, item);
        if !is_call(&item.kind) && !is_output(&item.kind) {
            return parts.into_iter().map(|part| self.part(item, part)).collect();
        }
        // The texts of a call are its arguments, and those of an output its response.
        let is_text = |part: &ItemPart<'_>| !matches!(part, ItemPart::Sealed { .. } | ItemPart::Other { .. });
        let (texts, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_text);
        let text = texts.iter().map(ItemPart::as_text).collect::<Vec<_>>().join("\n");
        let whole = text.len();
        let text = self.cutter.cut(text);
        let value = match texts.as_slice() {
            // A text that was cut is no JSON any more.
            [ItemPart::Json(_)] if text.len() == whole => {
                serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_ref()))
            }
            _ => Value::from(text.as_ref()),
        };
        let id = item.call_id.as_ref().map(|id| id.as_str());
        let own = if is_call(&item.kind) {
            Object::new()
                .with("type", "tool_call")
                .with("id", id)
                .with("name", item.name.as_deref().unwrap_or_default())
                .with("arguments", value)
        } else {
            Object::new().with("type", "tool_call_response").with("id", id).with("response", value)
        };
        let others: Vec<_> = others.into_iter().map(|part| self.part(item, part)).collect();
        std::iter::once(own.into()).chain(others).collect()
    }

    fn part(&mut self, item: &ConversationItem, part: ItemPart<'_>) -> Value {
        let kind = if item.kind == ItemKind::Reasoning { "reasoning" } else { "text" };
        let part = match part {
            ItemPart::Text(text) | ItemPart::Summary(text) => {
                Object::new().with("type", kind).with("content", &*self.cutter.cut(text))
            }
            ItemPart::Code { language, source } => Object::new()
                .with("type", "rollout_trace.code")
                .with("label", language)
                .with("content", &*self.cutter.cut(source)),
            ItemPart::Json(text) => {
                Object::new().with("type", "rollout_trace.json").with("content", &*self.cutter.cut(text))
            }
            ItemPart::Sealed { label, bytes } => {
                Object::new().with("type", "rollout_trace.encoded").with("label", label).with("bytes", bytes)
            }
            ItemPart::Other { label, payload } => Object::new()
                .with("type", "rollout_trace.payload_ref")
                .with("label", label)
                .with("payload", payload.as_str()),
        };
        part.into()
    }
}
