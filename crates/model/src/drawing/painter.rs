//! The styles of a drawing.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use rollout_trace_schema::ExecutionStatus;

use crate::{Line, Severity};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const ADDED: Style = AnsiColor::Green.on_default();
pub(super) const DROPPED: Style = AnsiColor::Red.on_default();
pub(super) const ACTION: Style = AnsiColor::Cyan.on_default();

/// Paints texts, or leaves them plain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Painter {
    pub(super) color: bool,
}

impl Painter {
    pub(super) fn paint(self, style: Style, text: impl Display) -> Line {
        Line::painted(if self.color { style } else { Style::new() }, text)
    }

    pub(super) fn status(self, status: &ExecutionStatus) -> Line {
        let color = match status {
            ExecutionStatus::Completed => AnsiColor::Green,
            ExecutionStatus::Failed => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        self.paint(color.on_default(), status)
    }

    pub(super) fn severity(self, severity: Severity) -> Line {
        let style = match severity {
            Severity::Error => AnsiColor::Red.on_default(),
            Severity::Warning => AnsiColor::Yellow.on_default(),
            Severity::Note => DIM,
        };
        self.paint(style, severity)
    }
}
