//! What items say, in one line.

use std::ops::Range;

use rollout_trace::{
    answers::{first_chars, tool_name},
    model::{BodyPart, ConversationItem, ItemId, ItemKind},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{columns::Deltas, spans::call_label, texts::arguments, view::View};

/// The most characters of a label.
const LABEL: usize = 120;

/// What items say, in one line, for lists: how their texts begin; of an output, what was called, since outputs begin alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Labels {
    /// The number of each item.
    pub number: Deltas,
    /// The labels; empty if an item has no readable text.
    pub label: Vec<String>,
}

impl Labels {
    /// Returns the labels of the items with these numbers.
    pub(crate) fn of(view: &View<'_, '_>, numbers: Range<u32>) -> Self {
        let numbers = numbers.start..numbers.end.max(numbers.start);
        let items = view.graph().conversation_items.range(ItemId(numbers.start)..ItemId(numbers.end));
        Self::of_items(view, items.map(|(_, item)| item))
    }

    /// Returns the labels of these items.
    pub(crate) fn of_items<'a>(view: &View<'_, '_>, items: impl Iterator<Item = &'a ConversationItem>) -> Self {
        let mut table = Self::default();
        for item in items {
            table.number.push(Some(i64::from(item.item_id.0)));
            table.label.push(label(view, item));
        }
        table
    }
}

fn label(view: &View<'_, '_>, item: &ConversationItem) -> String {
    if matches!(item.kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput)
        && let Some(call) = view.calls_of_items.get(&item.item_id)
    {
        let (name, label) = (tool_name(&call.kind), call_label(view, call));
        return if label.is_empty() { format!("output of {name}") } else { format!("output of {name} `{label}`") };
    }
    if item.kind == ItemKind::Reasoning {
        // Reasoning and its summary are often equal, and their joined text would run them together.
        let texts = item.body.parts.iter().filter_map(|part| match part {
            BodyPart::Text { text } | BodyPart::Summary { text } => Some(text.as_str()),
            _ => None,
        });
        let mut texts: Vec<&str> = texts.collect();
        texts.dedup();
        return first_chars(&texts.join(" "), LABEL);
    }
    first_chars(&arguments(view, item), LABEL)
}
