//! What can be wrong with a manifest, an event log, a pack, a shard or an archive.

use rollout_trace_schema::{RawPayloadId, Seq};
use thiserror::Error;

/// A defect of a bundle's manifest, event log, pack, shards or archive. Reading continues after each.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no manifest.
    #[error("the bundle has no manifest.json; identity and layout are read from the event log")]
    ManifestMissing,
    /// The manifest cannot be read.
    #[error("manifest.json cannot be read: {reason}")]
    ManifestUnreadable {
        /// What is wrong.
        reason: String,
    },
    /// A required field of the manifest is missing or of the wrong type. The rest of the manifest is used.
    #[error("manifest.json: {reason}")]
    ManifestField {
        /// What is wrong.
        reason: String,
    },
    /// The archive is damaged. Everything before the damage was read.
    #[error("the archive is damaged: {reason}")]
    ArchiveDamaged {
        /// What is wrong.
        reason: String,
    },
    /// An entry of the archive is not used.
    #[error("the archive's entry {path} is skipped: {reason}")]
    ArchiveEntry {
        /// The entry's path.
        path: String,
        /// Why.
        reason: String,
    },
    /// The archive decompresses to more than [`Limits::max_archive_bytes`](crate::Limits::max_archive_bytes).
    #[error(
        "the archive holds more than the limit of {limit} bytes (max_archive_bytes); the rest was not read{}",
        if *within_log { ", which includes the end of trace.jsonl" } else { "" }
    )]
    ArchiveTooLarge {
        /// The limit.
        limit: u64,
        /// Whether the event log goes on beyond the limit.
        within_log: bool,
    },
    /// The archive has more files and folders than
    /// [`Limits::max_archive_entries`](crate::Limits::max_archive_entries).
    #[error("the archive has more than {limit} files and folders (max_archive_entries); the rest was not read")]
    ArchiveTooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// The pack cannot be read at all.
    #[error("payloads.pack cannot be read: {reason}")]
    PackUnreadable {
        /// What is wrong.
        reason: String,
    },
    /// The header of the pack is damaged. It was reconstructed from the rest of the file.
    #[error("the header of payloads.pack is damaged ({reason}); it was reconstructed, and the payloads can be read")]
    PackHeader {
        /// What is wrong.
        reason: String,
    },
    /// A shard is missing, or the rest of it cannot be read.
    #[error("{path} is damaged: {reason}; {} lost", counted(*lost as u64, "payload"))]
    ShardDamaged {
        /// The path of the shard.
        path: String,
        /// What is wrong.
        reason: String,
        /// How many of the payloads that references look for in it cannot be read.
        lost: usize,
    },
    /// The last frame of a shard does not end, although nothing more is written to it. Every payload that is needed
    /// from it was read.
    #[error("the last frame of {path} does not end; every payload that is needed from it was read")]
    ShardNotEnded {
        /// The path of the shard.
        path: String,
    },
    /// A record of a shard was skipped, because it repeats another one or its id is not UTF-8.
    #[error("a record of {path} was skipped: {reason}")]
    ShardRecordSkipped {
        /// The path of the shard.
        path: String,
        /// Why.
        reason: String,
    },
    /// Two records of a shard have the same id and different content. The first one counts.
    #[error("{path} has {payload} twice, with different content; the first one counts")]
    ShardRecordContradiction {
        /// The path of the shard.
        path: String,
        /// The payload's id.
        payload: RawPayloadId,
    },
    /// A part of other documents cannot be used. A placeholder represents it in these documents.
    #[error("{payload}, which is part of other payloads, is lost: {reason}")]
    PartLost {
        /// The part's id.
        payload: RawPayloadId,
        /// Why.
        reason: String,
    },
    /// A reference and its shard disagree about how much of a payload was recorded.
    #[error("{payload} counts as not recorded, but its reference contradicts itself or the shard: {reason}")]
    CaptureMismatch {
        /// The payload's id.
        payload: RawPayloadId,
        /// What is wrong.
        reason: String,
    },
    /// The recorder cut payloads or left them out because of its limits.
    #[error("{} cut, and {} left out, because the recording has limits", counted(*truncated, "payload"), counted(*omitted, "payload"))]
    NotRecorded {
        /// How many were cut.
        truncated: u64,
        /// How many were left out.
        omitted: u64,
    },
    /// The manifest or an event has an unknown schema version.
    #[error("{what}: {reason}")]
    UnsupportedVersion {
        /// The place: `manifest.json`, or `event`.
        what: &'static str,
        /// The line of the event.
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
        /// The error of the operating system.
        reason: String,
    },
    /// The last line has no newline and is incomplete: the writer stopped in the middle of it, or has not finished it
    /// yet.
    #[error("the last line is torn after {bytes} {}; its event is lost", if *bytes == 1 { "byte" } else { "bytes" })]
    TornLine {
        /// The line.
        line: u64,
        /// The line's length.
        bytes: usize,
    },
    /// A line is not an event.
    #[error("the line is not an event: {reason}")]
    UnparsableLine {
        /// The line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A line has bytes that are not UTF-8. They were replaced, and the event is used if the rest could be read.
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
    #[error("the log has more events than the limit of {limit}; the rest was not read")]
    TooManyEvents {
        /// The line at which reading stopped.
        line: u64,
        /// The limit.
        limit: u64,
    },
    /// The log has more lines that are not events than
    /// [`Limits::max_damaged_lines`](crate::Limits::max_damaged_lines).
    #[error(
        "the log has more lines that are not events than the limit of {limit} (max_damaged_lines); the rest was not read"
    )]
    TooManyDamagedLines {
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
    /// A line repeats an earlier line exactly. It was ignored.
    #[error("seq {seq} occurs twice, with the same content; the second event was ignored")]
    RepeatedLine {
        /// The line of the repetition.
        line: u64,
        /// The seq.
        seq: Seq,
    },
    /// Two different events have the same seq.
    #[error("seq {seq} occurs twice, with different content; the second event was {}", if *applied { "applied after the first" } else { "ignored" })]
    RepeatedSeq {
        /// The line of the second event.
        line: u64,
        /// The seq.
        seq: Seq,
        /// Whether the second event was applied nevertheless.
        applied: bool,
    },
    /// An event is out of order. It was moved to its place, or stays where it is if its place was given up earlier.
    #[error("seq {seq} is out of order; it was moved as close to its place as possible")]
    OutOfOrder {
        /// The line of the event.
        line: u64,
        /// The seq.
        seq: Seq,
    },
    /// A field of an event's envelope is missing or damaged. Its value was inferred or left empty, and the event is
    /// used.
    #[error("the event's envelope is damaged: {reason}")]
    EnvelopeField {
        /// The line of the event.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The line was several lines before a newline was damaged, or begins with the rest of a torn line.
    #[error("the line is damaged; {} could be read from it", if *events == 1 { "one event".to_owned() } else { format!("{events} events") })]
    SharedLine {
        /// The line.
        line: u64,
        /// How many events it holds.
        events: usize,
    },
    /// Something follows the end marker. From this line on, the log is not as its writer left it.
    #[error("the log continues after recording_completed")]
    AfterEndMarker {
        /// The first line after the marker.
        line: u64,
    },
    /// The log has more problems than [`Limits::max_problems`](crate::Limits::max_problems).
    #[error("{left_out} problems beyond the limit of {limit} were left out")]
    TooManyProblems {
        /// The limit.
        limit: u64,
        /// How many are not reported.
        left_out: u64,
    },
}

impl Problem {
    /// Returns the line of the event log where the problem is, if it is in the log.
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::ManifestMissing
            | Self::ManifestUnreadable { .. }
            | Self::ManifestField { .. }
            | Self::ArchiveDamaged { .. }
            | Self::ArchiveEntry { .. }
            | Self::ArchiveTooLarge { .. }
            | Self::ArchiveTooManyEntries { .. }
            | Self::PackUnreadable { .. }
            | Self::PackHeader { .. }
            | Self::ShardDamaged { .. }
            | Self::ShardNotEnded { .. }
            | Self::ShardRecordSkipped { .. }
            | Self::ShardRecordContradiction { .. }
            | Self::PartLost { .. }
            | Self::CaptureMismatch { .. }
            | Self::NotRecorded { .. }
            | Self::LogUnreadable { .. }
            | Self::TooManyProblems { .. } => None,
            Self::UnsupportedVersion { line, .. } => *line,
            Self::VersionMismatch { line, .. }
            | Self::TornLine { line, .. }
            | Self::UnparsableLine { line, .. }
            | Self::InvalidUtf8 { line }
            | Self::LineTooLong { line, .. }
            | Self::TooManyEvents { line, .. }
            | Self::TooManyDamagedLines { line, .. }
            | Self::SeqGap { line, .. }
            | Self::RepeatedLine { line, .. }
            | Self::RepeatedSeq { line, .. }
            | Self::OutOfOrder { line, .. }
            | Self::EnvelopeField { line, .. }
            | Self::SharedLine { line, .. }
            | Self::AfterEndMarker { line } => Some(*line),
        }
    }

    /// Returns whether the problem is one of how payloads are stored, which shows only after they were read.
    pub fn is_of_payloads(&self) -> bool {
        matches!(
            self,
            Self::ShardDamaged { .. }
                | Self::ShardNotEnded { .. }
                | Self::ShardRecordSkipped { .. }
                | Self::ShardRecordContradiction { .. }
                | Self::PartLost { .. }
                | Self::CaptureMismatch { .. }
                | Self::NotRecorded { .. }
        )
    }

    /// Returns the payload that the problem concerns, if it is a single one.
    pub fn payload_id(&self) -> Option<&RawPayloadId> {
        match self {
            Self::ShardRecordContradiction { payload, .. }
            | Self::PartLost { payload, .. }
            | Self::CaptureMismatch { payload, .. } => Some(payload),
            _ => None,
        }
    }

    /// Returns the seq that the problem concerns. For a gap, this is the first missing seq.
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

/// Returns a number of things, and the verb that follows.
fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun} was") } else { format!("{number} {noun}s were") }
}
