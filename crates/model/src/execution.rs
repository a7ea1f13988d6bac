//! When something ran.

use rollout_trace_schema::{ExecutionStatus, Seq, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When something began and ended, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// The wall clock at its start.
    pub started_at_unix_ms: UnixMillis,
    /// The event that started it.
    pub started_seq: Seq,
    /// The wall clock at its end; null while it has not ended.
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// The event that ended it; null while it has not ended.
    pub ended_seq: Option<Seq>,
    /// How far it got.
    pub status: ExecutionStatus,
    /// Whether the event that started it is lost, so that the start is that of the first evidence. *Ours.*
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_unobserved: bool,
}

impl Execution {
    /// Something that has just begun.
    pub fn started(at: UnixMillis, seq: Seq) -> Self {
        Self {
            started_at_unix_ms: at,
            started_seq: seq,
            ended_at_unix_ms: None,
            ended_seq: None,
            status: ExecutionStatus::Running,
            start_unobserved: false,
        }
    }

    /// Notes the start of what other evidence showed before. A start that comes even after the end tells no better time.
    pub fn start(&mut self, at: UnixMillis, seq: Seq) {
        self.start_unobserved = false;
        if self.ended_seq.is_none_or(|end| seq <= end) {
            self.started_at_unix_ms = at;
            self.started_seq = seq;
        }
    }

    /// Ends it.
    pub fn end(&mut self, at: UnixMillis, seq: Seq, status: ExecutionStatus) {
        self.ended_at_unix_ms = Some(at);
        self.ended_seq = Some(seq);
        self.status = status;
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.ended_seq.is_none()
    }
}
