//! Finds out of which items a payload has sightings.
//!
//! Source: reduction, section 5.

use rollout_trace_model::{Body, ConversationItem, DiagnosticCode, ItemId, ItemKind, ProducerRef, Role};
use rollout_trace_schema::{CompactionId, InferenceCallId, SchemaVersion};

use super::{
    facts::Facts,
    snapshot::Snapshot,
    state::{Conversation, Conversations},
};
use crate::{
    calls::add_producer,
    context::Context,
    graph::Graph,
    item::{Sighting, identity_of_item},
    links::Links,
    origin::Origin,
};

/// One payload's pass over the conversation of its thread: each of its sightings claims an item, old or new.
pub(crate) struct Pass<'a, 'c> {
    pub(crate) cx: &'a mut Context<'c>,
    pub(super) links: &'a mut Links,
    pub(super) origin: &'a Origin<'a>,
    pub(super) thread: &'a mut Conversation,
    pub(super) facts: &'a mut Facts,
    pub(super) superseded: &'a mut Vec<(ItemId, String)>,
}

impl Conversations {
    /// Begins a pass over the conversation of the origin's thread.
    pub(crate) fn pass<'a, 'c>(
        &'a mut self,
        cx: &'a mut Context<'c>,
        links: &'a mut Links,
        origin: &'a Origin<'a>,
    ) -> Pass<'a, 'c> {
        let (thread, facts, superseded) = self.parts(origin.thread);
        facts.begin_pass();
        Pass { cx, links, origin, thread, facts, superseded }
    }
}

impl Pass<'_, '_> {
    /// Reconciles a full request: its first `known` items are those of the live snapshot, the sightings are the rest.
    ///
    /// Source: reduction, section 5.6.
    pub(crate) fn request(&mut self, known: usize, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let items = self.settle_request(known, sightings);
        self.set_live(&items);
        // The previous request listed the known ones.
        self.list(&items[known..]);
        items
    }

    /// Reconciles a full request that is damaged. The items that it no longer shows stay in the live snapshot: the
    /// model may have seen them.
    ///
    /// Source: reduction, section 14.6.
    pub(crate) fn damaged_request(&mut self, known: usize, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let items = self.settle_request(known, sightings);
        let unseen = self.thread.live.items().iter().copied().filter(|&item| !self.facts.is_claimed(item));
        let seen: Vec<_> = items.iter().copied().chain(unseen).collect();
        self.set_live(&seen);
        self.list(&items[known..]);
        items
    }

    fn settle_request(&mut self, known: usize, sightings: Vec<Sighting>) -> Vec<ItemId> {
        if let Some(replacement) = self.thread.replacement.take() {
            self.thread.live = replacement;
        }
        let mut items = self.thread.live.items()[..known].to_vec();
        self.claim_all(&items);
        self.list_tools_of_shown_calls();
        for sighting in sightings {
            let item = self.find_in_live(Some(items.len()), &sighting);
            items.push(self.settle(item, sighting, None));
        }
        items
    }

    /// Reconciles an incremental request: the items that precede it, if they are known, and the sightings of its
    /// payload.
    ///
    /// Source: reduction, section 5.7.
    pub(crate) fn delta(&mut self, prefix: Option<Vec<ItemId>>, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let prefix_known = prefix.is_some();
        let mut items = prefix.unwrap_or_default();
        self.claim_all(&items);
        self.list_tools_of_shown_calls();
        for sighting in sightings {
            let place = items.len();
            let there = self.thread.live.get(place);
            let item = there.filter(|&item| is_same(self.facts, self.cx.graph, item, &sighting));
            if let (Some(other), None, true) = (there, item, prefix_known)
                && !self.is_partial_answer(other)
            {
                let message = format!(
                    "place {place} of the conversation holds {other}, but this incremental request has another item \
                     there; it is kept as a new item"
                );
                let code = DiagnosticCode::IncrementalMismatch;
                self.cx.report.payload(code, self.origin.payload, &[&other], message);
            }
            items.push(self.settle(item, sighting, None));
        }
        self.set_live(&items);
        self.list(&items);
        items
    }

