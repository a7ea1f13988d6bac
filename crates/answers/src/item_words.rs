//! How text names an item.

use rollout_trace_model::{ItemId, ItemKind};

use crate::{
    index::{is_call, is_output},
    rollout::Rollout,
};

/// How many characters of an item's text are shown.
const SHOWN: usize = 60;

/// Returns an item in a few words: its number, who speaks or what is called, and how its text begins.
pub(crate) fn item_words(rollout: &Rollout<'_>, id: ItemId) -> String {
    let number = format!("[{}]", id.0);
    let Some(item) = rollout.graph().conversation_items.get(&id) else { return number };
    let text = rollout.readable_text(id);
    let name = item.name.as_deref().unwrap_or_default();
    match &item.kind {
        kind if is_call(kind) => {
            let arguments = text.strip_prefix(name).unwrap_or(&text);
            format!("{number} call {name} {}", beginning(arguments))
        }
        kind if is_output(kind) => {
            let call = item.call_id.as_ref().map_or("?", |call| call.as_str());
            format!("{number} output of {call} \"{}\"", beginning(&text))
        }
        ItemKind::Reasoning if text.is_empty() => format!("{number} reasoning, sealed"),
        ItemKind::Reasoning => format!("{number} reasoning \"{}\"", beginning(&text)),
        ItemKind::CompactionMarker => format!("{number} compaction"),
        _ => match &item.agent_message {
            Some(message) => {
                format!("{number} {} → {} \"{}\"", message.author, message.recipient, beginning(&text))
            }
            None => format!("{number} {} \"{}\"", item.role.as_str(), beginning(&text)),
        },
    }
}

/// Returns the beginning of a text in one line.
pub(crate) fn beginning(text: &str) -> String {
    first_chars(text, SHOWN)
}

/// Returns the beginning of a text in one line of at most so many characters, and a mark if there is more.
pub fn first_chars(text: &str, shown: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
            chars += 1;
        }
        // Only the beginning of a long word is looked at.
        let end = if word.len() <= shown { None } else { word.char_indices().nth(shown + 1) };
        let word = end.map_or(word, |(end, _)| &word[..end]);
        line.push_str(word);
        chars += word.chars().count();
        if chars > shown {
            break;
        }
    }
    if chars > shown {
        let end = line.char_indices().nth(shown).map_or(line.len(), |(end, _)| end);
        line.truncate(end);
        line.push('…');
    }
    line
}
