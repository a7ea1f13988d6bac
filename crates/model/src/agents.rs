//! What passes between agents.

use rollout_trace_schema::{EdgeId, RawPayloadId, ThreadId, ToolCallId, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Anchor, ItemId};

/// One interaction between two agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InteractionEdge {
    /// The interaction.
    pub edge_id: EdgeId,
    /// What it is.
    pub kind: InteractionKind,
    /// Where it begins.
    pub source: Anchor,
    /// Where it ends.
    pub target: Anchor,
    /// When it began.
    pub started_at_unix_ms: UnixMillis,
    /// When it ended.
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// The items that it carried.
    pub carried_item_ids: Vec<ItemId>,
    /// The documents that show it.
    pub carried_raw_payload_ids: Vec<RawPayloadId>,
}

/// What an interaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InteractionKind {
    /// One agent started another.
    SpawnAgent,
    /// One agent gave another a task.
    AssignAgentTask,
    /// One agent sent another a message.
    SendMessage,
    /// An agent's result reached its parent.
    AgentResult,
    /// One agent stopped another.
    CloseAgent,
}

/// A message that was sent and that the receiving model was never seen to get. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndeliveredMessage {
    /// How it was sent.
    pub kind: InteractionKind,
    /// The call that sent it; null for a result that an agent left.
    pub tool_call_id: Option<ToolCallId>,
    /// The thread that it was for, where that is known.
    pub target_thread_id: Option<ThreadId>,
    /// What it said.
    pub message: Option<String>,
}
