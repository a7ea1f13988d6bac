//! Draws an item on one line.

use crate::{Anchor, Channel, ConversationItem, InferredProducer, ItemId, ItemKind, Line, Role};

use super::{canvas::Canvas, painter::DIM};

impl Canvas<'_, '_> {
    /// Returns an item's number, title, preview and origin.
    pub(super) fn item_line(&self, id: ItemId) -> Line {
        let number = self.painter.paint(DIM, format_args!("[{}]", id.0));
        let Some(item) = self.graph.conversation_items.get(&id) else {
            return number + " not in the graph";
        };
        let mut line = number + " " + self.item_title(item);
        let body = self.item_preview(item);
        if !body.is_empty() {
            line += format_args!(" {body}");
        }
        for producer in &item.inferred_producers {
            match producer {
                InferredProducer::UserInput => line += " (from a person)",
                InferredProducer::Harness { source: Some(source) } => {
                    line += format_args!(" (from the harness: {source})")
                }
                InferredProducer::Harness { source: None } => line += " (from the harness)",
                // The edge itself is shown below.
                InferredProducer::Edge { .. } => {}
            }
        }
        for edge in self.places.edges_to_item.get(&id).into_iter().flatten() {
            line += format_args!(" ← {}", self.anchor(&edge.source));
        }
        if self.is_unlisted(item) {
            line += " (never in history)";
        }
        line
    }

    /// Returns whether the thread's conversation omits the item.
    fn is_unlisted(&self, item: &ConversationItem) -> bool {
        let thread = self.graph.threads.get(&item.thread_id);
        // The first condition is cheap and avoids a search of the whole conversation for most items.
        !self.places.sent_items.contains(item.item_id)
            && thread.is_some_and(|thread| !thread.conversation_item_ids.contains(&item.item_id))
    }

    pub(super) fn item_title(&self, item: &ConversationItem) -> String {
        let call_id = item.call_id.as_ref().map(|id| self.name(id));
        match &item.kind {
            ItemKind::Message => match (&item.agent_message, &item.channel) {
                (Some(message), _) => format!("{} → {}", message.author, message.recipient),
                (None, Some(channel)) => format!("{}, {channel}", item.role),
                (None, None) => item.role.to_string(),
            },
            // A call without an id is, for example, a search that the provider runs itself.
            ItemKind::FunctionCall | ItemKind::CustomToolCall => {
                format!("call {}", call_id.unwrap_or("without id".into()))
            }
            ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput => {
                format!("output of {}", call_id.unwrap_or("a call without id".into()))
            }
            ItemKind::CompactionMarker => "compaction marker".to_owned(),
            ItemKind::Reasoning if item.role == Role::Assistant && item.channel == Some(Channel::Analysis) => {
                "reasoning".to_owned()
            }
            kind => match &item.channel {
                Some(channel) => format!("{kind}, {}, {channel}", item.role),
                None => format!("{kind}, {}", item.role),
            },
        }
    }

    /// Returns a short description of one end of an edge.
    pub(super) fn anchor(&self, anchor: &Anchor) -> String {
        match anchor {
            Anchor::ConversationItem { item_id } => match self.graph.conversation_items.get(item_id) {
                Some(item) => format!("{} [{}]", self.agent(&item.thread_id), item_id.0),
                None => format!("[{}]", item_id.0),
            },
            Anchor::ToolCall { tool_call_id } => match self.graph.tool_calls.get(tool_call_id) {
                Some(tool) => format!("{} {}", self.agent(&tool.thread_id), self.name(tool_call_id)),
                None => self.name(tool_call_id).into_owned(),
            },
            Anchor::Thread { thread_id } => self.agent(thread_id),
        }
    }
}
