//! Items of an answer as long as only pieces of them have arrived.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::surrogates;
use crate::Item;

/// The items of an answer that have begun.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    drafts: Vec<Draft>,
    /// How much memory the drafts take.
    bytes: usize,
}

/// What an empty part of a message takes.
const PART_BYTES: usize = 64;

/// An item of which only pieces have arrived.
#[derive(Debug, Default)]
struct Draft {
    item_id: Option<String>,
    place: Option<u64>,
    /// The item as it was announced.
    announced: Map<String, Value>,
    /// The texts of a message, by their place in it.
    parts: BTreeMap<u64, Part>,
    /// The arguments or the input of a call.
    input: String,
    /// The first half of a surrogate pair at the end of `input`.
    half: Option<u16>,
    /// Whether `input` has arrived at once, and not only in pieces.
    has_whole_input: bool,
    /// Whether the whole item has arrived.
    is_settled: bool,
    /// How much of the memory of all drafts this one takes.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Part {
    text: String,
    is_refusal: bool,
}

impl Drafts {
    /// Adds the announcement of an item.
    pub(super) fn announce(&mut self, event: &Value) {
        let Value::Object(item) = &event["item"] else { return };
        let size = event["item"].to_string().len();
        self.open(event).announced.clone_from(item);
        self.count(event, size);
    }

    /// Returns how many items have begun, and how much memory they take as long as they are not settled.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.drafts.len(), self.bytes)
    }

    /// Counts memory that an event's draft takes.
    fn count(&mut self, event: &Value, bytes: usize) {
        self.open(event).bytes += bytes;
        self.bytes += bytes;
    }

    /// Adds a piece of a message.
    pub(super) fn add_text(&mut self, event: &Value, text: &str, is_refusal: bool) {
        let part = self.open(event).parts.entry(content_index(event)).or_default();
        let overhead = if part.text.is_empty() { PART_BYTES } else { 0 };
        part.text.push_str(text);
        part.is_refusal = is_refusal;
        self.count(event, text.len() + overhead);
    }

    /// Sets the whole text of a part of a message.
    pub(super) fn set_text(&mut self, event: &Value, text: &str, is_refusal: bool) {
        if !self.is_late(event) && !text.is_empty() {
            let part = Part { text: text.to_owned(), is_refusal };
            let old = self.open(event).parts.insert(content_index(event), part);
            let known = old.map_or(0, |old| old.text.len());
            self.count(event, (text.len() + PART_BYTES).saturating_sub(known));
        }
    }

    /// Adds a piece of a call's arguments or input. `halves` are the halves of surrogate pairs in it.
    pub(super) fn add_input(&mut self, event: &Value, input: &str, halves: &[u16]) {
        let draft = self.open(event);
        let input = surrogates::joined(&mut draft.half, input.to_owned(), halves);
        draft.input.push_str(&input);
        self.count(event, input.len());
    }

    /// Sets the whole arguments or input of a call.
    pub(super) fn set_input(&mut self, event: &Value, input: &str) {
        if !self.is_late(event) {
            let draft = self.open(event);
            draft.has_whole_input = true;
            if !input.is_empty() {
                let known = draft.input.len();
                input.clone_into(&mut draft.input);
                self.count(event, input.len().saturating_sub(known));
            }
        }
    }

    /// Returns whether an event belongs to an item that has arrived whole.
    fn is_late(&self, event: &Value) -> bool {
        self.find(event).is_some_and(|place| self.drafts[place].is_settled)
    }

    /// Notes that a whole item has arrived, and adds to an empty message the text that came before it.
    pub(super) fn settle(&mut self, event: &Value, item: &mut Value) {
        let Some(place) = self.find(event).filter(|place| !self.drafts[*place].is_settled) else { return };
        let draft = &mut self.drafts[place];
        if item["type"] == "message" && text(item).is_empty() && draft.has_text() {
            item["content"] = draft.content();
        }
        self.bytes -= draft.bytes;
        let (item_id, place) = (draft.item_id.take(), draft.place);
        *draft = Draft { item_id, place, is_settled: true, ..Draft::default() };
    }

    /// Returns the items of which no whole has arrived, in order. Reasoning is not among them, since providers accept
    /// only the reasoning that they sent whole. If some pieces of the answer were lost, a call that arrived in pieces is
    /// marked as incomplete.
    pub(super) fn unsettled(&self, pieces_were_lost: bool) -> impl Iterator<Item = Value> {
        let open = self.drafts.iter().filter(|draft| !draft.is_settled);
        open.filter_map(move |draft| draft.item(pieces_were_lost))
    }

    /// Returns the messages of which no whole has arrived, in order.
    pub(super) fn unsettled_messages(&self) -> impl Iterator<Item = Value> {
        self.unsettled(false).filter(|item| item["type"] == "message")
    }

    /// Returns the ids and inputs of calls of which nothing else is known, since their announcements were lost.
    pub(super) fn nameless_calls(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let open = self.drafts.iter().filter(|draft| !draft.is_settled && draft.announced.is_empty());
        open.filter(|draft| !draft.input.is_empty()).map(|draft| (draft.item_id.as_deref(), draft.input.as_str()))
    }

    /// Returns the draft that an event belongs to, and starts one if there is none.
    fn open(&mut self, event: &Value) -> &mut Draft {
        let place = match self.find(event).filter(|place| !self.drafts[*place].is_settled) {
            Some(place) => place,
            None => {
                self.drafts.push(Draft {
                    item_id: item_id(event),
                    place: event["output_index"].as_u64(),
                    ..Draft::default()
                });
                self.drafts.len() - 1
            }
        };
        &mut self.drafts[place]
    }

    /// Finds the draft that an event belongs to: by the place, since some gateways send another id with each event, or
    /// else by the id. An event with neither belongs to the latest draft.
    fn find(&self, event: &Value) -> Option<usize> {
        let (id, place) = (item_id(event), event["output_index"].as_u64());
        let is_same = |draft: &Draft| match (place, draft.place, &id, &draft.item_id) {
            (Some(place), Some(other), _, _) => Some(place == other),
            (_, _, Some(id), Some(other)) => Some(id == other),
            _ => None,
        };
        let known = self.drafts.iter().rposition(|draft| is_same(draft) == Some(true));
        let last = || self.drafts.len().checked_sub(1).filter(|last| is_same(&self.drafts[*last]).is_none());
        known.or_else(last)
    }
}

