//! What `execute` and `wait` give.

use serde_json::{Map, Value};

use crate::{CellId, ContentItem};

/// How far a cell has come.
#[derive(Clone, Debug, PartialEq)]
pub enum CellResponse {
    /// The cell is still at work; `wait` asks for the rest.
    Yielded {
        /// The cell.
        cell_id: CellId,
        /// The output since the last response.
        content: Vec<ContentItem>,
    },
    /// The cell was terminated; it is gone.
    Terminated {
        /// The cell.
        cell_id: CellId,
        /// The output since the last response.
        content: Vec<ContentItem>,
    },
    /// The cell came to its end by itself, well or with an error; it is gone.
    Result {
        /// The cell.
        cell_id: CellId,
        /// The output since the last response.
        content: Vec<ContentItem>,
        /// The values that this cell stored, and none that it only found: laid over the session's values by key, so that cells which
        /// ran at the same time lose nothing of each other.
        stored_values: Map<String, Value>,
        /// Why the cell failed, for the model to read; `None` where it did not.
        error_text: Option<String>,
    },
}

/// What `wait` finds.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitOutcome {
    /// The cell, and how far it has come.
    Cell(CellResponse),
    /// There is no such cell: it never was, or its end has been handed out.
    Missing(CellId),
}
