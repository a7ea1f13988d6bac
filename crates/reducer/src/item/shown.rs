//! The document in which items are sighted.

use std::collections::HashMap;

use rollout_trace_schema::{PayloadRef, RawPayloadId};

use crate::{json::Json, rules::Rules};

/// The only field of a placeholder.
const PLACEHOLDER: &str = "$trace_unavailable";

/// What normalizing an item depends on besides the item.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(super) payload: &'a RawPayloadId,
    pub(super) rules: Rules,
    /// The parts of the document that are missing, at any depth.
    missing: HashMap<&'a str, &'a RawPayloadId>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(document: &'a PayloadRef, rules: Rules) -> Self {
        let mut missing = HashMap::new();
        add_missing(document, &mut missing);
        Self { payload: &document.raw_payload_id, rules, missing }
    }

    /// Returns the missing part that a value represents, or `None` if it is data.
    ///
    /// Source: bundle 3, section 1.5.
    pub(super) fn missing_part(&self, value: &Json<'_>) -> Option<&'a RawPayloadId> {
        placeholder(value).and_then(|id| self.missing.get(id).copied())
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

fn add_missing<'a>(reference: &'a PayloadRef, missing: &mut HashMap<&'a str, &'a RawPayloadId>) {
    for part in reference.parts.iter() {
        if part.is_missing() {
            missing.insert(part.raw_payload_id.as_str(), &part.raw_payload_id);
        }
        add_missing(part, missing);
    }
}
