//! Which items a payload's sightings are (`spec`: *Identity*).

use rollout_trace_model::{DiagnosticCode, ItemId, ProducerRef};
use rollout_trace_schema::{CompactionId, InferenceCallId, SchemaVersion, ThreadId};

use super::{Origin, Snapshot};
use crate::{at::At, item::Sighting, reducer::Reducer};

impl Reducer {
    /// Reconciles a full request: its first `known` items are those of the last snapshot, the sightings are the rest.
    ///
    /// Where the payload was damaged, the items that it no longer shows stay in the snapshot: the model may have seen them.
    pub(crate) fn reconcile_request(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        known: usize,
        sightings: Vec<Sighting>,
        damaged: bool,
    ) -> Vec<ItemId> {
        let conversation = self.conversations.thread(origin.thread);
        if let Some(replacement) = conversation.replacement.take() {
            conversation.live = replacement;
        }
        let mut items = conversation.live.items()[..known].to_vec();
        self.conversations.begin_use();
        for &item in &items {
            self.conversations.use_item(item);
        }
        self.list_tools_of_shown_calls(origin.thread);
        for sighting in sightings {
            let item = self.find_in_snapshot(origin.thread, Some(items.len()), &sighting);
            items.push(self.settle(at, origin, item, sighting, None));
        }
        if damaged {
            let live = self.conversations.thread(origin.thread).live.items().to_vec();
            let unseen = live.into_iter().filter(|&item| !self.conversations.is_used(item));
            let seen: Vec<_> = items.iter().copied().chain(unseen).collect();
            self.set_snapshot(origin.thread, &seen);
        } else {
            self.set_snapshot(origin.thread, &items);
        }
        // The request before listed those that are known.
        self.list(&items[known..]);
        items
    }

    /// Has responses list the tool calls that they made, for the calls that a request is known to show.
    fn list_tools_of_shown_calls(&mut self, thread: &ThreadId) {
        let unproven = std::mem::take(&mut self.conversations.thread(thread).unproven_calls);
        for item in unproven {
            if self.items_of_call(item).into_iter().any(|item| self.conversations.is_used(item)) {
                self.list_started_tools(item);
            } else {
                self.conversations.thread(thread).unproven_calls.push(item);
            }
        }
    }

    /// Reconciles an incremental request: what precedes it, and the items that its payload adds.
    pub(crate) fn reconcile_delta(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        prefix: Option<Vec<ItemId>>,
        sightings: Vec<Sighting>,
    ) -> Vec<ItemId> {
        let prefix_known = prefix.is_some();
        let mut items = prefix.unwrap_or_default();
        self.conversations.begin_use();
        for &item in &items {
            self.conversations.use_item(item);
        }
        self.list_tools_of_shown_calls(origin.thread);
        for sighting in sightings {
            let place = items.len();
            let there = self.conversations.thread(origin.thread).live.get(place);
            let item = there.filter(|&item| self.is_same(item, &sighting));
            if let (Some(other), None, true) = (there, item, prefix_known)
                && !self.is_partial_answer(other)
            {
                self.report.payload(
                    at,
                    DiagnosticCode::IncrementalMismatch,
                    origin.payload,
                    &[&other],
                    format!("item {place} of the conversation was {other} before this incremental request and is another now; it is kept as a new item"),
                );
            }
            items.push(self.settle(at, origin, item, sighting, None));
        }
        self.set_snapshot(origin.thread, &items);
        self.list(&items);
        items
    }

