//! Model items in requests and responses.

use serde::Serialize;

/// One model item.
#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Message { id: String, role: &'static str, content: Vec<Part> },
    Reasoning { id: String, summary: Vec<Part>, content: Option<Vec<Part>>, encrypted_content: String },
    FunctionCall { id: String, name: &'static str, arguments: String, call_id: String },
    FunctionCallOutput { id: String, call_id: String, output: String },
    AgentMessage { id: String, author: String, recipient: String, content: Vec<Part> },
    Compaction { id: String, encrypted_content: String },
}

#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    InputText { text: String },
    OutputText { text: String },
    SummaryText { text: String },
    EncryptedContent { encrypted_content: String },
}

/// An item in the form in which requests repeat it: with the turn that it came in.
#[derive(Serialize)]
struct Sent<'a> {
    #[serde(flatten)]
    item: &'a Item,
    internal_chat_message_metadata_passthrough: Passthrough<'a>,
}

#[derive(Serialize)]
struct Passthrough<'a> {
    turn_id: &'a str,
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message { id, .. }
            | Self::Reasoning { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::FunctionCallOutput { id, .. }
            | Self::AgentMessage { id, .. }
            | Self::Compaction { id, .. } => id,
        }
    }

    /// Returns the item's text as an element of a request's `input`.
    pub(super) fn sent(&self, turn_id: &str) -> String {
        let sent = Sent { item: self, internal_chat_message_metadata_passthrough: Passthrough { turn_id } };
        let text = serde_json::to_string_pretty(&sent).expect("an item is plain data");
        // A line break within a string is escaped, so each one here begins a line of the layout.
        format!("    {}", text.replace('\n', "\n    "))
    }
}
