//! What items say, in one line.

use std::ops::Range;

use rollout_trace::{
    answers::{first_chars, tool_name},
    model::{ConversationItem, ItemId, ItemKind},
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
        let mut table = Self::default();
        for (id, item) in items {
            table.number.push(Some(i64::from(id.0)));
            table.label.push(label(view, item));
        }
        table
    }
}

fn label(view: &View<'_, '_>, item: &ConversationItem) -> String {
    if matches!(item.kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput) {
        let call = view.calls_of_items.get(&item.item_id).and_then(|number| view.things.calls.get(*number as usize));
        if let Some(call) = call {
            let (name, label) = (tool_name(&call.kind), call_label(view, call));
            return if label.is_empty() { format!("output of {name}") } else { format!("output of {name} `{label}`") };
        }
    }
    first_chars(&arguments(view, item), LABEL)
}
