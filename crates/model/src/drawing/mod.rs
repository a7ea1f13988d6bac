//! A graph as text that people can follow.

mod agents;
mod canvas;
mod code_cell;
mod compaction;
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

/// A graph as stable text: its threads one after another, each in causal order.
///
/// Made to be read and to be compared with a snapshot: ids that were minted by chance are replaced by short names, no time
/// is shown, long texts are cut to one line and control characters are escaped. An item is shown by its number, `[7]` for
/// `conversation_item:7`. A request shows what differs from what the model had seen before.
///
/// ```
/// # fn draw(graph: &rollout_trace_model::RolloutTrace) {
/// use rollout_trace_model::Drawing;
///
/// println!("{}", Drawing::new(graph).color(true));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Drawing<'a> {
    graph: &'a RolloutTrace,
    thread: Option<&'a ThreadId>,
    item: Option<ItemId>,
    color: bool,
}

impl<'a> Drawing<'a> {
    /// Draws the whole graph, without colour.
    pub fn new(graph: &'a RolloutTrace) -> Self {
        Self { graph, thread: None, item: None, color: false }
    }

    /// Draws one thread only.
    pub fn thread(mut self, thread: &'a ThreadId) -> Self {
        self.thread = Some(thread);
        self
    }

    /// Draws one item only, with everything that is known about it and its ids as they are.
    pub fn item(mut self, item: ItemId) -> Self {
        self.item = Some(item);
        self
    }

    /// Draws with ANSI colours, or without.
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
