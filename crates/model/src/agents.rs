//! Interactions between agents.

use rollout_trace_schema::{EdgeId, RawPayloadId, Seq, ThreadId, ToolCallId, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Anchor, EvidenceGrade, EvidenceSource, ItemId};

/// One interaction between two agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InteractionEdge {
    /// The id of the interaction.
    pub edge_id: EdgeId,
    /// The kind of the interaction.
    pub kind: InteractionKind,
    /// The object at which the interaction begins.
    pub source: Anchor,
    /// The object at which the interaction ends.
    pub target: Anchor,
    /// When the interaction began.
    pub started_at_unix_ms: UnixMillis,
    /// When the interaction ended.
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// The items that the interaction carried.
    pub carried_item_ids: Vec<ItemId>,
    /// The payloads that show the interaction.
    pub carried_raw_payload_ids: Vec<RawPayloadId>,
    /// The event with which the interaction began. *Ours.*
    #[serde(default)]
    pub started_seq: Seq,
    /// The event with which the interaction ended. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_seq: Option<Seq>,
    /// `first_seen_seq` of the item as which the interaction arrived; absent if it arrived as none. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_seq: Option<Seq>,
    /// How the interaction is proved; absent if it was recorded. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceGrade>,
    /// Where a session file says so; absent if the bundle is not an import. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_source: Option<EvidenceSource>,
}

/// The kind of an interaction.
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

impl InteractionKind {
    /// Returns the kind as it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpawnAgent => "spawn_agent",
            Self::AssignAgentTask => "assign_agent_task",
            Self::SendMessage => "send_message",
            Self::AgentResult => "agent_result",
            Self::CloseAgent => "close_agent",
        }
    }
}

/// A message that was sent, but never appeared in the recipient's conversation. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndeliveredMessage {
    /// The kind of the interaction.
    pub kind: InteractionKind,
    /// The call that sent the message; null for the result of an agent.
    pub tool_call_id: Option<ToolCallId>,
    /// The recipient's thread, if it is known.
    pub target_thread_id: Option<ThreadId>,
    /// The text of the message.
    pub message: Option<String>,
    /// The id that the edge would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_id: Option<EdgeId>,
    /// The last event that reported the message.
    #[serde(default)]
    pub seq: Seq,
    /// The payloads that show the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw_payload_ids: Vec<RawPayloadId>,
}

/// A message between agents that arrived as a plain message of the user, as its text shows. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlainDelivery {
    /// The kind of the interaction.
    pub kind: InteractionKind,
    /// The message as which it arrived.
    pub item_id: ItemId,
    /// The call that sent the message; null for the result of an agent.
    pub tool_call_id: Option<ToolCallId>,
    /// The recipient's thread.
    pub target_thread_id: ThreadId,
    /// The id that the edge would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_id: Option<EdgeId>,
    /// The last event that reported the message.
    pub seq: Seq,
    /// The payloads that show the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw_payload_ids: Vec<RawPayloadId>,
}
