//! The history that the agent core keeps.

use serde::{Deserialize, Serialize};

use crate::{PayloadRef, ResponsesItemId};

/// An item entered the history of the envelope's thread (schema 2).
///
/// It may come before or after the payloads that show the item.
///
/// Source: bundle 2, section 2.2; bundle 3, section 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItemAccepted {
    /// The item's own id.
    pub item_id: ResponsesItemId,
    /// For a message from another agent, the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_message_payload: Option<PayloadRef>,
    /// For the output of a tool, the output (schema 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_output_payload: Option<PayloadRef>,
}
