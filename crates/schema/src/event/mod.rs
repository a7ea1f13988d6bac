//! The raw events, one file for each family.

mod agent;
mod code_cell;
mod compaction;
mod envelope;
mod history;
mod inference;
mod observation;
mod plain;
mod references;
mod rollout;
mod thread;
mod tool_call;
mod turn;

pub use agent::AgentResultObserved;
pub use code_cell::{CodeCellEnded, CodeCellInitialResponse, CodeCellStarted, CodeCellWaitTargetResolved};
pub use compaction::{
    CompactionInstalled, CompactionRequestCompleted, CompactionRequestFailed, CompactionRequestStarted,
};
pub use envelope::{EventPayload, RawEvent};
pub use history::HistoryItemAccepted;
pub use inference::{InferenceCancelled, InferenceCompleted, InferenceFailed, InferenceStarted, RequestInputMode};
pub use observation::{Other, ProtocolEventObserved};
pub use rollout::{RecordingCompleted, RolloutEnded, RolloutStarted};
pub use thread::{ThreadEnded, ThreadResumed, ThreadStarted};
pub use tool_call::{
    McpToolCallCorrelationAssigned, StdinTargetResolved, ToolCallEnded, ToolCallRuntimeEnded, ToolCallRuntimeStarted,
    ToolCallStarted,
};
pub use turn::{CodexTurnEnded, CodexTurnStarted};
