//! What a trace bundle holds, as types: its manifest, its raw events and the references to its payloads.
//!
//! A *trace bundle* is a folder with everything that was recorded about one rollout, a session of a coding agent with
//! all of its child agents. Three schema versions exist; their events differ little and are one set of types here.
//!
//! * [`Manifest`] identifies the bundle and describes its layout.
//! * [`RawEvent`] is one line of the event log: an envelope and an [`EventPayload`].
//! * [`PayloadRef`] points from an event to a payload document, and [`document`] holds the documents themselves.
//! * [`packed`] is the layout that stores all payloads in one file.
//! * `shards` (a feature of this crate) writes the compressed files in which schema 3 stores payloads.
//! * [`json_text`] scans JSON text and says how deep a document may nest.
//! * [`visible`] makes text from a bundle safe to show.
//!
//! Raw events hold only what was seen. Nothing here interprets, and nothing here does I/O.
//!
//! A line such as "Source: bundle 1, section 4.5" names the section of the specification (`docs/spec`) that an item
//! implements.
//!
//! Nothing that a newer producer writes is lost: an unknown event type, payload kind or enum value is read into the
//! `Unknown` variant of its type and written back unchanged.

#![forbid(unsafe_code)]

pub mod document;
mod event;
mod evidence;
mod id;
pub mod json_text;
mod manifest;
mod open_enum;
pub mod packed;
mod payload_layout;
mod payload_ref;
#[cfg(feature = "shards")]
pub mod shards;
mod status;
mod tool;
mod version;
pub mod visible;
mod wire_api;

pub use event::{
    AgentResultObserved, CodeCellEnded, CodeCellInitialResponse, CodeCellStarted, CodeCellWaitTargetResolved,
    CodexTurnEnded, CodexTurnStarted, CompactionInstalled, CompactionRequestCompleted, CompactionRequestFailed,
    CompactionRequestStarted, EventPayload, HistoryItemAccepted, InferenceCancelled, InferenceCompleted,
    InferenceFailed, InferenceStarted, McpToolCallCorrelationAssigned, Other, ProtocolEventObserved, RawEvent,
    RecordingCompleted, RequestInputMode, RolloutEnded, RolloutStarted, StdinTargetResolved, ThreadEnded,
    ThreadResumed, ThreadStarted, ToolCallEnded, ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolCallStarted,
};
pub use evidence::{EvidenceGrade, EvidenceSource, ImportEvidence, ImportRequests, ImportSource, Importer};
pub use id::{
    AgentPath, CodeModeRuntimeToolId, CodexTurnId, CompactionId, CompactionRequestId, EdgeId, InferenceCallId,
    McpCallId, ModelVisibleCallId, RawPayloadId, ResponseId, ResponsesItemId, RolloutId, RuntimeCellId, ThreadId,
    ToolCallId, TraceId, UpstreamRequestId,
};
pub use manifest::{Manifest, Observed, Producer};
pub use payload_layout::PayloadLayout;
pub use payload_ref::{Capture, PayloadKind, PayloadPlace, PayloadRef, shard_path};
pub use status::{CellStatus, ExecutionStatus};
pub use tool::{ToolKind, ToolRequester, ToolSummary};
pub use version::{SchemaVersion, UnsupportedVersion};
pub use wire_api::WireApi;

/// Milliseconds since the Unix epoch by the producer's wall clock, for display and latency only: [`Seq`] orders events.
pub type UnixMillis = i64;

/// The place of an event in its bundle, contiguous from 1 and assigned by the writer: the causal order.
pub type Seq = u64;
