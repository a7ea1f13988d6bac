//! Previews of texts that fit on a line.

use rollout_trace_schema::visible::visible_line;

use crate::{BodyPart, ConversationItem, ItemKind, names::Names};

/// The number of characters of a text that are shown.
const WIDTH: usize = 80;
/// The number of characters of a text that are searched for ids, enough for those that are shown.
const LOOK: usize = 16 * WIDTH;

/// Returns the beginning of a text, with short ids.
pub(super) fn preview(text: &str, names: &Names) -> String {
    let look = text.char_indices().nth(LOOK).map_or(text.len(), |(at, _)| at);
    let shorter = names.shorten(&text[..look]);
    let mut line: String = shorter.chars().take(WIDTH).collect();
    if look < text.len() || shorter.chars().nth(WIDTH).is_some() {
        line.push('…');
    }
    line
}

/// Returns a preview of an item's content on one line.
pub(super) fn item_preview(item: &ConversationItem, names: &Names) -> String {
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
        if visible_line(&line).chars().count() > WIDTH {
            line.push('…');
            break;
        }
        line += &match part {
            BodyPart::Text { text } => format!("\"{}\"", preview(text, names)),
            BodyPart::Summary { text } => format!("summary \"{}\"", preview(text, names)),
            BodyPart::Encoded { label, value } => format!("{label} \"{}\"", preview(value, names)),
            BodyPart::Json { summary, .. } => preview(summary, names),
            BodyPart::Code { language, source } => format!("{language} `{}`", preview(source, names)),
            BodyPart::PayloadRef { label, .. } => format!("<{label}>"),
        };
    }
    line
}
