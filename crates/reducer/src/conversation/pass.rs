//! Decides which items the sightings in a payload belong to.
//!
//! Source: reduction, section 5.

use rollout_trace_model::{Body, ConversationItem, DiagnosticCode, ItemId, ItemKind, ItemRuns, ProducerRef, Role};
use rollout_trace_schema::{CompactionId, InferenceCallId};

use super::{
    bearers::Candidates,
    bucket::may_bear,
    call_ids::OpenCalls,
    facts::Facts,
    order,
    state::{Conversation, Conversations, LiveOf, Observations, Remembered},
};
use crate::{
    calls::{Showing, add_producer},
    context::Context,
    graph::Graph,
    item::{Comparing, Sighting, identity_of_item},
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
    pub(super) observations: &'a mut Observations,
    /// The entries of the current list that matter for the order of the thread's list.
    pub(super) entries: Vec<Entry>,
    /// The place of the current sighting among the items of its list in the payload.
    pub(super) place: u32,
    /// How many items of the live snapshot, from the first, the payload is known to show.
    pub(super) known: usize,
    /// The content blocks that the payload shows after them.
    pub(super) settled: Vec<ItemId>,
    /// The calls among them that are not answered, if that was needed.
    pub(super) open_calls: Option<OpenCalls>,
}

/// An entry of a list that a payload shows, after its sighting was assigned to an item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// A new item.
    New(ItemId),
    /// A tool output that was accepted before and is now shown for the first time. In the thread's list, the new items
    /// that precede it here are moved before it.
    Attracts(ItemId),
}

/// What precedes the items of an incremental request.
#[derive(Clone, Debug)]
pub(crate) enum Prefix {
    /// It is known.
    Known(Before),
    /// Some of it is missing, so its length does not say which items of the snapshot the request repeats.
    Partial(Before),
    /// It is unknown.
    Unknown,
}

/// The items that precede those of an incremental request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    pub(crate) items: ItemRuns,
    /// The inference call whose request and response they are.
    pub(crate) call: Option<InferenceCallId>,
}

/// How the items that precede those of an incremental request are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// They are the live snapshot, and need not be gone through one by one.
    Live,
    /// They are another request and its response. The live snapshot catches up with them when it is next needed, so that
    /// conversations of a thread that take turns do not cost their lengths each time.
    Elsewhere,
    /// They are gone through one by one.
    Listed,
}

impl Conversations {
    /// Begins a pass over the conversation of the origin's thread.
    pub(crate) fn pass<'a, 'c>(
        &'a mut self,
        cx: &'a mut Context<'c>,
        links: &'a mut Links,
        origin: &'a Origin<'a>,
    ) -> Pass<'a, 'c> {
        let Remembered { conversation: thread, facts, superseded, observations } = self.parts(origin.thread);
        facts.begin_pass();
        Pass {
            cx,
            links,
            origin,
            thread,
            facts,
            superseded,
            observations,
            entries: Vec::new(),
            place: 0,
            known: 0,
            settled: Vec::new(),
            open_calls: None,
        }
    }
}

impl Pass<'_, '_> {
    /// Reconciles a full request. Its first `known` items are those of the live snapshot, and `sightings` are the rest.
    ///
    /// Source: reduction, section 5.6.
    pub(crate) fn request(&mut self, known: usize, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let items = self.settle_request(known, sightings);
        self.end_list(Showing::Request(&items[known..]));
        self.links.calls.forget_calls_not_shown(self.origin.thread);
        self.thread.live.replace_from(known, &items[known..], self.facts);
        self.thread.live_of = LiveOf::NewRequest;
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
        self.end_list(Showing::DamagedRequest(&items[known..]));
        let unseen = self.thread.live.items().iter().copied().filter(|&item| !self.facts.is_claimed(item));
        let seen: Vec<_> = items[known..].iter().copied().chain(unseen).collect();
        self.thread.live.replace_from(known, &seen, self.facts);
        self.thread.live_of = LiveOf::Other;
        self.list(&items[known..]);
        items
    }

    fn settle_request(&mut self, known: usize, sightings: Vec<Sighting>) -> Vec<ItemId> {
        match self.thread.replacement.take() {
            Some(replacement) => {
                self.thread.ahead = None;
                self.thread.live.replace_from(0, &replacement, self.facts);
            }
            None => self.thread.catch_up(self.facts),
        }
        let mut items = self.thread.live.items()[..known].to_vec();
        self.facts.claim_prefix(known);
        self.known = known;
        self.place = u32::try_from(known).unwrap_or(u32::MAX);
        self.list_tools_of_shown_calls();
        for sighting in sightings {
            let item = self.find_in_live(Some(items.len()), &sighting);
            items.push(self.settle(item, sighting, None));
        }
        items
    }

