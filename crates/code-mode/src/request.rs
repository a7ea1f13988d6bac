//! Requests that start a cell or wait for one.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::{CellId, ToolSpec};

/// Starts a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteRequest {
    /// The new cell's id, from [`CodeModeSession::next_cell_id`](crate::CodeModeSession::next_cell_id).
    pub cell_id: CellId,
    /// The model's tool call that starts the cell. Notifications contain it.
    pub tool_call_id: String,
    /// The tools that the script may call.
    pub enabled_tools: Vec<ToolSpec>,
    /// The script. It may include its pragma line, which is a comment, so that line numbers match the model's text.
    pub source: String,
    /// The values that `load()` returns.
    pub stored_values: Map<String, Value>,
    /// How long to wait before the cell yields; `None` means [`DEFAULT_YIELD_TIME`](crate::DEFAULT_YIELD_TIME).
    pub yield_time: Option<Duration>,
    /// The most text that one response may contain, in tokens; `None` means
    /// [`DEFAULT_MAX_OUTPUT_TOKENS`](crate::DEFAULT_MAX_OUTPUT_TOKENS).
    pub max_output_tokens: Option<usize>,
}

/// Waits for a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRequest {
    /// The cell.
    pub cell_id: CellId,
    /// How long to wait before the cell yields again; `None` means [`DEFAULT_YIELD_TIME`](crate::DEFAULT_YIELD_TIME).
    pub yield_time: Option<Duration>,
    /// The most text that the response may contain, in tokens; `None` means
    /// [`DEFAULT_MAX_OUTPUT_TOKENS`](crate::DEFAULT_MAX_OUTPUT_TOKENS).
    pub max_output_tokens: Option<usize>,
    /// Whether to terminate the cell.
    pub terminate: bool,
}

impl WaitRequest {
    /// Creates a request that waits with the default limits.
    pub fn new(cell_id: CellId) -> Self {
        Self { cell_id, yield_time: None, max_output_tokens: None, terminate: false }
    }

    /// Creates a request that terminates the cell.
    pub fn terminate(cell_id: CellId) -> Self {
        Self { terminate: true, ..Self::new(cell_id) }
    }
}

/// Why a cell did not start.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// A cell with this id exists, and its end has not been returned yet.
    #[error("cell {0} already exists")]
    CellExists(CellId),
    /// The session already runs as many cells as its limit allows.
    #[error("running cells: {running}, which is the limit of a session: wait for one to end, or terminate it")]
    TooManyCells {
        /// The number of running cells.
        running: usize,
    },
    /// The script is longer than the limit.
    #[error("the script has {bytes} bytes, more than the limit of {limit}")]
    SourceTooLong {
        /// The script's length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Two tools have the same name in the script.
    #[error("two tools have the same name in the script, `tools.{0}`")]
    ToolNameTaken(String),
    /// The session was shut down.
    #[error("the session has been shut down")]
    ShutDown,
    /// The operating system did not start a thread.
    #[error("cannot start the thread of cell {cell_id}")]
    Thread {
        /// The cell.
        cell_id: CellId,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
}
