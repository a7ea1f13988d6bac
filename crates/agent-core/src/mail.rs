//! Messages between agents.

use serde_json::json;

use crate::{AgentMessages, Item};

/// A message from one agent to another.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) author: String,
    pub(crate) recipient: String,
    pub(crate) text: String,
    /// Whether an idle recipient starts a turn. If not, the message waits for the recipient's next turn.
    pub(crate) starts_turn: bool,
}

impl Mail {
    /// Returns the message as an item for the recipient's model.
    pub(crate) fn item(&self, form: AgentMessages) -> Item {
        let Self { author, recipient, text, starts_turn } = self;
        match form {
            AgentMessages::Items => {
                Item::agent_message(author, recipient, json!([{"type": "input_text", "text": text}]))
            }
            AgentMessages::Messages => Item::assistant_text(
                &json!({"author": author, "recipient": recipient, "other_recipients": [], "content": text,
                        "trigger_turn": starts_turn})
                .to_string(),
            ),
        }
    }
}
