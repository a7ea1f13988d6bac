//! Draws the interactions between agents.

use std::fmt;

use crate::{Anchor, EvidenceGrade, InteractionEdge, UndeliveredMessage};

use super::{canvas::Canvas, painter::ACTION};

impl Canvas<'_, '_> {
    /// Draws an edge below its source.
    pub(super) fn edge(&mut self, depth: usize, edge: &InteractionEdge) -> fmt::Result {
        let mut line = self.painter.paint(ACTION, "→");
        line += format_args!(" {}: {}", edge.kind.as_str(), self.anchor(&edge.target));
        // A result repeats the content of its source item.
        if let Anchor::ConversationItem { item_id } = &edge.target
            && !matches!(edge.source, Anchor::ConversationItem { .. })
            && let Some(item) = self.graph.conversation_items.get(item_id)
        {
            line += format_args!(" {}", self.item_preview(item));
        }
        if edge.evidence == Some(EvidenceGrade::Inferred) {
            line += " (inferred)";
        }
        self.line(depth, line)
    }

    /// Draws an edge with its source and its target.
    pub(super) fn whole_edge(&mut self, depth: usize, edge: &InteractionEdge) -> fmt::Result {
        let ends = format!("{} → {}", self.anchor(&edge.source), self.anchor(&edge.target));
        self.line(depth, format!("{}: {ends}", edge.kind.as_str()))
    }

    pub(super) fn undelivered_messages(&mut self) -> fmt::Result {
        let is_selected = |message: &&UndeliveredMessage| self.selected.has_event(message.seq);
        let messages: Vec<_> = self.graph.undelivered_messages.iter().filter(is_selected).collect();
        if messages.is_empty() {
            return Ok(());
        }
        self.blank_line()?;
        self.line(0, "sent, but never seen to arrive")?;
        for message in messages {
            let mut line = message.kind.as_str().to_owned();
            if let Some(tool) = &message.tool_call_id {
                line += &format!(" by {}", self.name(tool));
            }
            if let Some(thread) = &message.target_thread_id {
                line += &format!(" to {}", self.agent(thread));
            }
            if let Some(text) = &message.message {
                line += &format!(": \"{}\"", self.preview(text));
            }
            self.line(1, line)?;
        }
        Ok(())
    }
}
