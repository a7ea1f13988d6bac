//! Markers: evidence that reduction lists without interpreting it.

use rollout_trace_schema::{CodexTurnId, RawPayloadId, Seq, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One protocol event or other evidence that the producer recorded. *Ours.*
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Marker {
    /// The event.
    pub seq: Seq,
    /// When the event was recorded.
    pub at_unix_ms: UnixMillis,
    /// The turn of the event, if it belongs to one.
    pub codex_turn_id: Option<CodexTurnId>,
    /// The kind of the marker.
    pub kind: MarkerKind,
    /// The type of the protocol event, or the producer's name for the evidence.
    pub name: String,
    /// The producer's description, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The payloads of the event.
    pub raw_payload_ids: Vec<RawPayloadId>,
    /// The other fields of the event. JSON that nests too deep for JSON readers is a string with its text.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
}

/// The kind of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    /// An event of the agent core's protocol.
    ProtocolEvent,
    /// Other evidence that the producer recorded.
    Other,
    /// An event of a type that this version does not know, with its fields as metadata.
    UnknownEvent,
}
