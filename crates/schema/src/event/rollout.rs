//! The whole recording: rollout and end marker.

use serde::{Deserialize, Serialize};

use crate::{ExecutionStatus, ThreadId, TraceId};

/// The rollout began. If its ids differ from those of the manifest, these are used.
///
/// Source: bundle 1, section 4.1; bundle 2, section 1.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutStarted {
    /// Names this bundle.
    pub trace_id: TraceId,
    /// The thread with which the rollout began.
    pub root_thread_id: ThreadId,
}

/// The rollout ended. Child threads may end later.
///
/// Source: bundle 1, section 4.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutEnded {
    /// How it ended.
    pub status: ExecutionStatus,
}

/// The end marker (schema 2). It is always the last line, so a log that has it is complete.
///
/// Source: bundle 2, section 2.5.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingCompleted {}
