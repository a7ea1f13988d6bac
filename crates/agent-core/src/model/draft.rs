//! Items of an answer as long as only pieces of them have arrived.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The items of an answer that have begun.
#[derive(Debug, Default)]
pub(super) struct Drafts(Vec<Draft>);

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
    /// Whether the whole item has arrived.
    is_settled: bool,
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
        let draft = self.open(event);
        draft.announced.clone_from(item);
    }

    /// Adds a piece of a message.
    pub(super) fn add_text(&mut self, event: &Value, text: &str, is_refusal: bool) {
        let part = self.open(event).parts.entry(content_index(event)).or_default();
        part.text.push_str(text);
        part.is_refusal = is_refusal;
    }

    /// Sets the whole text of a part of a message.
    pub(super) fn set_text(&mut self, event: &Value, text: &str, is_refusal: bool) {
        let is_late = self.find(event).is_some_and(|place| self.0[place].is_settled);
        if !is_late && !text.is_empty() {
            let part = Part { text: text.to_owned(), is_refusal };
            self.open(event).parts.insert(content_index(event), part);
        }
    }

    /// Adds a piece of a call's arguments or input.
    pub(super) fn add_input(&mut self, event: &Value, input: &str) {
        self.open(event).input.push_str(input);
    }

    /// Sets the whole arguments or input of a call.
    pub(super) fn set_input(&mut self, event: &Value, input: &str) {
        let is_late = self.find(event).is_some_and(|place| self.0[place].is_settled);
        if !is_late && !input.is_empty() {
            input.clone_into(&mut self.open(event).input);
        }
    }

    /// Notes that a whole item has arrived, and adds to an empty message the text that came before it.
    pub(super) fn settle(&mut self, event: &Value, item: &mut Value) {
        let Some(place) = self.find(event).filter(|place| !self.0[*place].is_settled) else { return };
        let draft = &mut self.0[place];
        draft.is_settled = true;
        if item["type"] == "message" && text(item).is_empty() && draft.has_text() {
            item["content"] = draft.content();
        }
    }

    /// Returns the items of which no whole has arrived, in order. Reasoning is not among them, since providers accept
    /// only the reasoning that they sent whole.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = Value> {
        let open = self.0.iter().filter(|draft| !draft.is_settled);
        open.filter_map(Draft::item)
    }

    /// Returns the messages of which no whole has arrived, in order.
    pub(super) fn unsettled_messages(&self) -> impl Iterator<Item = Value> {
        self.unsettled().filter(|item| item["type"] == "message")
    }

    /// Returns the draft that an event belongs to, and starts one if there is none.
    fn open(&mut self, event: &Value) -> &mut Draft {
        let place = match self.find(event).filter(|place| !self.0[*place].is_settled) {
            Some(place) => place,
            None => {
                self.0.push(Draft {
                    item_id: item_id(event),
                    place: event["output_index"].as_u64(),
                    ..Draft::default()
                });
                self.0.len() - 1
            }
        };
        &mut self.0[place]
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
        let known = self.0.iter().rposition(|draft| is_same(draft) == Some(true));
        let last = || self.0.len().checked_sub(1).filter(|last| is_same(&self.0[*last]).is_none());
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
    fn item(&self) -> Option<Value> {
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
        if item.contains_key("status") {
            item.insert("status".to_owned(), "completed".into());
        }
        Some(item.into())
    }
}

/// Returns the text of a message.
pub(super) fn text(item: &Value) -> String {
    crate::Item::from_value(item.clone()).map(|item| item.message_text()).unwrap_or_default()
}

fn item_id(event: &Value) -> Option<String> {
    let id = event["item_id"].as_str().or_else(|| event["item"]["id"].as_str())?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn content_index(event: &Value) -> u64 {
    event["content_index"].as_u64().unwrap_or_default()
}
