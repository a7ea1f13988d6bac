//! Draws a code cell.

use std::fmt;

use crate::CodeCell;

use super::canvas::{ACTION, BOLD, Canvas};

/// The number of lines of source that are shown.
const SOURCE_LINES: usize = 4;

impl Canvas<'_, '_> {
    pub(super) fn code_cell(&mut self, depth: usize, cell: &CodeCell) -> fmt::Result {
        let name = self.name(&cell.code_cell_id.0);
        let mut head = self.paint(ACTION, "▸") + " " + self.paint(BOLD, name);
        if let Some(id) = &cell.runtime_cell_id {
            head += format_args!(" · runtime cell {}", self.name(id));
        }
        let status = &cell.execution.status;
        head += " · ";
        head += self.status(status);
        if cell.runtime_status.as_str() != status.as_str() {
            head += format_args!(" ({})", cell.runtime_status);
        }
        head += self.answers(&cell.output_item_ids);
        self.line(depth, head)?;
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
