//! Where in the trace something happens.

use rollout_trace_schema::{CodexTurnId, EvidenceGrade, EvidenceSource, RawEvent, Seq, ThreadId, UnixMillis};

/// The event that is being applied: its place in the log, its time, and the thread and turn of its envelope.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) seq: Seq,
    pub(crate) line: u64,
    pub(crate) time: UnixMillis,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) turn: Option<CodexTurnId>,
    /// How an imported event is proved.
    pub(crate) evidence: Option<EvidenceGrade>,
    /// Where a session file says so.
    pub(crate) source: Option<EvidenceSource>,
}

impl At {
    pub(crate) fn new(event: &RawEvent, line: u64) -> Self {
        Self {
            seq: event.seq,
            line,
            time: event.wall_time_unix_ms,
            thread: event.thread_id.clone(),
            turn: event.codex_turn_id.clone(),
            evidence: event.evidence.clone(),
            source: event.source,
        }
    }
}
