//! One piece of evidence.

use rollout_trace_schema::RawEvent;

use crate::Problem;

/// One piece of evidence. A source yields them in causal order.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every value is an event, and it is moved, not stored")]
pub enum Evidence {
    /// An event, to be applied now.
    Event(LocatedEvent),
    /// The record is damaged or surprising at this point.
    Problem(Problem),
}

/// An event and its place in the log.
#[derive(Clone, Debug)]
pub struct LocatedEvent {
    /// The line of the event log, counted from 1.
    pub line: u64,
    /// Whether the line ends in a newline. An end marker counts only if it does.
    pub newline_terminated: bool,
    /// The event.
    pub event: RawEvent,
}
