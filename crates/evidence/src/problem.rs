//! What can be wrong with an event log or a manifest.

use rollout_trace_schema::Seq;
use thiserror::Error;

/// A way in which a bundle's manifest or event log is not as it should be. Reading goes on after each.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no manifest.
    #[error("the bundle has no manifest.json; identity and layout are taken from the event log")]
    ManifestMissing,
    /// The manifest is not a manifest.
    #[error("manifest.json cannot be read: {reason}")]
    ManifestUnreadable {
        /// What is wrong.
        reason: String,
    },
    /// A required field of the manifest is missing or of the wrong type; the rest of the manifest counts.
    #[error("manifest.json: {reason}")]
    ManifestField {
        /// What is wrong.
        reason: String,
    },
    /// The archive is damaged; what is before the damage was read.
    #[error("the archive is damaged: {reason}")]
    ArchiveDamaged {
        /// What is wrong.
        reason: String,
    },
    /// An entry of the archive was left.
    #[error("the archive's entry {path} was left: {reason}")]
    ArchiveEntry {
        /// The entry's path.
        path: String,
        /// Why.
        reason: String,
    },
    /// The archive unpacks to more than [`Limits::max_archive_bytes`](crate::Limits::max_archive_bytes), or to a great many files.
    #[error("the archive holds more than the limit of {limit} bytes; the rest was left")]
    ArchiveTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The file with the payloads cannot be read at all.
    #[error("payloads.pack cannot be read: {reason}")]
    PackUnreadable {
        /// What is wrong.
        reason: String,
    },
    /// The header of the file with the payloads is damaged; what it said was found out from the rest.
    #[error("the header of payloads.pack is damaged ({reason}); the payloads behind it could be found all the same")]
    PackHeader {
        /// What is wrong.
        reason: String,
    },
    /// Manifest or event has a schema version that is not known.
    #[error("{what}: {reason}")]
    UnsupportedVersion {
        /// The place: `manifest.json`, or `event`.
        what: &'static str,
        /// The line, if it is an event.
        line: Option<u64>,
        /// What is wrong and what to do.
        reason: String,
    },
    /// An event has another schema version than the bundle.
    #[error("the event has schema version {found}, the bundle {expected}")]
    VersionMismatch {
        /// The line of the event.
        line: u64,
        /// The event's version.
        found: u32,
        /// The bundle's version.
        expected: u32,
    },
    /// There is no event log, or it cannot be read.
    #[error("trace.jsonl cannot be read: {reason}")]
    LogUnreadable {
        /// What the system says.
        reason: String,
    },
    /// The last line has no newline and is not whole: the writer stopped, or has not finished, in the middle of it.
    #[error("the last line is torn after {bytes} bytes; its event is lost")]
    TornLine {
        /// The line.
        line: u64,
        /// The line's length.
        bytes: usize,
    },
    /// A line is no event.
    #[error("the line is not an event: {reason}")]
    UnparsableLine {
        /// The line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A line has bytes that are not UTF-8. They were replaced, and the event counts if the rest could be read.
    #[error("the line has bytes that are not UTF-8; they were replaced by U+FFFD")]
    InvalidUtf8 {
        /// The line.
        line: u64,
    },
    /// A line is longer than [`Limits::max_line_bytes`](crate::Limits::max_line_bytes).
    #[error("the line is longer than the limit of {limit} bytes; its event is lost")]
    LineTooLong {
        /// The line.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// The log has more events than [`Limits::max_events`](crate::Limits::max_events).
    #[error("the log has more than the limit of {limit} events; the rest was not read")]
    TooManyEvents {
        /// The line at which reading stopped.
        line: u64,
        /// The limit.
        limit: u64,
    },
    /// Events are missing.
    #[error("{} missing before seq {next}", if next - first == 1 { format!("seq {first} is") } else { format!("seq {first} to {} are", next - 1) })]
    SeqGap {
        /// The line of the event after the gap.
        line: u64,
        /// The first missing seq.
        first: Seq,
        /// The seq after the gap.
        next: Seq,
    },
    /// A line repeats an earlier one word for word; it was kept out.
    #[error("seq {seq} is there twice, with the same content; the second was kept out")]
    RepeatedLine {
        /// The line of the repetition.
        line: u64,
        /// The seq.
        seq: Seq,
    },
    /// Two different events have one seq.
    #[error("seq {seq} is there twice, with different content; the second was {}", if *applied { "applied after the first" } else { "kept out" })]
    RepeatedSeq {
        /// The line of the second event.
        line: u64,
        /// The seq.
        seq: Seq,
        /// Whether the second event was applied all the same.
        applied: bool,
    },
    /// An event stands before one that it follows; it was put in its place,
    /// or where it stands if more than the ordering window has passed since.
    #[error("seq {seq} stands out of order; it was put as near to its place as could be")]
    OutOfOrder {
        /// The line of the event.
        line: u64,
        /// The seq.
        seq: Seq,
    },
    /// A field of an event's envelope is missing or damaged; what it must have been was filled in, and the event counts.
    #[error("the event's envelope is damaged: {reason}")]
    EnvelopeField {
        /// The line of the event.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// What were several lines is one, because a newline is damaged or a writer went on after a torn line.
    #[error("the line is damaged; {} could be read from it", if *events == 1 { "one event".to_owned() } else { format!("{events} events") })]
    SharedLine {
        /// The line.
        line: u64,
        /// How many events it holds.
        events: usize,
    },
    /// Something follows the end marker: from this line on the log is not what its writer closed.
    #[error("the log goes on after recording_completed")]
    AfterEndMarker {
        /// The first line after the marker.
        line: u64,
    },
    /// The log has more problems than [`Limits::max_problems`](crate::Limits::max_problems).
    #[error("{left_out} more problems than the limit of {limit} were left out")]
    TooManyProblems {
        /// The limit.
        limit: u64,
        /// How many are not told.
        left_out: u64,
    },
}

impl Problem {
    /// The line of the event log where the problem is, if it is in the log.
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::ManifestMissing
            | Self::ManifestUnreadable { .. }
            | Self::ManifestField { .. }
            | Self::ArchiveDamaged { .. }
            | Self::ArchiveEntry { .. }
            | Self::ArchiveTooLarge { .. }
            | Self::PackUnreadable { .. }
            | Self::PackHeader { .. }
            | Self::LogUnreadable { .. }
            | Self::TooManyProblems { .. } => None,
            Self::UnsupportedVersion { line, .. } => *line,
            Self::VersionMismatch { line, .. }
            | Self::TornLine { line, .. }
            | Self::UnparsableLine { line, .. }
            | Self::InvalidUtf8 { line }
            | Self::LineTooLong { line, .. }
            | Self::TooManyEvents { line, .. }
            | Self::SeqGap { line, .. }
            | Self::RepeatedLine { line, .. }
            | Self::RepeatedSeq { line, .. }
            | Self::OutOfOrder { line, .. }
            | Self::EnvelopeField { line, .. }
            | Self::SharedLine { line, .. }
            | Self::AfterEndMarker { line } => Some(*line),
        }
    }

    /// The seq concerned: for a gap, its first.
    pub fn seq(&self) -> Option<Seq> {
        match self {
            Self::SeqGap { first: seq, .. }
            | Self::RepeatedLine { seq, .. }
            | Self::RepeatedSeq { seq, .. }
            | Self::OutOfOrder { seq, .. } => Some(*seq),
            _ => None,
        }
    }
}
