//! What the recorder reports about its own work, as protocol events that every reader accepts.

use serde::{Deserialize, Serialize};

/// The `event_type`s of the protocol events in which the recorder reports on itself.
#[derive(Clone, Copy, Debug)]
pub struct RecorderReport;

impl RecorderReport {
    /// Something could not be recorded: a [`RecordingLoss`]. If even this document could not be written, it is the
    /// metadata of an [`Other`](crate::Other) event of this kind.
    pub const LOSS: &str = "rollout_trace.loss";
    /// A handle was dropped before its end was recorded: an [`AbandonedHandle`].
    pub const ABANDONED: &str = "rollout_trace.abandoned";
    /// Texts were redacted: a [`RedactionCount`].
    pub const REDACTED: &str = "rollout_trace.redacted";
    /// The agent core made a call that it should not make: a [`RecorderMisuse`].
    pub const MISUSE: &str = "rollout_trace.misuse";
}

/// Says what could not be recorded since the last such report.
///
/// Source: bundle 2, section 4.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingLoss {
    /// Events that are not in the log.
    pub lost_events: u64,
    /// Payload documents that are not in the bundle; the events that refer to them are.
    pub lost_payloads: u64,
    /// The first few different reasons.
    pub reasons: Vec<String>,
}

/// Says that a handle was dropped before its end was recorded, so that the end in the log is the recorder's own.
///
/// Source: bundle 2, section 4.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbandonedHandle {
    /// The kind of object that the handle recorded: `thread`, `tool_call`, `code_cell` and so on.
    pub object: String,
    /// The id of that object.
    pub id: String,
}

/// Says how many texts were redacted.
///
/// Source: bundle 2, section 4.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionCount {
    /// The number of texts that were replaced.
    pub redacted: u64,
}

/// Says how the agent core misuses the recorder. Each kind of misuse is reported once per rollout.
///
/// Source: bundle 2, section 4.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecorderMisuse {
    /// The kind of misuse, as a stable name.
    pub misuse: String,
    /// What happened and what to do, in words.
    pub message: String,
}

/// Replaces a payload document that could not be recorded.
///
/// Source: bundle 2, section 4.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostPayload {
    /// What happened.
    pub rollout_trace_lost: LostPayloadReason,
}

/// Why a payload document could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostPayloadReason {
    /// The reason, in words.
    pub reason: String,
}
