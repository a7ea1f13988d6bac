//! Draws a terminal operation.

use std::fmt;

use crate::{Line, TerminalOperation, TerminalRequest};

use super::{canvas::Canvas, painter::BOLD};

/// The number of lines of output that are shown.
const OUTPUT_LINES: usize = 3;

impl Canvas<'_, '_> {
    pub(super) fn terminal_operation(&mut self, depth: usize, operation: &TerminalOperation) -> fmt::Result {
        let mut head = match &operation.request {
            TerminalRequest::ExecCommand { command, display_command, .. } => {
                let command = script(command).unwrap_or(display_command);
                Line::from("$ ") + self.painter.paint(BOLD, self.preview(command))
            }
            TerminalRequest::WriteStdin { stdin, .. } => format!("stdin \"{}\"", self.preview(stdin)).into(),
        };
        if let Some(session) = operation.terminal_id.as_ref().and_then(|id| self.graph.terminal_sessions.get(id)) {
            head += match self.commentary {
                Some(_) if session.terminal_id.0.starts_with("terminal_session:") => {
                    format!(" · {}", session.terminal_id)
                }
                Some(_) => format!(" · terminal:{}", session.terminal_id),
                // The session is named by its first operation, since its official id differs between the schemas.
                None => format!(" · terminal {}", session.created_by_operation_id.0),
            };
        }
        match operation.result.as_ref().and_then(|result| result.exit_code) {
            Some(code) => head += format_args!(" · exit {code}"),
            None => head = head + " · " + self.painter.status(&operation.execution.status),
        }
        for other in &operation.other_process_ids {
            head += format_args!(" · also process {}", self.name(other));
        }
        self.line(depth, head)?;
        let Some(result) = &operation.result else { return Ok(()) };
        let outputs = [Some(&result.stdout), Some(&result.stderr), result.formatted_output.as_ref()];
        let output = outputs.into_iter().flatten().find(|text| !text.is_empty());
        output.map_or(Ok(()), |text| self.first_lines(depth + 1, text, OUTPUT_LINES))
    }

    /// Draws the first lines of a text, and the number of further lines.
    pub(super) fn first_lines(&mut self, depth: usize, text: &str, limit: usize) -> fmt::Result {
        for line in text.lines().take(limit) {
            self.quoted_line(depth, &self.preview(line))?;
        }
        match text.lines().count().saturating_sub(limit) {
            0 => Ok(()),
            1 => self.quoted_line(depth, "… 1 more line"),
            more => self.quoted_line(depth, &format!("… {more} more lines")),
        }
    }
}

/// Returns the script that a shell runs, if the command is a shell with a script.
fn script(command: &[String]) -> Option<&String> {
    match command {
        [_, flag, script] if flag == "-lc" || flag == "-c" => Some(script),
        _ => None,
    }
}
