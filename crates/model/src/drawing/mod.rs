//! Draws a graph as text.

mod agents;
mod canvas;
mod code_cell;
mod commentary;
mod compaction;
mod covered;
mod ending;
mod inference;
mod item;
mod item_line;
mod losses;
mod painter;
mod places;
mod preview;
mod request;
mod selection;
mod terminal;
mod thread;
mod tool_call;

use std::fmt;

use rollout_trace_schema::{CodexTurnId, CompactionId, InferenceCallId, Seq, ThreadId, ToolCallId};

use crate::{CodeCellId, ItemId, Line, RolloutTrace};
use canvas::Canvas;
use painter::Painter;
use selection::Selection;

pub use commentary::Commentary;

/// Draws a graph as stable text: its threads one after another, each in causal order.
///
/// A drawing is meant to be read by people and compared with snapshots. Randomly minted ids are replaced by short
/// names, times are omitted, and long texts are cut to one line. Whatever comes from a bundle is escaped as
/// [`visible`](rollout_trace_schema::visible) says, so that a drawing can be written to a terminal. An item is shown by
/// its number, `[7]` for `conversation_item:7`. A request shows the differences from what the model had seen before.
///
/// ```
/// use rollout_trace_model::{Drawing, RolloutTrace};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
///
/// let graph: RolloutTrace = serde_json::from_str(json)?;
/// let drawing = Drawing::new(&graph).thread(&graph.root_thread_id).to_string();
/// assert!(drawing.starts_with("/root · thread-1 · completed"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a drawing does nothing until it is displayed"]
pub struct Drawing<'a> {
    graph: &'a RolloutTrace,
    part: Part<'a>,
    selection: Selection,
    commentary: Option<&'a dyn Commentary>,
    width: Option<usize>,
    color: bool,
}

/// The part of a graph that is drawn.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// All of it.
    Whole,
    /// One thread.
    Thread(&'a ThreadId),
    /// One turn.
    Turn(&'a CodexTurnId),
    /// One inference call, with what its response requested.
    InferenceCall(&'a InferenceCallId),
    /// One tool call, with what it ran.
    ToolCall(&'a ToolCallId),
    /// One code cell, with the tools that it called.
    CodeCell(&'a CodeCellId),
    /// One compaction.
    Compaction(&'a CompactionId),
    /// One item, with all known facts and with its original ids.
    Item(ItemId),
}

impl<'a> Drawing<'a> {
    /// Draws the whole graph, without color.
    pub fn new(graph: &'a RolloutTrace) -> Self {
        Self { graph, part: Part::Whole, selection: Selection::default(), commentary: None, width: None, color: false }
    }

    /// Draws only one thread.
    pub fn thread(self, thread: &'a ThreadId) -> Self {
        self.part(Part::Thread(thread))
    }

    /// Draws only one item, with all known facts and with its original ids.
    pub fn item(self, item: ItemId) -> Self {
        self.part(Part::Item(item))
    }

    /// Draws only one part.
    pub fn part(mut self, part: Part<'a>) -> Self {
        self.part = part;
        self
    }

    /// Draws only what ran at or after an event, and the heads of what it belongs to.
    pub fn since(mut self, seq: Seq) -> Self {
        self.selection.since = Some(seq);
        self
    }

    /// Draws only what failed, was stopped or lacks evidence, and the heads of what it belongs to.
    pub fn failures(mut self) -> Self {
        self.selection.failures = true;
        self
    }

    /// Adds a commentary. The drawing then shows ids and texts as they were recorded, with times, so that it is for
    /// people and not for snapshots. The head is left out.
    pub fn commented(mut self, commentary: &'a dyn Commentary) -> Self {
        self.commentary = Some(commentary);
        self
    }

    /// Breaks lines that are longer than a number of columns, and indents their rest. Previews of texts become as long
    /// as usually fits.
    pub fn width(mut self, columns: usize) -> Self {
        self.width = Some(columns);
        self
    }

    /// Returns the line at the head of a drawing, which says how much is known about the rollout.
    pub fn head(&self) -> Line {
        ending::head(self.graph, Painter { color: self.color })
    }

    /// Sets whether the drawing contains ANSI colors.
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut canvas = Canvas::new(self, f);
        match self.part {
            Part::Whole => canvas.everything(),
            Part::Thread(id) => canvas.only_thread(id),
            Part::Turn(id) => canvas.only_turn(id),
            Part::InferenceCall(id) => canvas.only_inference_call(id),
            Part::ToolCall(id) => canvas.only_tool_call(id),
            Part::CodeCell(id) => canvas.only_code_cell(id),
            Part::Compaction(id) => canvas.only_compaction(id),
            Part::Item(id) => canvas.item(id),
        }
    }
}
