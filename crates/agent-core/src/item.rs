//! Items of a conversation.

use rollout_trace_recorder::TraceEvidence;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The status of an item of which only a part has arrived.
const INCOMPLETE: &str = "incomplete";

/// One item of a conversation, in the form of the Responses API.
///
/// Any JSON object can be an item: kinds that this crate does not know pass through it unchanged. Reasoning that the
/// provider has sealed is serialized without its readable content, as providers require; [`TraceEvidence`] keeps that
/// content for the trace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Item(Map<String, Value>);

impl Item {
    /// Converts a JSON object to an item. Returns `None` if the value is not an object.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Converts an item of an answer, and makes up for what some providers leave out or write differently: a message of
    /// the assistant without its role, and arguments as an object instead of its text. Returns `None` if the value is not
    /// an object.
    pub(crate) fn from_answer(value: Value) -> Option<Self> {
        let mut item = Self::from_value(value)?;
        match item.kind() {
            "message" => {
                item.0.entry("role").or_insert("assistant".into());
            }
            "function_call" => item.write_as_text("arguments", "{}"),
            "custom_tool_call" => item.write_as_text("input", ""),
            _ => {}
        }
        Some(item)
    }

    /// Replaces a field that is not a text by its JSON text, or by `missing` if there is no such field.
    fn write_as_text(&mut self, name: &str, missing: &str) {
        let text = match self.0.get(name) {
            Some(Value::String(_)) => return,
            None | Some(Value::Null) => missing.to_owned(),
            Some(other) => other.to_string(),
        };
        self.0.insert(name.to_owned(), text.into());
    }

    fn new<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Creates a user message from content parts.
    pub(crate) fn user_message(content: Vec<Value>) -> Self {
        Self::new([("type", "message".into()), ("role", "user".into()), ("content", content.into())])
    }

    /// Creates a user message from a text.
    pub fn user_text(text: &str) -> Self {
        Self::user_message(vec![json!({"type": "input_text", "text": text})])
    }

    /// Creates an assistant message from a text.
    pub(crate) fn assistant_text(text: &str) -> Self {
        let content = json!([{"type": "output_text", "text": text}]);
        Self::new([("type", "message".into()), ("role", "assistant".into()), ("content", content)])
    }

    /// Creates a message from one agent to another.
    pub(crate) fn agent_message(author: &str, recipient: &str, content: Value) -> Self {
        Self::new([
            ("type", "agent_message".into()),
            ("author", author.into()),
            ("recipient", recipient.into()),
            ("content", content),
        ])
    }

    /// Creates the output of a tool call.
    pub(crate) fn output(custom: bool, call_id: &str, output: Value) -> Self {
        let kind = if custom { "custom_tool_call_output" } else { "function_call_output" };
        Self::new([("type", kind.into()), ("call_id", call_id.into()), ("output", output)])
    }

    /// Creates a notification of a running code cell to the model.
    pub(crate) fn notification(call_id: &str, text: String) -> Self {
        let mut item = Self::output(true, call_id, text.into());
        item.0.insert("name".to_owned(), "exec".into());
        item
    }

    /// Returns a text field, or an empty text if there is no such field.
    pub fn text_field(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the item's kind, such as `message` or `function_call`.
    pub fn kind(&self) -> &str {
        self.text_field("type")
    }

    /// Returns the item's id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.0.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())
    }

    /// Returns the item with an id, which is minted if the item has none.
    pub(crate) fn with_id(mut self) -> Self {
        if self.id().is_none() {
            let prefix = match self.kind() {
                "message" => "msg",
                "reasoning" => "rs",
                "function_call" => "fc",
                "function_call_output" => "fco",
                "custom_tool_call" => "ctc",
                "custom_tool_call_output" => "ctco",
                "agent_message" => "amsg",
                "compaction" => "cmp",
                _ => "item",
            };
            self.0.insert("id".to_owned(), format!("{prefix}_{}", Uuid::now_v7()).into());
        }
        self
    }

    /// Returns the text of a message: its text parts and refusals, joined.
    pub fn message_text(&self) -> String {
        if let Some(Value::String(text)) = self.0.get("content") {
            return text.clone();
        }
        let parts = self.0.get("content").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        parts.iter().filter_map(|part| part["text"].as_str().or(part["refusal"].as_str())).collect()
    }

    /// Returns whether this is a message with the given role.
    pub(crate) fn is_message_of(&self, role: &str) -> bool {
        self.kind() == "message" && self.text_field("role") == role
    }

    /// Returns whether this is reasoning, which providers refuse if no item follows it.
    pub(crate) fn is_reasoning(&self) -> bool {
        self.kind() == "reasoning"
    }

    /// Returns whether this is a call that the agent must answer.
    pub(crate) fn is_call(&self) -> bool {
        matches!(self.kind(), "function_call" | "custom_tool_call")
    }

    /// Marks the item as one of which only a part has arrived.
    pub(crate) fn set_incomplete(item: &mut Map<String, Value>) {
        item.insert("status".to_owned(), INCOMPLETE.into());
    }

    /// Returns whether only a part of the item has arrived, as far as the provider or this program noticed.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.text_field("status") == INCOMPLETE
    }

    /// Returns whether this is the output of a tool.
    pub(crate) fn is_output(&self) -> bool {
        matches!(self.kind(), "function_call_output" | "custom_tool_call_output")
    }

    fn is_sealed(&self) -> bool {
        self.0.get("encrypted_content").is_some_and(|sealed| !sealed.is_null())
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let omitted = |name: &str| name == "content" && self.is_reasoning() && self.is_sealed();
        serializer.collect_map(self.0.iter().filter(|(name, _)| !omitted(name)))
    }
}

impl TraceEvidence for Item {
    fn serialize_evidence<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_reasoning_is_sent_without_its_content() {
        let item = json!({"type": "reasoning", "content": [{"text": "hm"}], "encrypted_content": "sealed"});
        let item = Item::from_value(item).unwrap();
        assert_eq!(serde_json::to_string(&item).unwrap(), r#"{"encrypted_content":"sealed","type":"reasoning"}"#);
        let shown = serde_json::to_value(rollout_trace_recorder::EvidenceOf(&item)).unwrap();
        assert_eq!(shown["content"][0]["text"], "hm");
    }

    #[test]
    fn the_text_of_a_message_includes_refusals() {
        let content = json!([{"type": "output_text", "text": "Well. "}, {"type": "refusal", "refusal": "No."}]);
        let item = Item::from_value(json!({"type": "message", "role": "assistant", "content": content})).unwrap();
        assert_eq!(item.message_text(), "Well. No.");
    }

    #[test]
    fn an_id_is_minted_once() {
        let item = Item::user_text("hello").with_id();
        assert!(item.id().unwrap().starts_with("msg_"));
        assert_eq!(item.clone().with_id(), item);
    }
}
