//! Previews of texts that fit on a line.

use rollout_trace_schema::visible::visible_line;

use super::canvas::Canvas;
use crate::{BodyPart, ConversationItem, ItemKind};

/// The number of characters of a text that are shown if the width of lines is unlimited.
pub(super) const PREVIEW: usize = 80;
/// The number of characters of a text that are searched for ids, for each that is shown.
const LOOK: usize = 16;

impl Canvas<'_, '_> {
    /// Returns the beginning of a text.
    pub(super) fn preview(&self, text: &str) -> String {
        let look = text.char_indices().nth(LOOK * self.preview).map_or(text.len(), |(at, _)| at);
        let shorter = self.name(&text[..look]);
        let mut line: String = shorter.chars().take(self.preview).collect();
        if look < text.len() || shorter.chars().nth(self.preview).is_some() {
            line.push('…');
        }
        line
    }

    /// Returns a preview of an item's content on one line.
    pub(super) fn item_preview(&self, item: &ConversationItem) -> String {
        // In a message between agents, the text before the encrypted part is a header that repeats the item's title.
        let encoded = item.body.parts.iter().find(|part| matches!(part, BodyPart::Encoded { .. }));
        let parts = match (&item.agent_message, encoded) {
            (Some(_), Some(part)) => std::slice::from_ref(part),
            _ => &item.body.parts[..],
        };
        if parts.is_empty() && item.kind != ItemKind::CompactionMarker {
            return "<empty>".to_owned();
        }
        let mut line = String::new();
        for part in parts {
            if !line.is_empty() {
                line.push_str(" | ");
            }
            if visible_line(&line).chars().count() > self.preview {
                line.push('…');
                break;
            }
            line += &match part {
                BodyPart::Text { text } => format!("\"{}\"", self.preview(text)),
                BodyPart::Summary { text } => format!("summary \"{}\"", self.preview(text)),
                BodyPart::Encoded { label, value } => format!("{label} \"{}\"", self.preview(value)),
                BodyPart::Json { summary, .. } => self.preview(summary),
                BodyPart::Code { language, source } => format!("{language} `{}`", self.preview(source)),
                BodyPart::PayloadRef { label, .. } => format!("<{label}>"),
            };
        }
        line
    }
}