impl Draft {
    fn has_text(&self) -> bool {
        self.parts.values().any(|part| !part.text.is_empty())
    }

    fn content(&self) -> Value {
        let parts = self.parts.values().filter(|part| !part.text.is_empty());
        let parts = parts.map(|part| match part.is_refusal {
            true => json!({"type": "refusal", "refusal": part.text}),
            false => json!({"type": "output_text", "text": part.text}),
        });
        parts.collect()
    }

    /// Returns the item that the pieces make up, or `None` if they make up none.
    fn item(&self, pieces_were_lost: bool) -> Option<Value> {
        let mut item = self.announced.clone();
        let kind = item.get("type").and_then(Value::as_str).map(str::to_owned);
        match kind.as_deref() {
            Some("function_call") if !self.input.is_empty() => {
                item.insert("arguments".to_owned(), self.input.as_str().into());
            }
            Some("custom_tool_call") if !self.input.is_empty() => {
                item.insert("input".to_owned(), self.input.as_str().into());
            }
            Some("function_call" | "custom_tool_call") => {}
            None | Some("message") if self.has_text() => {
                item.insert("type".to_owned(), "message".into());
                item.entry("role").or_insert("assistant".into());
                item.insert("content".to_owned(), self.content());
                if let Some(id) = &self.item_id {
                    item.entry("id").or_insert(id.as_str().into());
                }
            }
            _ => return None,
        }
        if pieces_were_lost && !self.has_whole_input && kind.is_some_and(|kind| kind.ends_with("_call")) {
            Item::set_incomplete(&mut item);
        } else if item.contains_key("status") {
            item.insert("status".to_owned(), "completed".into());
        }
        Some(item.into())
    }
}

/// Returns the text of a message.
pub(super) fn text(item: &Value) -> String {
    Item::from_value(item.clone()).map(|item| item.message_text()).unwrap_or_default()
}

fn item_id(event: &Value) -> Option<String> {
    let id = event["item_id"].as_str().or_else(|| event["item"]["id"].as_str())?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn content_index(event: &Value) -> u64 {
    event["content_index"].as_u64().unwrap_or_default()
}
