//! The time and status of executions.

use rollout_trace_schema::{ExecutionStatus, Seq, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The start, the end and the status of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// The wall clock at the start.
    pub started_at_unix_ms: UnixMillis,
    /// The event of the start.
    pub started_seq: Seq,
    /// The wall clock at the end; null if the object has not ended.
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// The event of the end; null if the object has not ended.
    pub ended_seq: Option<Seq>,
    /// The status.
    pub status: ExecutionStatus,
    /// Whether the event of the start is lost, so that the start is that of the first evidence. *Ours.*
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_unobserved: bool,
}

impl Execution {
    /// Creates the execution of an object that has just started.
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

    /// Records the start of an object that earlier evidence has shown. The time of a start after the end is ignored.
    pub fn start(&mut self, at: UnixMillis, seq: Seq) {
        self.start_unobserved = false;
        if self.ended_seq.is_none_or(|end| seq <= end) {
            self.started_at_unix_ms = at;
            self.started_seq = seq;
        }
    }

    /// Records the end.
    pub fn end(&mut self, at: UnixMillis, seq: Seq, status: ExecutionStatus) {
        self.ended_at_unix_ms = Some(at);
        self.ended_seq = Some(seq);
        self.status = status;
    }

    /// Returns whether the object has not ended.
    pub fn is_running(&self) -> bool {
        self.ended_seq.is_none()
    }
}
