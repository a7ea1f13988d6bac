//! The Responses API of OpenAI.
//!
//! Source: reduction, sections 4 and 7.3.

use rollout_trace_model::TokenUsage;
use rollout_trace_schema::PayloadRef;

use super::Sighted;
use crate::{
    context::Context,
    documents::Document,
    item::{Shown, normalize},
    json::Json,
    usage::{is_token_usage, token_usage},
};

pub(super) fn message<'v, 'j>(element: &'v Json<'j>, shown: &Shown<'_>, items: &mut Vec<Sighted<'v, 'j>>) {
    items.extend(normalize(element, shown).map(|sighting| (sighting, element)));
}

pub(super) fn answer<'v, 'j>(document: &'v Json<'j>, shown: &Shown<'_>) -> Option<Vec<Sighted<'v, 'j>>> {
    let elements = document.get("output_items")?.as_array()?;
    let mut items = Vec::with_capacity(elements.len());
    elements.iter().for_each(|element| message(element, shown, &mut items));
    Some(items)
}

pub(super) fn usage(cx: &mut Context<'_>, reference: &PayloadRef, document: &Document<'_>) -> Option<TokenUsage> {
    let usage = document.get("token_usage").filter(|usage| !matches!(usage, Json::Null))?;
    let counts = is_token_usage(usage).then(|| token_usage(usage));
    if counts.is_none() && document.missing_parts().is_empty() {
        cx.report_malformed(reference, "token_usage lacks a number; the usage is unknown");
    }
    counts
}
