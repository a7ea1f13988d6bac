//! One line of the event log.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use super::{
    AgentResultObserved, CodeCellEnded, CodeCellInitialResponse, CodeCellStarted, CodeCellWaitTargetResolved,
    CodexTurnEnded, CodexTurnStarted, CompactionInstalled, CompactionRequestCompleted, CompactionRequestFailed,
    CompactionRequestStarted, HistoryItemAccepted, InferenceCancelled, InferenceCompleted, InferenceFailed,
    InferenceStarted, McpToolCallCorrelationAssigned, Other, ProtocolEventObserved, RecordingCompleted, RolloutEnded,
    RolloutStarted, StdinTargetResolved, ThreadEnded, ThreadResumed, ThreadStarted, ToolCallEnded,
    ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolCallStarted,
};
use crate::{CodexTurnId, EvidenceGrade, EvidenceSource, RolloutId, Seq, ThreadId, UnixMillis, evidence::lenient};

/// One line of the event log: an envelope around an [`EventPayload`].
///
/// Source: bundle 1, section 2.1; bundle 2, section 1.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawEvent {
    /// The version of the event schema, not yet checked: see [`SchemaVersion`](crate::SchemaVersion).
    pub schema_version: u32,
    /// The event's place in the causal order.
    pub seq: Seq,
    /// When the event was recorded.
    pub wall_time_unix_ms: UnixMillis,
    /// The session that the event belongs to.
    pub rollout_id: RolloutId,
    /// The thread whose work produced the event, if a thread did.
    #[serde(default)]
    pub thread_id: Option<ThreadId>,
    /// The turn in which the event was produced, if there was one.
    #[serde(default)]
    pub codex_turn_id: Option<CodexTurnId>,
    /// What was seen.
    pub payload: EventPayload,
    /// Of an imported event, where a session file says so.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub source: Option<EvidenceSource>,
    /// Of an imported event, how the session file proves it. Absent if a record of the file says it.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceGrade>,
}

macro_rules! event_payloads {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $type:literal,)+) => {
        /// What an event saw, distinguished by `type`.
        ///
        /// Source: bundle 1, section 4; bundle 2, section 2; bundle 3, section 2.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        #[non_exhaustive]
        pub enum EventPayload {
            $($(#[$doc])* #[serde(rename = $type)] $variant($body),)+
            /// An event that this version cannot read, as it was written: of an unknown type, or of a known type with
            /// fields that do not fit it (see [`EventPayload::misfit`]).
            #[serde(untagged)]
            Unknown(Map<String, Value>),
        }

        impl EventPayload {
            /// The event types that this version knows.
            pub const KNOWN: &[&str] = &[$($type),+];

            /// Returns the event's type as it is written. It is empty if an unreadable event has none.
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $type,)+
                    Self::Unknown(object) => object.get("type").and_then(Value::as_str).unwrap_or_default(),
                }
            }

            /// Reads the other fields of an event of this type.
            pub(super) fn of_type<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Result<Self, D::Error> {
                match name {
                    $($type => <$body>::deserialize(fields).map(Self::$variant),)+
                    _ => Err(D::Error::custom("an unknown type")),
                }
            }

            /// Returns why an event of a known type could not be read as one. Returns `None` for all other events.
            pub fn misfit(&self) -> Option<serde_json::Error> {
                let Self::Unknown(object) = self else { return None };
                let object = Value::Object(object.clone());
                match self.type_name() {
                    $($type => <$body>::deserialize(object).err(),)+
                    _ => None,
                }
            }
        }

        $(impl From<$body> for EventPayload {
            fn from(body: $body) -> Self {
                Self::$variant(body)
            }
        })+
    };
}

event_payloads! {
    /// The rollout began.
    RolloutStarted(RolloutStarted) = "rollout_started",
    /// The rollout ended.
    RolloutEnded(RolloutEnded) = "rollout_ended",
    /// Nothing follows: the recording is complete.
    RecordingCompleted(RecordingCompleted) = "recording_completed",
    /// An agent thread began.
    ThreadStarted(ThreadStarted) = "thread_started",
    /// An agent thread ended.
    ThreadEnded(ThreadEnded) = "thread_ended",
    /// An ended agent thread was opened again.
    ThreadResumed(ThreadResumed) = "thread_resumed",
    /// A turn began.
    CodexTurnStarted(CodexTurnStarted) = "codex_turn_started",
    /// A turn ended.
    CodexTurnEnded(CodexTurnEnded) = "codex_turn_ended",
    /// An item entered the history that the agent core keeps.
    HistoryItemAccepted(HistoryItemAccepted) = "history_item_accepted",
    /// A request went to the model. It is boxed because it is twice as large as the others, and events are moved often.
    InferenceStarted(Box<InferenceStarted>) = "inference_started",
    /// The model answered.
    InferenceCompleted(InferenceCompleted) = "inference_completed",
    /// A request failed.
    InferenceFailed(InferenceFailed) = "inference_failed",
    /// A request was canceled.
    InferenceCancelled(InferenceCancelled) = "inference_cancelled",
    /// A tool was called.
    ToolCallStarted(ToolCallStarted) = "tool_call_started",
    /// A tool call got the id of its MCP request.
    McpToolCallCorrelationAssigned(McpToolCallCorrelationAssigned) = "mcp_tool_call_correlation_assigned",
    /// It became known to which command a write to stdin goes.
    StdinTargetResolved(StdinTargetResolved) = "stdin_target_resolved",
    /// A tool's runtime began to execute the call.
    ToolCallRuntimeStarted(ToolCallRuntimeStarted) = "tool_call_runtime_started",
    /// A tool's runtime finished executing the call.
    ToolCallRuntimeEnded(ToolCallRuntimeEnded) = "tool_call_runtime_ended",
    /// A tool call was answered.
    ToolCallEnded(ToolCallEnded) = "tool_call_ended",
    /// A code cell began to run.
    CodeCellStarted(CodeCellStarted) = "code_cell_started",
    /// The model got a first answer from a code cell.
    CodeCellInitialResponse(CodeCellInitialResponse) = "code_cell_initial_response",
    /// A code cell ended.
    CodeCellEnded(CodeCellEnded) = "code_cell_ended",
    /// The code cell that a tool call waits for became known.
    CodeCellWaitTargetResolved(CodeCellWaitTargetResolved) = "code_cell_wait_target_resolved",
    /// A compaction was requested.
    CompactionRequestStarted(CompactionRequestStarted) = "compaction_request_started",
    /// A request for a compaction was answered.
    CompactionRequestCompleted(CompactionRequestCompleted) = "compaction_request_completed",
    /// A request for a compaction failed.
    CompactionRequestFailed(CompactionRequestFailed) = "compaction_request_failed",
    /// A compacted history took the place of the old one.
    CompactionInstalled(CompactionInstalled) = "compaction_installed",
    /// A child agent's result reached its parent.
    AgentResultObserved(AgentResultObserved) = "agent_result_observed",
    /// An event of the agent core's protocol was observed.
    ProtocolEventObserved(ProtocolEventObserved) = "protocol_event_observed",
    /// Anything else that a producer found worth keeping.
    Other(Other) = "other",
}

impl From<InferenceStarted> for EventPayload {
    fn from(body: InferenceStarted) -> Self {
        Self::InferenceStarted(Box::new(body))
    }
}
