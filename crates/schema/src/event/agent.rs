//! Interactions of agents that no tool call shows.

use serde::{Deserialize, Serialize};

use crate::{CodexTurnId, EdgeId, PayloadRef, ResponsesItemId, ThreadId};

/// A child agent's result reached its parent.
///
/// Source: bundle 1, section 4.8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentResultObserved {
    /// Names the interaction: `edge:agent_result:<child thread>:<child turn>:<parent thread>`.
    pub edge_id: EdgeId,
    /// The child.
    pub child_thread_id: ThreadId,
    /// The child's turn that produced the result.
    pub child_codex_turn_id: CodexTurnId,
    /// The parent.
    pub parent_thread_id: ThreadId,
    /// The result as the parent's model sees it.
    pub message: String,
    /// The result as it was sent.
    #[serde(default)]
    pub carried_payload: Option<PayloadRef>,
    /// The item in the parent's conversation that carried the result, if the producer knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_item_id: Option<ResponsesItemId>,
}
