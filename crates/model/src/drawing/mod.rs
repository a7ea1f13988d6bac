//! Draws a graph as text.

mod agents;
mod canvas;
mod code_cell;
mod compaction;
mod covered;
mod ending;
mod inference;
mod item;
mod item_line;
mod places;
mod preview;
mod request;
mod terminal;
mod thread;
mod tool_call;

use std::fmt;

use rollout_trace_schema::ThreadId;

use crate::{ItemId, RolloutTrace};
use canvas::Canvas;

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
    thread: Option<&'a ThreadId>,
    item: Option<ItemId>,
    color: bool,
}

impl<'a> Drawing<'a> {
    /// Draws the whole graph, without color.
    pub fn new(graph: &'a RolloutTrace) -> Self {
        Self { graph, thread: None, item: None, color: false }
    }

    /// Draws only one thread.
    pub fn thread(mut self, thread: &'a ThreadId) -> Self {
        self.thread = Some(thread);
        self
    }

    /// Draws only one item, with all known facts and with its original ids.
    pub fn item(mut self, item: ItemId) -> Self {
        self.item = Some(item);
        self
    }

    /// Sets whether the drawing contains ANSI colors.
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut canvas = Canvas::new(self.graph, f, self.color);
        match (self.item, self.thread) {
            (Some(item), _) => canvas.item(item),
            (None, Some(thread)) => canvas.only_thread(thread),
            (None, None) => canvas.everything(),
        }
    }
}
