//! Comparing items as a provider's cache would.
//!
//! Source: questions, section 1.7.

use rollout_trace_model::ConversationItem;
use rollout_trace_reducer::{Fingerprint, Fingerprinter, Json};

use super::model_text::UNREAD;

/// Returns the fingerprint of an item as a payload shows it. Items with equal fingerprints are the same to a provider's
/// cache.
pub(super) fn of_item(item: &Json<'_>) -> Fingerprint {
    let mut hash = Fingerprinter::default();
    let kind = item.text("type").unwrap_or("message");
    hash.text(kind);
    if kind == "reasoning"
        && let Some(sealed) = item.text("encrypted_content")
    {
        return hash.text(sealed).finish();
    }
    let Json::Object(fields) = item else { return hash.json(item).finish() };
    for (name, value) in fields.sorted() {
        if name == "type" || UNREAD.contains(&name) || *value == Json::Null {
            continue;
        }
        hash.text(name);
        match (name, value) {
            ("content", Json::String(text)) => _ = part_of_text(hash.tag(b'('), text).tag(b')'),
            ("content" | "output", Json::Array(parts)) => {
                hash.tag(b'(');
                parts.iter().for_each(|value| part(&mut hash, value));
                hash.tag(b')');
            }
            _ => _ = hash.json(value),
        }
    }
    hash.finish()
}

/// Returns a fingerprint of an item that no payload shows, from what the graph has of it.
pub(crate) fn of_unshown(item: &ConversationItem) -> Fingerprint {
    let known = serde_json::to_string(&(&item.role, &item.kind, &item.call_id, &item.body));
    Fingerprinter::default().text("unshown").text(&known.unwrap_or_default()).finish()
}

fn part_of_text<'a>(hash: &'a mut Fingerprinter, text: &str) -> &'a mut Fingerprinter {
    hash.tag(b'T').text(text)
}

/// Adds a part of a list. All types of text parts are one.
fn part(hash: &mut Fingerprinter, part: &Json<'_>) {
    let is_text = matches!(part.text("type"), Some("input_text" | "output_text" | "text"));
    match (part, part.text("text")) {
        (Json::Object(fields), Some(text)) if is_text && fields.len() == 2 => _ = part_of_text(hash, text),
        (Json::Object(fields), _) if is_text => {
            hash.tag(b'O');
            for (name, value) in fields.sorted().into_iter().filter(|(name, _)| *name != "type") {
                hash.text(name).json(value);
            }
            hash.tag(b'}');
        }
        _ => _ = hash.json(part),
    }
}
