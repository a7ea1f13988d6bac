//! What a recording amounts to.

use rollout_trace_schema::document::RecordingLoss;

/// What a recording amounts to. A program can say at its end whether the recording is complete.
///
/// ```
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// trace.finish();
/// if let Some(outcome) = trace.outcome() {
///     println!("complete: {}, lost: {}", outcome.is_complete(), outcome.loss.lost_events);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordingOutcome {
    /// Everything that could not be recorded so far.
    pub loss: RecordingLoss,
    /// Whether the recording has ended and has its end marker, which a trace that could not report all of its losses
    /// does not get.
    pub has_end: bool,
}

impl RecordingOutcome {
    /// Returns whether the recording has ended and lacks nothing.
    pub fn is_complete(&self) -> bool {
        self.has_end && self.loss.lost_events == 0 && self.loss.lost_payloads == 0
    }
}