    /// Reconciles a response. Its items are new, unless in schema 2 their ids say otherwise.
    pub(crate) fn reconcile_response(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        call: &InferenceCallId,
        sightings: Vec<Sighting>,
    ) -> Vec<ItemId> {
        let mut candidates: Vec<ItemId> = Vec::new();
        if self.version >= SchemaVersion::V2 {
            let bearers = &self.conversations.thread(origin.thread).by_responses_id;
            for id in sightings.iter().filter_map(|sighting| sighting.responses_item_id.as_ref()) {
                candidates.extend(bearers.get(id).into_iter().flatten());
            }
            candidates.sort_unstable();
            candidates.dedup();
        }
        self.conversations.begin_use();
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let item = candidates
                .iter()
                .copied()
                .find(|&item| !self.conversations.is_used(item) && self.is_same(item, &sighting));
            let producer = ProducerRef::Inference { inference_call_id: call.clone() };
            items.push(self.settle(at, origin, item, sighting, Some(producer)));
        }
        let version = self.version;
        let conversation = self.conversations.thread(origin.thread);
        let appended = version == SchemaVersion::V1
            || (conversation.latest_calls.contains(call) && conversation.replacement.is_none());
        if appended {
            let mut live = std::mem::take(&mut conversation.live);
            for &item in &items {
                live.push(item, self.conversations.facts(item).identity);
            }
            self.conversations.thread(origin.thread).live = live;
        }
        items
    }

    /// Reconciles the history that a compaction took in, against what the model last saw.
    pub(crate) fn reconcile_compacted(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        sightings: Vec<Sighting>,
    ) -> Vec<ItemId> {
        self.conversations.begin_use();
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let item = self.find_in_snapshot(origin.thread, None, &sighting);
            items.push(self.settle(at, origin, item, sighting, None));
        }
        self.list(&items);
        items
    }

    /// Makes the items of a compacted history, all new, and has the next full request compared with them.
    pub(crate) fn install_replacement(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        compaction: &CompactionId,
        sightings: Vec<Sighting>,
    ) -> Vec<ItemId> {
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let producer = ProducerRef::Compaction { compaction_id: compaction.clone() };
            items.push(self.settle(at, origin, None, sighting, Some(producer)));
        }
        let mut replacement = Snapshot::default();
        for &item in &items {
            replacement.push(item, self.conversations.facts(item).identity);
        }
        self.conversations.thread(origin.thread).replacement = Some(replacement);
        self.list(&items);
        items
    }

    /// Notes that a request or compaction listed these items.
    pub(crate) fn list(&mut self, items: &[ItemId]) {
        for &item in items {
            self.conversations.facts_mut(item).listed = true;
        }
    }

    /// The unused item of the snapshot that this is a sighting of: the one at its place, else the first.
    fn find_in_snapshot(&mut self, thread: &ThreadId, place: Option<usize>, sighting: &Sighting) -> Option<ItemId> {
        let live = std::mem::take(&mut self.conversations.thread(thread).live);
        let fits = |item| !self.conversations.is_used(item) && self.is_same(item, sighting);
        let found = place
            .and_then(|place| live.get(place))
            .filter(|&item| fits(item))
            .or_else(|| live.find(&sighting.identity, fits));
        self.conversations.thread(thread).live = live;
        found
    }

    /// Takes the sighting for the item that was found, else for a pending agent message, else for a new item.
    fn settle(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        found: Option<ItemId>,
        sighting: Sighting,
        producer: Option<ProducerRef>,
    ) -> ItemId {
        let item = found.or_else(|| self.take_pending(origin, &sighting));
        let item = match item {
            Some(item) => {
                self.sight_again(origin, item, &sighting);
                if let Some(producer) = producer {
                    self.add_producer(item, producer);
                }
                item
            }
            None => self.new_item(at, origin, sighting, producer),
        };
        self.conversations.use_item(item);
        if origin.response_of.is_some() && self.trace.conversation_items[&item].call_id.is_some() {
            self.conversations.thread(origin.thread).unproven_calls.push(item);
        }
        item
    }

    fn set_snapshot(&mut self, thread: &ThreadId, items: &[ItemId]) {
        let mut live = std::mem::take(&mut self.conversations.thread(thread).live);
        live.become_items(items, |item| self.conversations.facts(item).identity);
        self.conversations.thread(thread).live = live;
    }

    /// Whether only a response that was never completed showed the item: a retry does not start from it.
    fn is_partial_answer(&self, item: ItemId) -> bool {
        !self.conversations.facts(item).listed
            && self.trace.conversation_items[&item].produced_by.iter().any(|producer| match producer {
                ProducerRef::Inference { inference_call_id } => {
                    let call = self.trace.inference_calls.get(inference_call_id);
                    call.is_some_and(|call| call.error.is_some() || call.cancel_reason.is_some())
                }
                _ => false,
            })
    }
}
