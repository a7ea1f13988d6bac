//! Compactions.

use rollout_trace_schema::{CodexTurnId, CompactionId, CompactionRequestId, RawPayloadId, Seq, ThreadId, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EvidenceGrade, EvidenceSource, Execution, ItemId};

/// The replacement of a thread's history by a shorter one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compaction {
    /// The id of the compaction.
    pub compaction_id: CompactionId,
    /// The thread whose history was replaced.
    pub thread_id: ThreadId,
    /// The turn of the compaction; null if the event does not name it.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When the new history was installed.
    pub installed_at_unix_ms: UnixMillis,
    /// The item that marks the place of the compaction.
    pub marker_item_id: ItemId,
    /// The requests for the compaction, in the order of their ids.
    pub request_ids: Vec<CompactionRequestId>,
    /// The history before.
    pub input_item_ids: Vec<ItemId>,
    /// The history after.
    pub replacement_item_ids: Vec<ItemId>,
    /// The event that installed the new history. *Ours.*
    #[serde(default)]
    pub installed_seq: Seq,
    /// The payload with both histories. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_checkpoint_payload_id: Option<RawPayloadId>,
    /// How the compaction is proved; absent if it was recorded. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceGrade>,
    /// Where a session file says so; absent if the bundle is not an import. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_source: Option<EvidenceSource>,
}

/// One request for a compaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompactionRequest {
    /// The id of the request.
    pub compaction_request_id: CompactionRequestId,
    /// The compaction that was requested.
    pub compaction_id: CompactionId,
    /// The thread whose history was to be replaced.
    pub thread_id: ThreadId,
    /// The turn of the request; null if the evidence does not name it.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When the request ran.
    pub execution: Execution,
    /// The model.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// The payload of the request; null if the event that names it is lost.
    pub raw_request_payload_id: Option<RawPayloadId>,
    /// The payload of the response.
    pub raw_response_payload_id: Option<RawPayloadId>,
    /// Why the request failed. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