    /// Reconciles an incremental request: what precedes it, and the sightings of its payload.
    ///
    /// Source: reduction, section 5.7; bundle 3, section 4.5.
    pub(crate) fn delta(&mut self, prefix: Prefix, sightings: Vec<Sighting>) -> ItemRuns {
        let prefix_known = !matches!(prefix, Prefix::Unknown);
        let is_compared = !matches!(prefix, Prefix::Partial(_));
        let before = match prefix {
            Prefix::Known(before) | Prefix::Partial(before) => before,
            Prefix::Unknown => Before::default(),
        };
        let (waiting, waiting_in_live) = self.links.calls.waiting(self.origin.thread);
        if waiting_in_live > 0 {
            self.thread.catch_up(self.facts);
        }
        let base = match &before.call {
            Some(call) if self.thread.ahead.is_none() && self.thread.live_of.is(self.cx.graph, call) => Base::Live,
            // Each waiting item is looked up in the list, which is cheap if the list is ascending.
            Some(_) if waiting == 0 || (waiting <= before.items.len() && before.items.is_ascending()) => {
                Base::Elsewhere
            }
            _ => Base::Listed,
        };
        let mut shown = Vec::new();
        let mut known = before.items.len();
        match base {
            Base::Live => self.facts.claim_prefix(known),
            Base::Elsewhere => self.facts.claim_list(before.items.clone()),
            Base::Listed => {
                known = 0;
                shown.extend(before.items.iter());
                self.claim_all(&shown);
            }
        }
        let earlier = shown.len();
        let start = known + earlier;
        let seen = if is_compared { self.thread.seen_at(start..start + sightings.len()) } else { Vec::new() };
        for (index, sighting) in sightings.into_iter().enumerate() {
            let place = start + index;
            let there = seen.get(index).copied();
            let item = there.filter(|&item| is_same(self.facts, item, &sighting));
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
            shown.push(self.settle(item, sighting, None));
        }
        self.end_list(match base {
            Base::Live | Base::Listed => Showing::Request(&shown),
            Base::Elsewhere => Showing::Continued(&before.items, &shown),
        });
        let mut items = before.items;
        items.extend(shown[earlier..].iter().copied());
        match base {
            Base::Live | Base::Listed => {
                self.thread.ahead = None;
                self.thread.live.replace_from(known, &shown, self.facts);
            }
            Base::Elsewhere => self.thread.ahead = Some(items.clone()),
        }
        self.thread.live_of = LiveOf::NewRequest;
        if let Some(call) = before.call.filter(|_| known > 0) {
            // The request that is continued listed its items, but not those of its response.
            let answer = self.cx.graph.inference_calls[&call].response_item_ids.clone();
            self.list(&answer);
        }
        self.list(&shown);
        items
    }

