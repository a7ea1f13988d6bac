//! What starts a cell and what waits for it.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::{CellId, ToolSpec};

/// Starts a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteRequest {
    /// The new cell's id, from [`CodeModeSession::next_cell_id`](crate::CodeModeSession::next_cell_id).
    pub cell_id: CellId,
    /// The model's tool call that the cell comes from; notifications carry it.
    pub tool_call_id: String,
    /// The tools that the script may call.
    pub enabled_tools: Vec<ToolSpec>,
    /// The script. Its pragma line may still be there: it is a comment, and keeps line numbers those of the model's text.
    pub source: String,
    /// The values that `load()` finds.
    pub stored_values: Map<String, Value>,
    /// How long to wait before the cell yields; [`DEFAULT_YIELD_TIME`](crate::DEFAULT_YIELD_TIME) where it is `None`.
    pub yield_time: Option<Duration>,
    /// How much text one response holds, in tokens; [`DEFAULT_MAX_OUTPUT_TOKENS`](crate::DEFAULT_MAX_OUTPUT_TOKENS) where it is `None`.
    pub max_output_tokens: Option<usize>,
}

/// Waits for a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRequest {
    /// The cell.
    pub cell_id: CellId,
    /// How long to wait before the cell yields again; [`DEFAULT_YIELD_TIME`](crate::DEFAULT_YIELD_TIME) where it is `None`.
    pub yield_time: Option<Duration>,
    /// How much text the response holds, in tokens; [`DEFAULT_MAX_OUTPUT_TOKENS`](crate::DEFAULT_MAX_OUTPUT_TOKENS) where it is `None`.
    pub max_output_tokens: Option<usize>,
    /// Whether to stop the cell.
    pub terminate: bool,
}

impl WaitRequest {
    /// Waits with the defaults.
    pub fn new(cell_id: CellId) -> Self {
        Self { cell_id, yield_time: None, max_output_tokens: None, terminate: false }
    }

    /// Stops the cell.
    pub fn terminate(cell_id: CellId) -> Self {
        Self { terminate: true, ..Self::new(cell_id) }
    }
}

/// Why a cell did not start.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// The id is that of a cell whose end has not been handed out yet.
    #[error("cell {0} exists already")]
    CellExists(CellId),
    /// The session runs as many cells as it may.
    #[error("{running} cells are running, the most that a session may have: wait for one or terminate it")]
    TooManyCells {
        /// The cells that run.
        running: usize,
    },
    /// The script is longer than the limit.
    #[error("the script has {bytes} bytes, {limit} at most are allowed")]
    SourceTooLong {
        /// The script's length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Two tools would have one name in the script.
    #[error("two tools would both be `tools.{0}`")]
    ToolNameTaken(String),
    /// The session was shut down.
    #[error("the session has been shut down")]
    ShutDown,
    /// The operating system gave no thread.
    #[error("no thread for cell {cell_id}")]
    Thread {
        /// The cell.
        cell_id: CellId,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}
