//! Diagnostics: problems that reduction found in the evidence.

use std::fmt;

use rollout_trace_schema::{RawPayloadId, Seq};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One problem that reduction found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// The kind of the problem.
    pub code: DiagnosticCode,
    /// The severity of the problem.
    pub severity: Severity,
    /// The event with the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The line of the event log with the problem, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The payload with the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_id: Option<RawPayloadId>,
    /// The ids of the affected objects.
    pub ids: Vec<String>,
    /// A description for people.
    pub message: String,
}

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Information that is worth knowing.
    Note,
    /// The evidence is unusual, but the graph is complete.
    Warning,
    /// Evidence is missing or contradictory, so the graph shows less than happened.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

macro_rules! diagnostic_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $severity:ident;)+) => {
        /// The kind of a problem, stable across versions.
        ///
        /// `docs/diagnostics.md` describes the cause of each kind and its effect on the graph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum DiagnosticCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl DiagnosticCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the code as text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Returns the code with this text.
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }

            /// Returns the severity of problems of this kind.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)+
                }
            }
        }
    };
}

diagnostic_codes! {
    /// The archive of the bundle is damaged, or contains a file that does not belong to a bundle.
    ArchiveDamaged = "archive_damaged", Error;
    /// The manifest is missing.
    ManifestMissing = "manifest_missing", Error;
    /// The manifest is not JSON, or lacks a required field.
    ManifestInvalid = "manifest_invalid", Error;
    /// The bundle's schema version is not supported.
    UnsupportedSchemaVersion = "unsupported_schema_version", Error;
    /// An event's schema version differs from the bundle's.
    SchemaVersionMismatch = "schema_version_mismatch", Error;
    /// The event log cannot be read.
    LogUnreadable = "log_unreadable", Error;
    /// The last line is incomplete.
    TornLine = "torn_line", Error;
    /// A line is not an event.
    UnparsableLine = "unparsable_line", Error;
    /// A line or payload contains bytes that are not UTF-8.
    InvalidUtf8 = "invalid_utf8", Error;
    /// A line, a payload or the log is larger than the limits allow.
    LimitExceeded = "limit_exceeded", Error;
    /// Events are missing.
    SeqGap = "seq_gap", Error;
    /// A line is repeated.
    RepeatedLine = "repeated_line", Warning;
    /// Two different events have the same seq.
    RepeatedSeq = "repeated_seq", Error;
    /// Events are out of order.
    OutOfOrder = "out_of_order", Warning;
    /// Something follows the end marker.
    LineAfterEndMarker = "line_after_end_marker", Error;
    /// An event names another rollout.
    RolloutMismatch = "rollout_mismatch", Warning;
    /// The manifest and `rollout_started` name different ids.
    ManifestMismatch = "manifest_mismatch", Warning;
    /// The type of an event is unknown.
    UnknownEventType = "unknown_event_type", Error;
    /// An event of a known type lacks a field, or a field has the wrong type.
    MalformedEvent = "malformed_event", Error;
    /// A value is unknown.
    UnknownValue = "unknown_value", Warning;
    /// The recorder reports that it could not record everything.
    RecordingLoss = "recording_loss", Error;
    /// A payload is missing.
    PayloadMissing = "payload_missing", Error;
    /// A payload's path leads out of the bundle.
    PayloadEscapes = "payload_escapes", Error;
    /// A payload cannot be read, or is not JSON.
    PayloadUnreadable = "payload_unreadable", Error;
    /// A shard is damaged or missing.
    ShardDamaged = "shard_damaged", Error;
    /// The last frame of a shard does not end, although its writer began another shard or closed the recording.
    ShardNotEnded = "shard_not_ended", Warning;
    /// A record of a shard repeats another one, or has an id that is not UTF-8.
    ShardRecordSkipped = "shard_record_skipped", Warning;
    /// A reference and its shard disagree about how much of a payload was recorded.
    CaptureMismatch = "capture_mismatch", Warning;
    /// The recorder cut payloads or left them out because of its limits.
    PayloadsNotRecorded = "payloads_not_recorded", Note;
    /// Two references to one payload differ.
    ConflictingReferences = "conflicting_references", Error;
    /// A payload is JSON, but does not have the expected shape.
    PayloadMalformed = "payload_malformed", Error;
    /// A document that is only used if it is whole was recorded in part, so it counts as missing.
    PartialPayload = "partial_payload", Warning;
    /// The kind of a payload is not that of the field that refers to it.
    MislabeledPayload = "mislabeled_payload", Warning;
    /// A stripped id does not fit the item at its place in the request.
    StrippedIdMismatch = "stripped_id_mismatch", Error;
    /// The kind of a model item is unknown.
    UnknownItemKind = "unknown_item_kind", Warning;
    /// An event names a thread that was never started.
    UnknownThread = "unknown_thread", Error;
    /// An event names a turn that was never started.
    UnknownTurn = "unknown_turn", Error;
    /// An event names an inference call that was never started.
    UnknownInferenceCall = "unknown_inference_call", Error;
    /// An event names a tool call that was never started.
    UnknownToolCall = "unknown_tool_call", Error;
    /// An event names a code cell that was never started.
    UnknownCodeCell = "unknown_code_cell", Error;
    /// An event names a compaction request that was never started.
    UnknownCompactionRequest = "unknown_compaction_request", Error;
    /// A request names a response that its thread never received.
    UnknownPreviousResponse = "unknown_previous_response", Error;
    /// An object is started a second time.
    DuplicateStart = "duplicate_start", Error;
    /// An object that has ended ends again.
    RepeatedEnd = "repeated_end", Warning;
    /// A thread that has not ended is resumed.
    ResumedRunningThread = "resumed_running_thread", Error;
    /// A call id is repeated with different content.
    CallIdReused = "call_id_reused", Error;
    /// An item of an incremental request differs from the conversation at its place.
    IncrementalMismatch = "incremental_mismatch", Error;
    /// A wait for a code cell names another thread or turn than its tool call.
    WaitContextMismatch = "wait_context_mismatch", Warning;
    /// An accepted message or output does not match the acceptance.
    AgentMessageMismatch = "agent_message_mismatch", Error;
    /// A code cell's source item never appeared.
    CodeCellWithoutSource = "code_cell_without_source", Note;
    /// The code cell that a call waits for is resolved a second time.
    WaitTargetContradiction = "wait_target_contradiction", Error;
    /// A process id changed, or a terminal operation started twice.
    TerminalContradiction = "terminal_contradiction", Warning;
    /// An agent activity does not fit the tool that reports it.
    AgentActivityMismatch = "agent_activity_mismatch", Error;
    /// Two objects have the same key in the official state.
    KeyCollision = "key_collision", Note;
    /// A provider restarted the numbering of its calls, so that a call id names another call.
    CallIdRenumbered = "call_id_renumbered", Note;
    /// An agent core sent a call back with keys of its arguments added or left out.
    CallArgumentsChanged = "call_arguments_changed", Note;
    /// A call's output is repeated with different content, for example because history was trimmed before a compaction.
    OutputRewritten = "output_rewritten", Note;
    /// A runtime cell id names a newer cell.
    RuntimeCellReused = "runtime_cell_reused", Note;
    /// A write to stdin names no terminal.
    StdinWithoutSession = "stdin_without_session", Note;
    /// A message to an agent never appeared in its conversation.
    UndeliveredMessage = "undelivered_message", Note;
    /// A message between agents arrived as a plain message of the user.
    DeliveredAsUserMessage = "delivered_as_user_message", Note;
    /// The trace stops before the rollout ended.
    TraceStopsEarly = "trace_stops_early", Note;
    /// An object was still running when the trace ended.
    RunningAtEnd = "running_at_end", Note;
    /// The last line of a session file ends within a record.
    SourceTornLine = "source_torn_line", Note;
    /// A line of a session file is not a record.
    SourceUnparsableLine = "source_unparsable_line", Error;
    /// The type of records of a session file is unknown.
    SourceUnknownRecord = "source_unknown_record", Note;
    /// A record of a session file is repeated.
    SourceRepeatedRecord = "source_repeated_record", Warning;
    /// A session file does not begin with its header.
    SourceHeaderMissing = "source_header_missing", Warning;
    /// A record of a session file has no time, or an absurd one.
    SourceTimeUnknown = "source_time_unknown", Warning;
    /// A file of another thread of a session is missing.
    SourceFileMissing = "source_file_missing", Warning;
    /// The file that the history of a fork begins in is missing.
    HistoryBaseMissing = "history_base_missing", Error;
    /// The file with the output of a tool is missing.
    SourceOutputMissing = "source_output_missing", Note;
    /// Records or files of a session name one another as their predecessors.
    SourceParentCycle = "source_parent_cycle", Warning;
    /// A name in a session file leads out of its store, or to a link.
    PathRefused = "path_refused", Error;
    /// A compressed session file is damaged, or a session file can no longer be read.
    SourceDamagedArchive = "source_damaged_archive", Error;
    /// A request of a session could not be put together as its hashes say.
    RequestNotVerified = "request_not_verified", Note;
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
