//! Compactions of a thread's history.

use serde::{Deserialize, Serialize};

use crate::{CodexTurnId, CompactionId, CompactionRequestId, PayloadRef, ThreadId};

/// A compaction was requested. This alone changes nothing: the history changes when the compaction is installed.
///
/// Source: bundle 1, section 4.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionRequestStarted {
    /// The compaction.
    pub compaction_id: CompactionId,
    /// The attempt.
    pub compaction_request_id: CompactionRequestId,
    /// The thread whose history it is.
    pub thread_id: ThreadId,
    /// The turn in which it happens.
    pub codex_turn_id: CodexTurnId,
    /// The model that is asked.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// The request.
    pub request_payload: PayloadRef,
}

/// A request for a compaction was answered.
///
/// Source: bundle 1, section 4.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionRequestCompleted {
    /// The compaction.
    pub compaction_id: CompactionId,
    /// The attempt.
    pub compaction_request_id: CompactionRequestId,
    /// The answer.
    pub response_payload: PayloadRef,
}

/// A request for a compaction failed.
///
/// Source: bundle 1, section 4.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionRequestFailed {
    /// The compaction.
    pub compaction_id: CompactionId,
    /// The attempt.
    pub compaction_request_id: CompactionRequestId,
    /// What went wrong.
    pub error: String,
}

/// A compacted history took the place of the old one, in the envelope's thread and turn.
///
/// Source: bundle 1, section 4.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionInstalled {
    /// The compaction.
    pub compaction_id: CompactionId,
    /// The history before and after.
    pub checkpoint_payload: PayloadRef,
}
