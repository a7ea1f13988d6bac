//! What answers need of payloads, collected while a bundle is reduced.

mod fingerprint;
mod model_text;
mod request;
mod sizes;

use std::{borrow::Cow, collections::BTreeSet};

use rollout_trace_model::{ConversationItem, ItemId, map::HashMap};
use rollout_trace_reducer::{Fingerprint, Json, Observer, ReadRequest};
use rollout_trace_schema::{InferenceCallId, RawPayloadId, Seq, ThreadId};

pub use request::{Definition, DefinitionId, RequestFacts};
pub use sizes::Sizes;

use request::Requests;

/// What answers need of the payloads that models see: sizes, fingerprints and texts of items, and what requests hold
/// besides their items.
///
/// Facts are collected by a reducer that reads the payloads anyway, because a second look at them would cost far more:
/// `rollout_trace::reduce_with_facts` does that. Each item is looked at where it is shown first, and of a request only
/// what the one before it in its thread did not say already.
#[derive(Debug, Default)]
pub struct Facts {
    /// By the number of the item.
    items: Vec<Option<ItemFacts>>,
    /// The texts of all items.
    texts: String,
    /// The names of the tools that an item offers.
    offers: HashMap<ItemId, Vec<String>>,
    requests: Requests,
    responses: BTreeSet<InferenceCallId>,
    untraced_prefixes: BTreeSet<InferenceCallId>,
    /// The events that name payloads, where the graph does not say it.
    named: HashMap<RawPayloadId, Seq>,
}

/// The facts of an item that some payload shows.
#[derive(Clone, Debug)]
pub struct ItemFacts {
    /// The sizes of its model text.
    pub sizes: Sizes,
    /// What a provider's cache could tell it apart by.
    pub fingerprint: Fingerprint,
    readable: (usize, usize),
    whole: (usize, usize),
}

impl Facts {
    /// Returns the facts of an item, or `None` if no payload shows it.
    pub fn item(&self, item: ItemId) -> Option<&ItemFacts> {
        self.items.get(item.0 as usize)?.as_ref()
    }

    /// Returns the sizes of an item's model text. If no payload shows the item, they are those of its body in the graph.
    pub fn sizes(&self, item: &ConversationItem) -> Sizes {
        self.item(item.item_id).map_or_else(|| model_text::of_body(&item.body).0, |facts| facts.sizes)
    }

    /// Returns what a provider's cache could tell an item apart by: items with equal fingerprints are the same to it.
    pub fn fingerprint(&self, item: &ConversationItem) -> Fingerprint {
        self.item(item.item_id).map_or_else(|| fingerprint::of_unshown(item), |facts| facts.fingerprint)
    }

    /// Returns the readable strings of an item's model text, joined. If no payload shows the item, they are those of its
    /// body in the graph.
    pub fn text(&self, item: &ConversationItem) -> Cow<'_, str> {
        match self.item(item.item_id) {
            Some(facts) => Cow::Borrowed(&self.texts[facts.readable.0..facts.readable.1]),
            None => Cow::Owned(model_text::of_body(&item.body).1),
        }
    }

    /// Returns all strings of an item's model text, joined: also those that only the provider can read, if a payload
    /// shows the item.
    pub fn whole_text(&self, item: &ConversationItem) -> Cow<'_, str> {
        match self.item(item.item_id) {
            Some(facts) => Cow::Borrowed(&self.texts[facts.whole.0..facts.whole.1]),
            None => self.text(item),
        }
    }

    /// Returns the names of the tools that an item offers to the model.
    pub fn offers(&self, item: ItemId) -> &[String] {
        self.offers.get(&item).map_or(&[], Vec::as_slice)
    }

    /// Returns the facts of a call's request, or `None` if it is not readable.
    pub fn request(&self, call: &InferenceCallId) -> Option<&RequestFacts> {
        self.requests.of(call)
    }

    /// Returns a definition of a tool, instructions or an output format.
    pub fn definition(&self, id: DefinitionId) -> &Definition {
        self.requests.definition(id)
    }

    /// Returns all definitions, in the order in which they were first seen.
    pub fn definitions(&self) -> &[Definition] {
        self.requests.definitions()
    }

    /// Returns whether the response to a call could be read.
    pub fn has_response(&self, call: &InferenceCallId) -> bool {
        self.responses.contains(call)
    }

    /// Returns whether the request of a call continues a response that was not recorded.
    pub fn has_untraced_prefix(&self, call: &InferenceCallId) -> bool {
        self.untraced_prefixes.contains(call)
    }

    /// Returns the event that names a payload, if the graph does not say it.
    pub(crate) fn named_by(&self, payload: &RawPayloadId) -> Option<Seq> {
        self.named.get(payload).copied()
    }

    /// Returns the event that names a payload of something which, as the graph says, started or ended at an event.
    pub(crate) fn naming(&self, at: Seq, payload: Option<&RawPayloadId>) -> Seq {
        payload.and_then(|payload| self.named_by(payload)).unwrap_or(at)
    }
}

/// Returns the readable strings of an item's model text, joined, as a payload has the item.
pub(crate) fn readable_text(item: &Json<'_>) -> String {
    let mut text = String::new();
    model_text::append_readable(item, &mut text);
    text
}

impl Observer for Facts {
    fn item_shown(&mut self, item: ItemId, value: &Json<'_>) {
        let place = item.0 as usize;
        if self.items.len() <= place {
            self.items.resize_with(place + 1, || None);
        }
        let start = self.texts.len();
        let sizes = model_text::append_readable(value, &mut self.texts);
        let readable = (start, self.texts.len());
        let mut whole = readable;
        if sizes.sealed_bytes > 0 {
            model_text::append_all(value, &mut self.texts);
            whole = (readable.1, self.texts.len());
        }
        let facts = ItemFacts { sizes, fingerprint: fingerprint::of_item(value), readable, whole };
        self.items[place] = Some(facts);
        if value.text("type") == Some("tool_search_output") {
            let tools = value.get("tools").and_then(Json::as_array).unwrap_or_default();
            self.offers.insert(item, tools.iter().flat_map(request::names).collect());
        }
    }

    fn request_read(&mut self, request: &ReadRequest<'_>) {
        self.requests.read(request);
    }

    fn response_read(&mut self, call: &InferenceCallId) {
        self.responses.insert(call.clone());
    }

    fn prefix_untraced(&mut self, call: &InferenceCallId) {
        self.untraced_prefixes.insert(call.clone());
    }

    fn payload_named(&mut self, payload: &RawPayloadId, seq: Seq) {
        self.named.entry(payload.clone()).or_insert(seq);
    }

    fn thread_ended(&mut self, thread: &ThreadId) {
        self.requests.forget(thread);
    }
}
