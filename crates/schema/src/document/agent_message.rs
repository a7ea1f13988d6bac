//! A message from one agent to another.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ContentPart;
use crate::{AgentPath, ResponsesItemId};

/// The body of an `agent_message` item, which is also the document that an accepted agent message carries.
///
/// Source: bundle 1, section 7.1; bundle 2, section 3.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentMessage {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// The agent that wrote it.
    pub author: AgentPath,
    /// The agent that it is for.
    pub recipient: AgentPath,
    /// `input_text` parts and `encrypted_content` parts.
    pub content: Vec<ContentPart>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
