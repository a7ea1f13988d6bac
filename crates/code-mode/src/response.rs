//! The results of `execute` and `wait`.

use serde_json::{Map, Value};

use crate::{CellId, ContentItem};

/// The state of a cell, and its output since the last response.
#[derive(Clone, Debug, PartialEq)]
pub enum CellResponse {
    /// The cell is still running; `wait` returns the rest.
    Yielded {
        /// The cell.
        cell_id: CellId,
        /// The output since the last response.
        content: Vec<ContentItem>,
    },
    /// The cell was terminated and no longer exists.
    Terminated {
        /// The cell.
        cell_id: CellId,
        /// The output since the last response.
        content: Vec<ContentItem>,
    },
    /// The cell ended by itself, successfully or with an error, and no longer exists.
    Result {
        /// The cell.
        cell_id: CellId,
        /// The output since the last response.
        content: Vec<ContentItem>,
        /// The values that this cell stored, without those that it only read. The caller merges them into its values by
        /// key, so that cells which run at the same time keep each other's values.
        stored_values: Map<String, Value>,
        /// Why the cell failed, worded for the model; `None` if it did not fail.
        error_text: Option<String>,
    },
}

/// The result of `wait`.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitOutcome {
    /// The state of the cell.
    Cell(CellResponse),
    /// The cell does not exist: it never started, or its end has already been returned.
    Missing(CellId),
}
