//! Surprises, told to people and to programs.

use std::fmt;

use rollout_trace_schema::{RawPayloadId, Seq};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One surprise that reduction met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// What kind of surprise.
    pub code: DiagnosticCode,
    /// How bad.
    pub severity: Severity,
    /// The event where it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The line of the event log where it showed, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The payload where it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_id: Option<RawPayloadId>,
    /// The ids of the objects concerned.
    pub ids: Vec<String>,
    /// What happened, for people.
    pub message: String,
}

/// How bad a surprise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Unusual, but the graph is whole.
    Warning,
    /// Evidence is missing or contradicts itself, so that the graph is poorer than the run was.
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
        /// The kind of a surprise, stable across versions.
        ///
        /// `docs/diagnostics.md` says of each what causes it and what it means for the graph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum DiagnosticCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl DiagnosticCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// How bad surprises of this kind are.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)+
                }
            }
        }
    };
}

diagnostic_codes! {
    /// The archive that holds the bundle is damaged, or holds what no bundle has.
    ArchiveDamaged = "archive_damaged", Error;
    /// There is no manifest.
    ManifestMissing = "manifest_missing", Error;
    /// The manifest is not JSON, or lacks a required field.
    ManifestInvalid = "manifest_invalid", Error;
    /// The bundle's schema version is not one that can be read for sure.
    UnsupportedSchemaVersion = "unsupported_schema_version", Error;
    /// An event's schema version differs from the bundle's.
    SchemaVersionMismatch = "schema_version_mismatch", Error;
    /// The event log cannot be read.
    LogUnreadable = "log_unreadable", Error;
    /// The last line is not whole.
    TornLine = "torn_line", Error;
    /// A line is no event.
    UnparsableLine = "unparsable_line", Error;
    /// A line or payload holds bytes that are not UTF-8.
    InvalidUtf8 = "invalid_utf8", Error;
    /// A line, a payload or the log is larger than the limits allow.
    LimitExceeded = "limit_exceeded", Error;
    /// Events are missing.
    SeqGap = "seq_gap", Error;
    /// A line is there twice.
    RepeatedLine = "repeated_line", Warning;
    /// Two different events have one seq.
    RepeatedSeq = "repeated_seq", Error;
    /// Events stand out of order.
    OutOfOrder = "out_of_order", Warning;
    /// Something follows the end marker.
    LineAfterEndMarker = "line_after_end_marker", Error;
    /// An event names another rollout.
    RolloutMismatch = "rollout_mismatch", Warning;
    /// The manifest and `rollout_started` name different ids.
    ManifestMismatch = "manifest_mismatch", Warning;
    /// The event's type is not known.
    UnknownEventType = "unknown_event_type", Error;
    /// An event of a known type lacks a field, or a field has the wrong type.
    MalformedEvent = "malformed_event", Error;
    /// A value is not among those known.
    UnknownValue = "unknown_value", Warning;
    /// The recorder says that it could not record everything.
    RecordingLoss = "recording_loss", Error;
    /// A payload is not there.
    PayloadMissing = "payload_missing", Error;
    /// A payload's path leads out of the bundle.
    PayloadEscapes = "payload_escapes", Error;
    /// A payload cannot be read, or is not JSON.
    PayloadUnreadable = "payload_unreadable", Error;
    /// A payload is JSON but not of the shape that its use asks for.
    PayloadMalformed = "payload_malformed", Error;
    /// A model item's kind is not known.
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
    /// A request names a response that its thread never got.
    UnknownPreviousResponse = "unknown_previous_response", Error;
    /// Something is started a second time.
    DuplicateStart = "duplicate_start", Error;
    /// Something that has ended ends again.
    RepeatedEnd = "repeated_end", Warning;
    /// A thread is resumed that has not ended.
    ResumedRunningThread = "resumed_running_thread", Error;
    /// A call id comes again with other content.
    CallIdReused = "call_id_reused", Error;
    /// An item of an incremental request is not what the conversation has at its place.
    IncrementalMismatch = "incremental_mismatch", Error;
    /// An accepted agent message does not match the acceptance.
    AgentMessageMismatch = "agent_message_mismatch", Error;
    /// A code cell's source item never came.
    CodeCellWithoutSource = "code_cell_without_source", Note;
    /// A process id changed, or a terminal operation began twice.
    TerminalContradiction = "terminal_contradiction", Warning;
    /// An agent activity does not fit the tool that reports it.
    AgentActivityMismatch = "agent_activity_mismatch", Error;
    /// One key of the official state names two objects.
    KeyCollision = "key_collision", Note;
    /// A provider numbered its calls anew, so that a call id names another call.
    CallIdRenumbered = "call_id_renumbered", Note;
    /// A call's output came again with other content, as when history is trimmed before a compaction.
    OutputRewritten = "output_rewritten", Note;
    /// A runtime cell id names a newer cell.
    RuntimeCellReused = "runtime_cell_reused", Note;
    /// A write to stdin names no terminal.
    StdinWithoutSession = "stdin_without_session", Note;
    /// A message to an agent was never seen to arrive.
    UndeliveredMessage = "undelivered_message", Note;
    /// The trace stops before the rollout ended.
    TraceStopsEarly = "trace_stops_early", Note;
    /// Something was still running when the trace ended.
    RunningAtEnd = "running_at_end", Note;
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
