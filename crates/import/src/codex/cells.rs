//! Code cells.

use std::collections::HashMap;

use rollout_trace_schema::{CellStatus, RuntimeCellId};
use serde_json::json;

use super::reader::Reader;
use crate::draft::At;

/// A cell that has not ended.
#[derive(Clone, Debug)]
struct Cell {
    id: RuntimeCellId,
    call_id: String,
    /// Whether the model got a first answer while the cell ran on.
    has_answered: bool,
}

/// The code cells of a thread.
#[derive(Debug, Default)]
pub(super) struct Cells {
    open: Vec<Cell>,
    /// The cells that the program has numbered.
    numbered: HashMap<String, RuntimeCellId>,
}

impl Cells {
    /// Returns the newest cell that has not ended.
    pub(super) fn newest(&self) -> Option<RuntimeCellId> {
        self.open.last().map(|cell| cell.id.clone())
    }
}

impl Reader {
    pub(super) fn cell_starts(&mut self, at: &At, call_id: &str, source: &str) {
        let id = RuntimeCellId::from(format!("import:{call_id}"));
        self.writer.cell_started(&at.reconstructed(), &id, call_id, source);
        self.cells.open.push(Cell { id, call_id: call_id.to_owned(), has_answered: false });
    }

    /// Reads what an output says of the cell that the call started or waits for.
    pub(super) fn cell_answers(&mut self, at: &At, call_id: &str, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let number = first.strip_prefix("Script running with cell ID ").map(|number| number.trim().to_owned());
        let status = match first.strip_prefix("Script ") {
            Some("completed") => CellStatus::Completed,
            Some("failed") => CellStatus::Failed,
            Some("terminated") => CellStatus::Terminated,
            _ if number.is_some() => CellStatus::Running,
            _ => return,
        };
        let waited = self.waited_cell(call_id);
        let is_this = |cell: &Cell| cell.call_id == call_id || waited.as_ref() == Some(&cell.id);
        let Some(place) = self.cells.open.iter().position(is_this) else { return };
        let response = json!({"response": {"text": text}});
        let at = at.reconstructed();
        let cell = &mut self.cells.open[place];
        if status == CellStatus::Running {
            if let Some(number) = number {
                self.cells.numbered.insert(number, cell.id.clone());
            }
            if !std::mem::replace(&mut cell.has_answered, true) {
                self.writer.cell_answered(&at, &cell.id, &response);
            }
        } else {
            let cell = self.cells.open.remove(place);
            self.writer.cell_ended(&at, &cell.id, status, &response);
        }
    }

    /// Returns the cell that a call of `wait` names.
    fn waited_cell(&mut self, call_id: &str) -> Option<RuntimeCellId> {
        let arguments = self.tools.get(call_id)?.arguments.clone();
        let arguments: serde_json::Value = serde_json::from_str(&arguments).ok()?;
        let number = match arguments.get("cell_id")? {
            serde_json::Value::String(number) => number.clone(),
            number => number.to_string(),
        };
        self.cells.numbered.get(&number).cloned()
    }
}
