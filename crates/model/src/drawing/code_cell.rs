//! Draws a code cell.

use std::fmt;

use crate::{CodeCell, CodeCellId};

use super::{
    canvas::Canvas,
    painter::{ACTION, BOLD},
};

/// The number of lines of source that are shown.
const SOURCE_LINES: usize = 4;

impl Canvas<'_, '_> {
    pub(super) fn only_code_cell(&mut self, id: &CodeCellId) -> fmt::Result {
        match self.graph.code_cells.get(id) {
            Some(cell) => self.code_cell(0, cell),
            None => self.line(0, format!("no code cell {}", self.preview(&id.0))),
        }
    }

    pub(super) fn code_cell(&mut self, depth: usize, cell: &CodeCell) -> fmt::Result {
        let name = self.name(&cell.code_cell_id.0);
        let mut head = self.painter.paint(ACTION, "▸") + " " + self.painter.paint(BOLD, name);
        if let Some(id) = &cell.runtime_cell_id {
            head += match self.commentary {
                Some(_) => format!(" · cell:{id}"),
                None => format!(" · runtime cell {}", self.name(id)),
            };
        }
        head += self.time(&cell.execution);
        let status = &cell.execution.status;
        head += " · ";
        head += self.painter.status(status);
        if cell.runtime_status.as_str() != status.as_str() {
            head += format_args!(" ({})", cell.runtime_status);
        }
        head += self.answers(&cell.output_item_ids);
        self.line(depth, head)?;
        self.losses_of(depth + 1, &cell.code_cell_id.0)?;
        self.first_lines(depth + 1, &cell.source_js, SOURCE_LINES)?;

        let mut course = Vec::new();
        if cell.initial_response_seq.is_some() {
            course.push(match &cell.initial_response_status {
                Some(status) => format!("first answer: {status}"),
                None => "first answer".to_owned(),
            });
        }
        if cell.yielded_seq.is_some() {
            course.push("continued to run".to_owned());
        }
        if cell.output_item_ids.len() > 1 {
            course.push(format!("answered or notified {} times", cell.output_item_ids.len()));
        }
        if !cell.wait_tool_call_ids.is_empty() {
            let waits: Vec<_> = cell.wait_tool_call_ids.iter().map(|id| self.name(id)).collect();
            course.push(format!("waited for by {}", waits.join(", ")));
        }
        if !course.is_empty() {
            self.line(depth + 1, course.join(" · "))?;
        }
        let tools = self.places.tools_of_cell.get(&cell.code_cell_id).cloned().unwrap_or_default();
        tools.into_iter().try_for_each(|tool| self.tool_call(depth + 1, tool))
    }
}
