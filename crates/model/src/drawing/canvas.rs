//! The canvas: the output of a drawing, and helpers for its lines.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{self, Display, Write},
};

use anstyle::{AnsiColor, Style};
use rollout_trace_schema::{AgentPath, ExecutionStatus, ThreadId};

use super::places::Places;
use crate::{ItemId, Line, RolloutTrace, Severity, names::Names};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const ADDED: Style = AnsiColor::Green.on_default();
pub(super) const DROPPED: Style = AnsiColor::Red.on_default();
pub(super) const ACTION: Style = AnsiColor::Cyan.on_default();

/// A graph, indexes of its objects, and the output of its drawing.
pub(super) struct Canvas<'a, 'w> {
    pub(super) graph: &'a RolloutTrace,
    pub(super) names: Names,
    pub(super) places: Places<'a>,
    /// The paths that more than one agent has.
    shared_paths: BTreeSet<&'a AgentPath>,
    out: &'w mut dyn Write,
    color: bool,
}

impl<'a, 'w> Canvas<'a, 'w> {
    pub(super) fn new(graph: &'a RolloutTrace, out: &'w mut dyn Write, color: bool) -> Self {
        let mut paths = BTreeSet::new();
        let shared_paths =
            graph.threads.values().map(|thread| &thread.agent_path).filter(|path| !paths.insert(*path)).collect();
        Self { graph, names: Names::of(graph), places: Places::of(graph), shared_paths, out, color }
    }

    /// Writes one line, indented by `depth` steps.
    pub(super) fn line(&mut self, depth: usize, line: impl Into<Line>) -> fmt::Result {
        writeln!(self.out, "{:1$}{2}", "", 2 * depth, line.into().visible())
    }

    /// Writes one line of a longer text, after a bar.
    pub(super) fn quoted_line(&mut self, depth: usize, text: &str) -> fmt::Result {
        let bar = self.paint(DIM, "|");
        let text = text.trim_end_matches(' ');
        self.line(depth, if text.is_empty() { bar } else { bar + " " + text })
    }

    pub(super) fn blank_line(&mut self) -> fmt::Result {
        writeln!(self.out)
    }

    pub(super) fn paint(&self, style: Style, text: impl Display) -> Line {
        Line::painted(if self.color { style } else { Style::new() }, text)
    }

    pub(super) fn status(&self, status: &ExecutionStatus) -> Line {
        let color = match status {
            ExecutionStatus::Completed => AnsiColor::Green,
            ExecutionStatus::Failed => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        self.paint(color.on_default(), status)
    }

    pub(super) fn severity(&self, severity: Severity) -> Line {
        let style = match severity {
            Severity::Error => AnsiColor::Red.on_default(),
            Severity::Warning => AnsiColor::Yellow.on_default(),
            Severity::Note => DIM,
        };
        self.paint(style, severity)
    }

    /// Returns the short name of an id.
    pub(super) fn name<'t>(&self, id: &'t str) -> Cow<'t, str> {
        self.names.shorten(id)
    }

    /// Returns the name of a thread: its agent's path, if that is unique.
    pub(super) fn agent(&self, thread: &ThreadId) -> String {
        let name = self.name(thread);
        match self.graph.threads.get(thread) {
            Some(thread) if thread.agent_path.is_empty() => name.into_owned(),
            Some(thread) if self.shared_paths.contains(&thread.agent_path) => format!("{} ({name})", thread.agent_path),
            Some(thread) => thread.agent_path.to_string(),
            None => name.into_owned(),
        }
    }

    /// Returns the numbers of items, with ranges of successive numbers: `[1], [3..7]`.
    pub(super) fn numbers(&self, items: &[ItemId]) -> String {
        let mut text = String::new();
        let mut rest = items;
        while let Some(first) = rest.first() {
            let run = rest.windows(2).take_while(|pair| pair[0].0.checked_add(1) == Some(pair[1].0)).count();
            let separator = if text.is_empty() { "" } else { ", " };
            text += &match run {
                0 => format!("{separator}[{}]", first.0),
                _ => format!("{separator}[{}..{}]", first.0, rest[run].0),
            };
            rest = &rest[run + 1..];
        }
        text
    }
}
