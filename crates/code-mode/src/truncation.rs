//! Keeps output within its token limit.

use crate::{BYTES_PER_TOKEN, ContentItem};

/// Removes the middle of the text if all text together exceeds `max_tokens`. Head and tail stay, with a note between
/// them that says how much was removed. Images stay.
pub(crate) fn truncate(content: Vec<ContentItem>, max_tokens: usize) -> Vec<ContentItem> {
    let total: usize = content.iter().map(text_len).sum();
    let Some((head, tail)) = middle(total, max_tokens) else { return content };
    let mut kept = Vec::new();
    let mut cut_begins = None;
    let (mut start, mut cut) = (0, 0);
    for item in content {
        let ContentItem::Text { text } = &item else {
            kept.push(item);
            continue;
        };
        let left = text.floor_char_boundary(head.saturating_sub(start));
        let right = text.ceil_char_boundary(tail.saturating_sub(start)).max(left);
        start += text.len();
        if left == right {
            kept.push(item);
            continue;
        }
        cut += right - left;
        if left > 0 {
            kept.push(ContentItem::text(&text[..left]));
        }
        cut_begins.get_or_insert(kept.len());
        if right < text.len() {
            kept.push(ContentItem::text(&text[right..]));
        }
    }
    kept.insert(cut_begins.unwrap_or(kept.len()), ContentItem::text(note(cut, total)));
    kept
}

/// Does the same as [`truncate`] for a single text.
pub(crate) fn truncate_text(text: String, max_tokens: usize) -> String {
    let Some((head, tail)) = middle(text.len(), max_tokens) else { return text };
    let (left, right) = (text.floor_char_boundary(head), text.ceil_char_boundary(tail));
    format!("{}\n{}\n{}", &text[..left], note(right - left, text.len()), &text[right..])
}

/// Returns where the removed part begins and ends, in bytes, or `None` if nothing has to be removed.
fn middle(total: usize, max_tokens: usize) -> Option<(usize, usize)> {
    let limit = max_tokens.saturating_mul(BYTES_PER_TOKEN);
    (total > limit).then(|| (limit / 2, total - limit.div_ceil(2)))
}

fn note(cut: usize, total: usize) -> String {
    format!("… {} of {} tokens cut …", cut.div_ceil(BYTES_PER_TOKEN), total.div_ceil(BYTES_PER_TOKEN))
}

fn text_len(item: &ContentItem) -> usize {
    match item {
        ContentItem::Text { text } => text.len(),
        ContentItem::Image { .. } => 0,
    }
}