    /// Reconciles a response. Its items are new, unless their ids prove otherwise (schema 2).
    ///
    /// Source: reduction, sections 5.8 to 5.10.
    pub(crate) fn response(&mut self, call: &InferenceCallId, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let mut candidates: Vec<ItemId> = Vec::new();
        if self.cx.version >= SchemaVersion::V2 {
            for id in sightings.iter().filter_map(|sighting| sighting.responses_item_id.as_ref()) {
                candidates.extend(self.thread.by_responses_id.get(id).into_iter().flatten());
            }
            candidates.sort_unstable();
            candidates.dedup();
        }
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let mut candidates = candidates.iter().copied();
            let fits = |item| !self.facts.is_claimed(item) && is_same(self.facts, self.cx.graph, item, &sighting);
            let item = candidates.find(|&item| fits(item));
            let producer = ProducerRef::Inference { inference_call_id: call.clone() };
            items.push(self.settle(item, sighting, Some(producer)));
        }
        let is_latest = self.thread.latest_calls.contains(call) && self.thread.replacement.is_none();
        if self.cx.is_v1() || is_latest {
            for &item in &items {
                self.thread.live.push(item, self.facts.of(item).identity);
            }
        }
        items
    }

    /// Reconciles the input of a compaction with what the model last saw.
    ///
    /// Source: reduction, section 8.2.
    pub(crate) fn compacted(&mut self, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let item = self.find_in_live(None, &sighting);
            items.push(self.settle(item, sighting, None));
        }
        self.list(&items);
        items
    }

    /// Creates the marker item of a compaction.
    ///
    /// Source: reduction, section 8.2.
    pub(crate) fn compaction_marker(&mut self, compaction: &CompactionId) -> ItemId {
        let at = self.cx.at;
        let mut item = ConversationItem {
            item_id: ItemId(0),
            responses_item_id: None,
            accepted_at_unix_ms: None,
            accepted_seq: None,
            thread_id: self.origin.thread.clone(),
            codex_turn_id: self.origin.turn.cloned(),
            first_seen_at_unix_ms: at.time,
            role: Role::Assistant,
            channel: None,
            kind: ItemKind::CompactionMarker,
            agent_message: None,
            body: Body::default(),
            call_id: None,
            produced_by: vec![ProducerRef::Compaction { compaction_id: compaction.clone() }],
            inferred_producers: Vec::new(),
            first_seen_seq: at.seq,
            last_seen_seq: at.seq,
        };
        let id = self.facts.add(identity_of_item(&item));
        item.item_id = id;
        self.cx.graph.insert(&id, item);
        self.list(&[id]);
        id
    }

    /// Creates the items of a replacement, which are all new. The next full request is compared with them.
    ///
    /// Source: reduction, sections 8.2 and 8.3.
    pub(crate) fn replacement(&mut self, compaction: &CompactionId, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let producer = ProducerRef::Compaction { compaction_id: compaction.clone() };
            items.push(self.settle(None, sighting, Some(producer)));
        }
        let mut replacement = Snapshot::default();
        for &item in &items {
            replacement.push(item, self.facts.of(item).identity);
        }
        self.thread.replacement = Some(replacement);
        self.list(&items);
        items
    }

    /// Claims the items that the payload is known to show.
    fn claim_all(&mut self, items: &[ItemId]) {
        for &item in items {
            self.facts.claim(item);
        }
    }

    /// Lists the tool calls that responses started, for those calls that a request is known to show.
    ///
    /// Source: reduction, section 9.3.
    fn list_tools_of_shown_calls(&mut self) {
        let Self { cx, links, facts, .. } = self;
        self.thread.unproven_calls.retain(|&call| {
            let is_shown = links.calls.items_of_call(cx.graph, call).any(|item| facts.is_claimed(item));
            if is_shown {
                links.calls.list_started_tools(cx.graph, call);
            }
            !is_shown
        });
    }

    /// Returns the unclaimed item of the live snapshot that this is a sighting of: the one at the given place, else the
    /// first that matches.
    fn find_in_live(&self, place: Option<usize>, sighting: &Sighting) -> Option<ItemId> {
        let live = &self.thread.live;
        let fits = |item| !self.facts.is_claimed(item) && is_same(self.facts, self.cx.graph, item, sighting);
        let at_place = place.and_then(|place| live.get(place)).filter(|&item| fits(item));
        at_place.or_else(|| live.find(&sighting.identity, fits))
    }

    /// Assigns the sighting to the item that was found, else to a pending agent message, else to a new item. Returns
    /// the item.
    fn settle(&mut self, found: Option<ItemId>, sighting: Sighting, producer: Option<ProducerRef>) -> ItemId {
        let item = match found.or_else(|| self.take_pending(&sighting)) {
            Some(item) => {
                self.sight_again(item, &sighting);
                if let Some(producer) = producer {
                    add_producer(self.cx.graph, item, producer);
                }
                item
            }
            None => self.new_item(sighting, producer),
        };
        self.facts.claim(item);
        if self.origin.response_of.is_some() && self.cx.graph.conversation_items[&item].call_id.is_some() {
            self.thread.unproven_calls.push(item);
        }
        item
    }

    fn set_live(&mut self, items: &[ItemId]) {
        let facts = &self.facts;
        self.thread.live.become_items(items, |item| facts.of(item).identity);
    }

    /// Remembers that a request or compaction listed these items, which proves that they are in the conversation.
    ///
    /// Source: reduction, section 5.11.
    fn list(&mut self, items: &[ItemId]) {
        for &item in items {
            self.facts.of_mut(item).listed = true;
            self.facts.list_in_thread(self.cx.graph, item);
        }
    }

    /// Returns whether only a partial response showed the item. A retry does not start from such an item.
    ///
    /// Source: reduction, section 5.7.
    fn is_partial_answer(&self, item: ItemId) -> bool {
        let graph: &Graph = self.cx.graph;
        !self.facts.of(item).listed
            && graph.conversation_items[&item].produced_by.iter().any(|producer| match producer {
                ProducerRef::Inference { inference_call_id } => {
                    let call = graph.inference_calls.get(inference_call_id);
                    call.is_some_and(|call| call.error.is_some() || call.cancel_reason.is_some())
                }
                _ => false,
            })
    }
}

/// Returns whether the sighting is of this item.
///
/// Source: reduction, sections 5.1 to 5.4.
fn is_same(facts: &Facts, graph: &Graph, item: ItemId, sighting: &Sighting) -> bool {
    if !facts.of(item).identity.matches(&sighting.identity) {
        return false;
    }
    match (&graph.conversation_items[&item].responses_item_id, &sighting.responses_item_id) {
        (Some(own), Some(sighted)) => own == sighted,
        _ => true,
    }
}
