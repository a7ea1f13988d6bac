//! The content of conversation items.
//!
//! Source: exports, section 1.

use std::borrow::Cow;

use rollout_trace_answers::Rollout;
use rollout_trace_model::{BodyPart, ConversationItem};
use rollout_trace_schema::RawPayloadId;

/// A part of an item's content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ItemPart<'a> {
    Text(Cow<'a, str>),
    Summary(Cow<'a, str>),
    Code {
        language: &'a str,
        source: Cow<'a, str>,
    },
    /// The text of a JSON value.
    Json(Cow<'a, str>),
    /// What only the provider can read, by its size.
    Sealed {
        label: &'a str,
        bytes: usize,
    },
    /// What only the payload has.
    Other {
        label: &'a str,
        payload: &'a RawPayloadId,
    },
}

/// Returns the parts of an item's content.
pub(crate) fn parts<'i>(rollout: &'i Rollout<'_>, item: &'i ConversationItem) -> Vec<ItemPart<'i>> {
    item.body.parts.iter().map(|part| of(rollout, item, part)).collect()
}

fn of<'i>(rollout: &'i Rollout<'_>, item: &'i ConversationItem, part: &'i BodyPart) -> ItemPart<'i> {
    match part {
        BodyPart::Text { text } => ItemPart::Text(text.into()),
        BodyPart::Summary { text } => ItemPart::Summary(text.into()),
        // What one agent says to another is meant to be read.
        BodyPart::Encoded { value, .. } if item.agent_message.is_some() => ItemPart::Text(value.into()),
        BodyPart::Encoded { label, value } => ItemPart::Sealed { label, bytes: value.len() },
        BodyPart::Json { summary, .. } if is_cut(summary) => {
            ItemPart::Json(whole_json(rollout, item).unwrap_or(summary.into()))
        }
        BodyPart::Json { summary, .. } => ItemPart::Json(summary.into()),
        BodyPart::Code { language, source } => ItemPart::Code { language, source: source.into() },
        BodyPart::PayloadRef { label, raw_payload_id, .. } => ItemPart::Other { label, payload: raw_payload_id },
    }
}

/// Returns whether a graph has a JSON value only in part. No JSON text ends with a full stop.
fn is_cut(summary: &str) -> bool {
    summary.ends_with("...")
}

/// Returns the text of the JSON value that an item has, which the graph has only in part. The facts have all texts of an
/// item, joined, so there must be no other one.
fn whole_json<'i>(rollout: &'i Rollout<'_>, item: &'i ConversationItem) -> Option<Cow<'i, str>> {
    let mut cut = 0;
    for part in &item.body.parts {
        match part {
            BodyPart::Text { .. } | BodyPart::Summary { .. } | BodyPart::Code { .. } => return None,
            BodyPart::Json { summary, .. } => cut += usize::from(is_cut(summary)),
            BodyPart::Encoded { .. } | BodyPart::PayloadRef { .. } => {}
        }
    }
    rollout.facts().item(item.item_id).filter(|_| cut == 1)?;
    let name = item.name.as_deref().unwrap_or_default();
    Some(match rollout.facts().text(item) {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(name).unwrap_or(text)),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix(name).unwrap_or(&text).to_owned()),
    })
}

/// Returns the texts of an item's content that can be read, joined by newlines. What has no text is named.
pub(crate) fn text(rollout: &Rollout<'_>, item: &ConversationItem) -> String {
    let parts = parts(rollout, item);
    parts.iter().map(ItemPart::as_text).collect::<Vec<_>>().join("\n")
}

impl ItemPart<'_> {
    /// Returns the text of the part or, if it has none, what it is.
    pub(crate) fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Summary(text) | Self::Json(text) | Self::Code { source: text, .. } => {
                Cow::Borrowed(text)
            }
            Self::Sealed { label, bytes } => format!("[{label}: {bytes} bytes]").into(),
            Self::Other { label, payload } => format!("[{label}: {payload}]").into(),
        }
    }
}
