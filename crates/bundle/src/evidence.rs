//! What the ordering pass hands to every reader.

use rollout_trace_schema::RawEvent;

use crate::Problem;

/// One thing that the event log shows, in causal order.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every value is an event, and it is moved, not stored")]
pub enum Evidence {
    /// An event, to be applied now.
    Event(LocatedEvent),
    /// The log is not as it should be here.
    Problem(Problem),
}

/// An event and where it stands.
#[derive(Clone, Debug)]
pub struct LocatedEvent {
    /// The line of the event log, from 1.
    pub line: u64,
    /// Whether the line ends in a newline; only then is an end marker trusted.
    pub newline_terminated: bool,
    /// The event.
    pub event: RawEvent,
}
