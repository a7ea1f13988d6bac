//! Where in the trace something happens.

use rollout_trace_schema::{CodexTurnId, Seq, ThreadId, UnixMillis};

/// The event that is being applied: its place, its time and its context.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) seq: Seq,
    pub(crate) line: u64,
    pub(crate) time: UnixMillis,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) turn: Option<CodexTurnId>,
}