    /// Reconciles a response. Its items are new, unless their ids say otherwise.
    ///
    /// Source: reduction, sections 5.8 to 5.10; bundle 3, sections 4.4 and 4.5.
    pub(crate) fn response(&mut self, call: &InferenceCallId, sightings: Vec<Sighting>) -> Vec<ItemId> {
        let mut candidates = Candidates::new(&sightings, &self.thread.by_responses_id, self.facts);
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let item = candidates.find(&sighting, &mut self.thread.by_responses_id, self.facts);
            let producer = ProducerRef::Inference { inference_call_id: call.clone() };
            items.push(self.settle(item, sighting, Some(producer)));
        }
        self.end_list(Showing::Items(&items));
        let is_latest = self.thread.latest_calls.contains(call) && self.thread.replacement.is_none();
        let is_of_request = matches!(&self.thread.live_of, LiveOf::Request(request) if request == call);
        if is_latest && !is_of_request && self.cx.rules.responses_replace_snapshots() {
            let mut seen = self.cx.graph.inference_calls[call].request_item_ids.clone();
            seen.extend(items.iter().copied());
            self.thread.ahead = Some(seen);
            self.thread.live_of = LiveOf::Response(call.clone());
        } else if is_latest || !self.cx.rules.late_responses_are_overtaken() {
            for &item in &items {
                self.thread.show(item, self.facts);
            }
            self.thread.live_of = if is_of_request { LiveOf::Response(call.clone()) } else { LiveOf::Other };
        } else if self.thread.live_of.is(self.cx.graph, call) {
            // It is the second answer of the call, and its items are not seen.
            self.thread.live_of = LiveOf::Other;
        }
        items
    }

    /// Reconciles the input of a compaction with what the model last saw.
    ///
    /// Source: reduction, section 8.2.
    pub(crate) fn compacted(&mut self, sightings: Vec<Sighting>) -> Vec<ItemId> {
        self.thread.catch_up(self.facts);
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let item = self.find_in_live(None, &sighting);
            items.push(self.settle(item, sighting, None));
        }
        self.end_list(Showing::Items(&items));
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
            shown: None,
            accepted_payload_id: None,
            name: None,
            call_id_made: false,
        };
        let id = self.facts.add(identity_of_item(&item, Comparing::Items), self.thread.order.append());
        item.item_id = id;
        self.cx.graph.insert(&id, item);
        self.list(&[id]);
        id
    }

    /// Creates the items of a replacement, which are all new. The next full request is compared with them.
    ///
    /// Source: reduction, sections 8.2 and 8.3.
    pub(crate) fn replacement(&mut self, compaction: &CompactionId, sightings: Vec<Sighting>) -> Vec<ItemId> {
        self.place = 0;
        let mut items = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let producer = ProducerRef::Compaction { compaction_id: compaction.clone() };
            items.push(self.settle(None, sighting, Some(producer)));
        }
        self.end_list(Showing::Items(&items));
        self.thread.replacement = Some(items.clone());
        self.list(&items);
        items
    }

    /// Claims the items that the payload is known to show.
    fn claim_all(&mut self, items: &[ItemId]) {
        for &item in items {
            self.facts.claim(item);
        }
    }

    /// Lists tool calls at the responses that started them, if the request is known to show their call items.
    ///
    /// Source: reduction, section 9.3.
    fn list_tools_of_shown_calls(&mut self) {
        let facts = &self.facts;
        self.links.calls.list_tools_of_shown_calls(self.cx.graph, self.origin.thread, |item| {
            let in_live = facts.of(item).in_live;
            in_live.map(|_| facts.is_claimed(item))
        });
    }

    /// Returns the unclaimed item of the live snapshot that matches the sighting: the item at the given place if it
    /// matches, else the first that does.
    fn find_in_live(&mut self, place: Option<usize>, sighting: &Sighting) -> Option<ItemId> {
        let at_place = place.and_then(|place| self.thread.live.get(place)).filter(|&item| {
            !self.facts.is_claimed(item) && (is_same(self.facts, item, sighting) || self.is_same_call(item, sighting))
        });
        let live = &mut self.thread.live;
        let found = at_place.or_else(|| live.find(&sighting.identity, sighting.own_id.as_ref(), self.facts));
        found.or_else(|| self.find_changed_call(sighting))
    }

    /// Ends a list of items that a payload shows.
    fn end_list(&mut self, showing: Showing<'_>) {
        self.place_new_items();
        let Self { cx, links, facts, .. } = self;
        links.calls.link_foreign(cx, self.origin, showing, |item| {
            let in_live = facts.of(item).in_live;
            in_live.filter(|_| facts.is_claimed(item))
        });
    }

    /// Moves new items in the thread's list before the accepted output that follows them in the payload's list. An
    /// output is accepted, and so listed, before a request shows what precedes it.
    ///
    /// Example: the outputs p1 and p2 are accepted, in this order. The request `[x, p2, y, p1, z]` turns the list
    /// `p1 p2` into `y p1 x p2 z`.
    ///
    /// Source: bundle 3, section 4.4.
    fn place_new_items(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        if !self.cx.rules.list_follows_sightings() {
            return;
        }
        let mut moves = Vec::new();
        let mut next = None;
        for entry in entries.into_iter().rev() {
            match entry {
                Entry::Attracts(item) => next = Some(item),
                Entry::New(item) => moves.extend(next.map(|next| (item, next))),
            }
        }
        for (item, next) in moves.into_iter().rev() {
            let place = self.thread.order.before(next, self.facts);
            let was_listed = order::unlist(self.cx.graph, self.facts, item);
            self.change_place(item, |facts| facts.of_mut(item).in_order = place);
            if was_listed {
                order::list(self.cx.graph, self.facts, item);
            }
        }
    }

    /// Assigns the sighting to the item that was found, else to a pending delivery, else to a new item.
    fn settle(&mut self, found: Option<ItemId>, sighting: Sighting, producer: Option<ProducerRef>) -> ItemId {
        let is_block = sighting.block.is_some();
        if let Some(found) = found {
            self.take_matching(found, &sighting);
        }
        let item = match found.or_else(|| self.take_pending(&sighting)) {
            Some(item) => {
                self.sight_again(item, &sighting);
                if let Some(producer) = producer {
                    self.add_producer(item, producer);
                }
                item
            }
            None => {
                let item = self.new_item(sighting, producer);
                self.entries.push(Entry::New(item));
                item
            }
        };
        self.facts.claim(item);
        self.place += 1;
        if is_block {
            self.note_settled(item);
        }
        item
    }

    /// Adds the response or compaction of this payload to the producers of an item that existed before.
    fn add_producer(&mut self, item: ItemId, producer: ProducerRef) {
        let Some(call) = self.origin.response_of() else { return add_producer(self.cx.graph, item, producer) };
        self.cx.documents.growth.add(call.len());
        match self.cx.graph.inference_calls[call].execution.ended_seq.is_none() {
            // A response shows an item once, so the item's producers include the call only if it was answered before.
            true => self.cx.graph.object_mut(&item).produced_by.push(producer),
            false => add_producer(self.cx.graph, item, producer),
        }
        self.links.calls.note_answer(self.cx.graph, item, call);
    }

    /// Remembers that a request or compaction listed these items, which proves that they are in the conversation.
    ///
    /// Source: reduction, section 5.11.
    fn list(&mut self, items: &[ItemId]) {
        for &item in items {
            self.facts.of_mut(item).listed = true;
            order::list(self.cx.graph, self.facts, item);
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
fn is_same(facts: &Facts, item: ItemId, sighting: &Sighting) -> bool {
    let facts = facts.of(item);
    facts.identity.matches(&sighting.identity) && may_bear(facts.own_id.as_ref(), sighting.own_id.as_ref())
}
