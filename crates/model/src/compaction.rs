//! Compactions.

use rollout_trace_schema::{CodexTurnId, CompactionId, CompactionRequestId, RawPayloadId, ThreadId, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Execution, ItemId};

/// One history that took the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compaction {
    /// The compaction.
    pub compaction_id: CompactionId,
    /// The thread whose history it is.
    pub thread_id: ThreadId,
    /// The turn in which it happened; null where the event does not say.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When it happened.
    pub installed_at_unix_ms: UnixMillis,
    /// The item that marks the place.
    pub marker_item_id: ItemId,
    /// The requests for it, in the order of their ids.
    pub request_ids: Vec<CompactionRequestId>,
    /// The history before.
    pub input_item_ids: Vec<ItemId>,
    /// The history after.
    pub replacement_item_ids: Vec<ItemId>,
}

/// One request for a compaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompactionRequest {
    /// The attempt.
    pub compaction_request_id: CompactionRequestId,
    /// The compaction.
    pub compaction_id: CompactionId,
    /// The thread whose history it is.
    pub thread_id: ThreadId,
    /// The turn in which it happened; null where the evidence does not say.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When it ran.
    pub execution: Execution,
    /// The model asked.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// The request; null where the event that names it is lost.
    pub raw_request_payload_id: Option<RawPayloadId>,
    /// The answer.
    pub raw_response_payload_id: Option<RawPayloadId>,
    /// Why the request failed. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
