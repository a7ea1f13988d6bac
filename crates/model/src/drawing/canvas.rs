//! The canvas: the output of a drawing, and helpers for its lines.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{self, Write},
};

use rollout_trace_schema::{AgentPath, CodexTurnId, InferenceCallId, ThreadId};

use super::{
    commentary::Commentary,
    losses::Losses,
    painter::{DIM, Painter},
    places::Places,
    preview::PREVIEW,
    selection::Selected,
};
use crate::{Drawing, Execution, ItemId, Line, RolloutTrace, names::Names};

/// A graph, indexes of its objects, and the output of its drawing.
pub(super) struct Canvas<'a, 'w> {
    pub(super) graph: &'a RolloutTrace,
    pub(super) painter: Painter,
    pub(super) names: Names,
    pub(super) places: Places<'a>,
    pub(super) commentary: Option<&'a dyn Commentary>,
    pub(super) losses: Losses<'a>,
    pub(super) selected: Selected<'a>,
    /// The number of characters of a text that are shown.
    pub(super) preview: usize,
    /// The number of columns of a line; `None` if it is unlimited.
    width: Option<usize>,
    /// The paths that more than one agent has.
    shared_paths: BTreeSet<&'a AgentPath>,
    out: &'w mut dyn Write,
}

/// The columns of a line that are usually needed before a text.
const MOST_BEFORE_TEXT: usize = 32;
/// How far the rest of a line that is too long is indented below its beginning.
const HANGING: usize = 4;

impl<'a, 'w> Canvas<'a, 'w> {
    pub(super) fn new(drawing: &Drawing<'a>, out: &'w mut dyn Write) -> Self {
        let graph = drawing.graph;
        let mut paths = BTreeSet::new();
        let shared_paths =
            graph.threads.values().map(|thread| &thread.agent_path).filter(|path| !paths.insert(*path)).collect();
        let mut places = Places::of(graph, drawing.commentary);
        let losses = match drawing.commentary {
            Some(_) => Losses::of(graph, &places.seqs_of_steps(graph)),
            None => Losses::default(),
        };
        let selected = Selected::of(graph, &mut places, &losses, drawing.selection);
        Self {
            graph,
            names: drawing.commentary.map_or_else(|| Names::of(graph), |_| Names::as_recorded()),
            places,
            commentary: drawing.commentary,
            losses,
            selected,
            preview: drawing.width.map_or(PREVIEW, |width| width.saturating_sub(MOST_BEFORE_TEXT).clamp(32, 160)),
            width: drawing.width,
            shared_paths,
            out,
            painter: Painter { color: drawing.color },
        }
    }

    /// Writes one line, indented by `depth` steps.
    pub(super) fn line(&mut self, depth: usize, line: impl Into<Line>) -> fmt::Result {
        self.hanging_line(depth, HANGING, line.into())
    }

    /// Writes one line. If it is too long, its rest is indented by so many more columns.
    fn hanging_line(&mut self, depth: usize, hanging: usize, line: Line) -> fmt::Result {
        let Some(width) = self.width else {
            return writeln!(self.out, "{:1$}{2}", "", 2 * depth, line.visible());
        };
        // However deep a line is, half of it is left for its text.
        let indent = (2 * depth).min(width / 2);
        let line = Line::from(" ".repeat(indent)) + line;
        writeln!(self.out, "{}", line.wrapped(width, indent + hanging))
    }

    /// Writes one line of a longer text, after a bar.
    pub(super) fn quoted_line(&mut self, depth: usize, text: &str) -> fmt::Result {
        let bar = self.painter.paint(DIM, "|");
        let text = text.trim_end_matches(' ');
        let hanging = 2;
        self.hanging_line(depth, hanging, if text.is_empty() { bar } else { bar + " " + text })
    }

    pub(super) fn blank_line(&mut self) -> fmt::Result {
        writeln!(self.out)
    }

    /// Returns the short name of an id.
    pub(super) fn name<'t>(&self, id: &'t str) -> Cow<'t, str> {
        self.names.shorten(id)
    }

    /// Returns the name of a turn.
    pub(super) fn turn_name<'t>(&self, turn: &'t CodexTurnId) -> Cow<'t, str> {
        self.commentary.map_or_else(|| self.name(turn), |commentary| commentary.turn(turn).into())
    }

    /// Returns the name of an inference call.
    pub(super) fn call_name<'t>(&self, call: &'t InferenceCallId) -> Cow<'t, str> {
        self.commentary.map_or_else(|| self.name(call), |commentary| commentary.inference_call(call).into())
    }

    /// Says when something ran, if the drawing has a commentary.
    pub(super) fn time(&self, execution: &Execution) -> String {
        self.commentary.map_or_else(String::new, |commentary| format!(" · {}", commentary.time(execution)))
    }

    /// Returns the name of a thread: its agent's path, if that is unique.
    pub(super) fn agent(&self, thread: &ThreadId) -> String {
        if let Some(commentary) = self.commentary {
            return commentary.agent(thread).to_owned();
        }
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
