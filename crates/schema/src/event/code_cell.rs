//! Code cells. All belong to the envelope's thread and turn.

use serde::{Deserialize, Serialize};

use crate::{CellStatus, ModelVisibleCallId, PayloadRef, RuntimeCellId, ToolCallId};

/// A code cell began to run, often before the response that asked for it was complete.
///
/// Source: bundle 1, section 4.6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCellStarted {
    /// The cell.
    pub runtime_cell_id: RuntimeCellId,
    /// The call in the conversation that holds the source.
    pub model_visible_call_id: ModelVisibleCallId,
    /// The source as it runs.
    pub source_js: String,
}

/// The model got the first answer from a code cell, which may continue to run.
///
/// Source: bundle 1, section 4.6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCellInitialResponse {
    /// The cell.
    pub runtime_cell_id: RuntimeCellId,
    /// The cell's status at that time.
    pub status: CellStatus,
    /// The answer.
    #[serde(default)]
    pub response_payload: Option<PayloadRef>,
}

/// A code cell ended.
///
/// Source: bundle 1, section 4.6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCellEnded {
    /// The cell.
    pub runtime_cell_id: RuntimeCellId,
    /// How it ended.
    pub status: CellStatus,
    /// The cell's last answer.
    #[serde(default)]
    pub response_payload: Option<PayloadRef>,
}

/// The code cell that a tool call waits for became known (schema 3).
///
/// Source: bundle 3, section 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCellWaitTargetResolved {
    /// The call that waits.
    pub tool_call_id: ToolCallId,
    /// The cell.
    pub runtime_cell_id: RuntimeCellId,
}
