//! The document in which items are sighted.

use rollout_trace_schema::{PayloadRef, RawPayloadId};

use crate::{json::Json, rules::Rules};

/// The only field of a placeholder.
const PLACEHOLDER: &str = "$trace_unavailable";

/// What normalizing an item depends on besides the item.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(super) payload: &'a RawPayloadId,
    pub(super) rules: Rules,
    document: &'a PayloadRef,
    missing_parts: &'a [RawPayloadId],
}

impl<'a> Shown<'a> {
    /// `missing_parts` are the parts that the document was read without, sorted: those that are missing by their
    /// references, and those that are lost.
    pub(crate) fn new(document: &'a PayloadRef, missing_parts: &'a [RawPayloadId], rules: Rules) -> Self {
        Self { payload: &document.raw_payload_id, rules, document, missing_parts }
    }

    /// Returns the missing part that a value represents, or `None` if it is data.
    ///
    /// Source: bundle 3, sections 1.5 and 6.
    pub(super) fn missing_part(&self, value: &Json<'_>) -> Option<&'a RawPayloadId> {
        let id = placeholder(value)?;
        match self.missing_parts.binary_search_by(|part| part.as_str().cmp(id)) {
            Ok(place) => Some(&self.missing_parts[place]),
            Err(_) => missing_by_reference(self.document, id),
        }
    }
}

/// Returns whether a value has the form of a placeholder.
pub(super) fn is_placeholder(value: &Json<'_>) -> bool {
    placeholder(value).is_some()
}

/// Returns the id in a placeholder.
fn placeholder<'a>(value: &'a Json<'_>) -> Option<&'a str> {
    let Json::Object(fields) = value else { return None };
    let mut fields = fields.iter();
    match (fields.next(), fields.next()) {
        (Some((PLACEHOLDER, Json::String(id))), None) => Some(id),
        _ => None,
    }
}

/// Returns the part of a document, at any depth, that has this id and is missing by its reference.
fn missing_by_reference<'a>(document: &'a PayloadRef, id: &str) -> Option<&'a RawPayloadId> {
    document.parts.iter().find_map(|part| {
        let is_it = part.is_missing() && part.raw_payload_id.as_str() == id;
        if is_it { Some(&part.raw_payload_id) } else { missing_by_reference(part, id) }
    })
}
