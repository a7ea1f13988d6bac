//! Items of a conversation.

use rollout_trace_recorder::TraceEvidence;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// One item of a conversation, as the Responses API has it.
///
/// Any object is one: kinds that are new to this crate pass through it unchanged. Towards the provider, reasoning that the provider
/// has sealed is sent back sealed only; [`TraceEvidence`] keeps what of it a person can read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Item(Map<String, Value>);

impl Item {
    /// Takes a JSON object as an item. Anything else is none.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    fn new<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A message of the user, of the given content parts.
    pub(crate) fn user_message(content: Vec<Value>) -> Self {
        Self::new([("type", "message".into()), ("role", "user".into()), ("content", content.into())])
    }

    /// A message of the user, of one text.
    pub fn user_text(text: &str) -> Self {
        Self::user_message(vec![json!({"type": "input_text", "text": text})])
    }

    /// A message of the assistant, of one text.
    pub(crate) fn assistant_text(text: &str) -> Self {
        let content = json!([{"type": "output_text", "text": text}]);
        Self::new([("type", "message".into()), ("role", "assistant".into()), ("content", content)])
    }

    /// A message from one agent to another.
    pub(crate) fn agent_message(author: &str, recipient: &str, content: Value) -> Self {
        Self::new([
            ("type", "agent_message".into()),
            ("author", author.into()),
            ("recipient", recipient.into()),
            ("content", content),
        ])
    }

    /// The answer to a tool call.
    pub(crate) fn output(custom: bool, call_id: &str, output: Value) -> Self {
        let kind = if custom { "custom_tool_call_output" } else { "function_call_output" };
        Self::new([("type", kind.into()), ("call_id", call_id.into()), ("output", output)])
    }

    /// What a code cell tells the model while it is still at work.
    pub(crate) fn notification(call_id: &str, text: String) -> Self {
        let mut item = Self::output(true, call_id, text.into());
        item.0.insert("name".to_owned(), "exec".into());
        item
    }

    /// A text field; empty where there is none.
    pub fn text_field(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The item's kind: `message`, `function_call` and so on.
    pub fn kind(&self) -> &str {
        self.text_field("type")
    }

    /// The item's id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.0.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())
    }

    /// The item with an id, minted if the provider gave none.
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

    /// The text of a message: its text parts joined, also those in which the model says that it refuses.
    pub fn message_text(&self) -> String {
        let parts = self.0.get("content").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        parts.iter().filter_map(|part| part["text"].as_str().or(part["refusal"].as_str())).collect()
    }

    /// Whether this is a message of the given role.
    pub(crate) fn is_message_of(&self, role: &str) -> bool {
        self.kind() == "message" && self.text_field("role") == role
    }

    /// Whether this is reasoning, which a provider does not take back without what it led to.
    pub(crate) fn is_reasoning(&self) -> bool {
        self.kind() == "reasoning"
    }

    /// Whether this is a call that wants an answer of the agent.
    pub(crate) fn is_call(&self) -> bool {
        matches!(self.kind(), "function_call" | "custom_tool_call")
    }

    fn is_sealed(&self) -> bool {
        self.0.get("encrypted_content").is_some_and(|sealed| !sealed.is_null())
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hidden = |name: &str| name == "content" && self.is_reasoning() && self.is_sealed();
        serializer.collect_map(self.0.iter().filter(|(name, _)| !hidden(name)))
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
    fn sealed_reasoning_goes_back_sealed_only() {
        let item = json!({"type": "reasoning", "content": [{"text": "hm"}], "encrypted_content": "sealed"});
        let item = Item::from_value(item).unwrap();
        assert_eq!(serde_json::to_string(&item).unwrap(), r#"{"encrypted_content":"sealed","type":"reasoning"}"#);
        let shown = serde_json::to_value(rollout_trace_recorder::EvidenceOf(&item)).unwrap();
        assert_eq!(shown["content"][0]["text"], "hm");
    }

    #[test]
    fn a_refusal_is_text() {
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
