//! Previews of texts that fit on a line.

use std::fmt::Write;

use crate::{BodyPart, ConversationItem, ItemKind, names::Names};

/// The number of characters of a text that are shown.
const WIDTH: usize = 80;
/// The number of characters of a text that are searched for ids, enough for those that are shown.
const LOOK: usize = 16 * WIDTH;

/// Returns the beginning of a text on one line, with short ids and without control characters.
pub(super) fn preview(text: &str, names: &Names) -> String {
    let look = text.char_indices().nth(LOOK).map_or(text.len(), |(at, _)| at);
    let shorter = names.shorten(&text[..look]);
    let mut line = escaped(shorter.chars().take(WIDTH));
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
        if line.chars().count() > WIDTH {
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

/// Escapes control characters, and characters that change the direction of a line.
pub(super) fn escaped(text: impl Iterator<Item = char>) -> String {
    let mut line = String::new();
    for c in text {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                escape(c, &mut line)
            }
            _ if c.is_control() => escape(c, &mut line),
            _ => line.push(c),
        }
    }
    line
}

fn escape(c: char, line: &mut String) {
    write!(line, "{}", c.escape_unicode()).expect("writing to a string succeeds");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a\n\u{1b}[31m\u{202e}é".chars()), "a\\n\\u{1b}[31m\\u{202e}é");
    }
}
