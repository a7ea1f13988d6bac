//! Evidence that reduction lists without interpreting it.

use rollout_trace_schema::{CodexTurnId, RawPayloadId, Seq, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One protocol event, or something else that the producer found worth keeping. *Ours.*
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Marker {
    /// The event.
    pub seq: Seq,
    /// When.
    pub at_unix_ms: UnixMillis,
    /// The turn, if it was in one.
    pub codex_turn_id: Option<CodexTurnId>,
    /// Which of the two.
    pub kind: MarkerKind,
    /// The protocol event's type, or the producer's name for it.
    pub name: String,
    /// What it is, in the producer's words, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The documents that belong to it.
    pub raw_payload_ids: Vec<RawPayloadId>,
    /// Whatever else belongs to it; as its JSON text where it nests deeper than JSON readers go.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
}

/// What a marker marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    /// An event of the agent core's protocol.
    ProtocolEvent,
    /// Anything else that the producer found worth keeping.
    Other,
    /// An event of a type that this version does not know; its fields are the metadata.
    UnknownEvent,
}
