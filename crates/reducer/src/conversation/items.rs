//! Creating items and adding sightings to them.

use rollout_trace_model::{
    ConversationItem, DiagnosticCode, FirstShown, InferredProducer, ItemId, ItemKind, ProducerRef,
};
use rollout_trace_schema::{RawPayloadId, ResponsesItemId};

use super::{
    call_ids::CallId,
    facts::Facts,
    order,
    pass::{Entry, Pass},
};
use crate::{
    calls::is_output,
    graph::Graph,
    growth::bytes_of_item,
    item::{Comparing, Identity, Sighting, identity_of_item, identity_with, merged_reasoning, message_between_agents},
    origin::Appearance,
    report::Report,
    rules::Deliveries,
};

impl Pass<'_, '_> {
    /// Creates an item from its first sighting.
    pub(super) fn new_item(&mut self, mut sighting: Sighting, producer: Option<ProducerRef>) -> ItemId {
        let CallId { id: call_id, is_made: call_id_made } = self.call_id_of(&sighting);
        let item_id = self.facts.add(sighting.identity, self.thread.order.append());
        self.report_surprises(item_id, &sighting);
        self.cx.documents.growth.add(bytes_of_item(&sighting, self.origin));
        let at = self.cx.at;
        let shown = self.shown_here();
        self.cx.graph.insert(
            &item_id,
            ConversationItem {
                item_id,
                responses_item_id: None,
                accepted_at_unix_ms: None,
                accepted_seq: None,
                thread_id: self.origin.thread.clone(),
                codex_turn_id: self.origin.turn.cloned(),
                first_seen_at_unix_ms: at.time,
                role: sighting.role.clone(),
                channel: sighting.channel.clone(),
                kind: sighting.kind.clone(),
                agent_message: sighting.agent_message.take(),
                body: std::mem::take(&mut sighting.body),
                call_id,
                produced_by: producer.into_iter().collect(),
                inferred_producers: std::mem::take(&mut sighting.provenance),
                first_seen_seq: at.seq,
                last_seen_seq: at.seq,
                shown,
                accepted_payload_id: self.accepted_here(),
                name: sighting.name.clone(),
                call_id_made,
            },
        );
        if let Some(block) = &sighting.block {
            self.facts.of_mut(item_id).is_block = true;
            if block.is_failed {
                self.observations.failed_outputs.insert(item_id);
            }
            self.note_call_id(item_id, &sighting);
        }
        if let Some(errand) = sighting.errand.take() {
            self.observations.errands.insert(item_id, *errand);
        }
        if let Some(own_id) = sighting.own_id.take() {
            self.name_item(item_id, own_id);
        }
        if self.cx.rules.all_items_are_listed() {
            order::list(self.cx.graph, self.facts, item_id);
        }
        self.links.calls.link_item(self.cx, self.origin, item_id, sighting.identity.content);
        if sighting.kind == ItemKind::CustomToolCall && sighting.block.is_none() {
            self.links.cells.note_source(self.cx.graph, item_id);
        }
        item_id
    }

    /// Returns the current place in the payload, unless the payload only says that an item was accepted.
    fn shown_here(&self) -> Option<FirstShown> {
        let is_shown = self.origin.appearance != Appearance::Accepted;
        is_shown.then(|| FirstShown { seq: self.cx.at.seq, payload_id: self.origin.payload.clone(), index: self.place })
    }

    /// Returns the payload, if it says that an item was accepted.
    fn accepted_here(&self) -> Option<RawPayloadId> {
        (self.origin.appearance == Appearance::Accepted).then(|| self.origin.payload.clone())
    }

    fn report_surprises(&mut self, item_id: ItemId, sighting: &Sighting) {
        let payload = self.origin.payload;
        let report: &mut Report = self.cx.report;
        if let Some(unknown) = &sighting.unknown_type {
            let message =
                format!("a model item of the unknown type {unknown:?} is kept whole, as an item of kind \"unknown\"");
            report.payload(DiagnosticCode::UnknownItemKind, payload, &[&item_id], message);
        }
        if let Some(field) = sighting.lacks {
            let message = format!("a model item has no {field}; the rest of the item counts");
            report.payload(DiagnosticCode::PayloadMalformed, payload, &[&item_id], message);
        }
        if sighting.unknown_type.is_none() && sighting.lacks.is_none() && sighting.role.is_unknown() {
            let message = format!("{:?} is not a known role; it is kept as it is", sighting.role.as_str());
            report.payload(DiagnosticCode::UnknownValue, payload, &[&item_id], message);
        }
    }

    /// Adds another sighting to an existing item.
    ///
    /// Source: reduction, section 5.2.
    pub(super) fn sight_again(&mut self, item_id: ItemId, sighting: &Sighting) {
        let item = &self.cx.graph.conversation_items[&item_id];
        let facts = self.facts.of(item_id);
        let is_unnamed = facts.own_id.is_none();
        let may_lack = item.kind == ItemKind::Reasoning && facts.identity.content != sighting.identity.content;
        let body = if may_lack { merged_reasoning(&item.body, &sighting.body) } else { None };
        for producer in &sighting.provenance {
            add_inferred_producer(self.cx.graph, item_id, producer);
        }
        if let Some(body) = body {
            self.cx.graph.object_mut(&item_id).body = body;
            self.reidentify(item_id);
        }
        if let Some(own_id) = sighting.own_id.clone()
            && is_unnamed
        {
            match &sighting.call_id {
                Some(call_id) if sighting.block.is_some() => self.name_call(item_id, call_id.clone()),
                _ => self.name_item(item_id, own_id),
            }
        }
        self.report_changed_call(item_id, sighting);
        let was_unseen = std::mem::take(&mut self.facts.of_mut(item_id).unseen);
        if was_unseen {
            self.cx.graph.object_mut(&item_id).shown = self.shown_here();
        }
        if was_unseen
            && sighting.is_output()
            && let Some(call_id) = &sighting.call_id
        {
            let part = (item_id, &sighting.kind, sighting.identity.content);
            self.links.calls.show_output(self.cx, self.origin, call_id, part);
        }
        self.links.calls.sight_call(self.cx.graph, self.origin, item_id);
    }

    /// Sets an item's own id and, if that id has been accepted, its acceptance.
    ///
    /// Source: reduction, sections 5.3, 5.4 and 6.2.
    fn name_item(&mut self, item_id: ItemId, responses_item_id: ResponsesItemId) {
        self.facts.of_mut(item_id).own_id = Some(responses_item_id.clone());
        self.thread.live.name(item_id, &responses_item_id, self.facts);
        // The id of a call is no id of its item.
        if !self.cx.rules.items_have_ids() || self.facts.of(item_id).is_block {
            return;
        }
        let item = self.cx.graph.object_mut(&item_id);
        if let Some(&(seq, time)) = self.thread.accepted.get(&responses_item_id) {
            item.accepted_seq = Some(seq);
            item.accepted_at_unix_ms = Some(time);
        }
        let bearers = self.thread.by_responses_id.entry(responses_item_id.clone()).or_default();
        bearers.add(item_id, self.facts);
        bearers.has_delivery |= item.agent_message.is_some() || is_output(&item.kind);
        item.responses_item_id = Some(responses_item_id);
        if item.accepted_seq.is_some() {
            order::list(self.cx.graph, self.facts, item_id);
        }
    }

    /// Takes the pending delivery with the sighting's id, if the sighting may take it, and returns the item.
    ///
    /// Source: reduction, section 6.4; bundle 3, section 4.3.
    pub(super) fn take_pending(&mut self, sighting: &Sighting) -> Option<ItemId> {
        let item = *self.thread.pending.get(sighting.own_id.as_ref()?)?;
        let deliveries = self.cx.rules.deliveries();
        // A response uses an item once, whether the item matches or is taken.
        let is_used = deliveries == Deliveries::AgentMessagesAndOutputs
            && self.origin.response_of().is_some()
            && self.facts.is_claimed(item);
        if is_used || !deliveries.include(sighting) {
            return None;
        }
        self.take(item, sighting);
        Some(item)
    }

    /// Takes an item that the sighting matches anyway, if the item is pending under the sighting's id.
    ///
    /// Source: bundle 3, section 4.3.
    pub(super) fn take_matching(&mut self, item: ItemId, sighting: &Sighting) {
        let bearer = sighting.own_id.as_ref().and_then(|own_id| self.thread.pending.get(own_id));
        if bearer == Some(&item) && self.cx.rules.deliveries() == Deliveries::AgentMessagesAndOutputs {
            self.take(item, sighting);
        }
    }

    /// Takes a pending item: it gets the sighted body, and everything else stays as it was accepted.
    fn take(&mut self, item_id: ItemId, sighting: &Sighting) {
        if let Some(own_id) = &sighting.own_id {
            self.thread.pending.remove(own_id);
        }
        let facts = self.facts.of(item_id);
        if sighting.is_output() && !facts.listed && !self.facts.is_claimed(item_id) {
            self.entries.push(Entry::Attracts(item_id));
        }
        let item = self.cx.graph.object_mut(&item_id);
        if let Some(message) = message_between_agents(item) {
            self.superseded.push((item_id, message.content));
        }
        item.body = sighting.body.clone();
        // If it were seen again, the sighting would not match the item if another author or recipient was accepted, or
        // if another sighting of this payload claimed the item before.
        let identity = identity_with(item, sighting.content, Comparing::Items);
        let overruled = identity != sighting.identity || self.facts.is_claimed(item_id);
        self.set_identity(item_id, identity);
        self.facts.of_mut(item_id).overruled = overruled;
    }

    fn reidentify(&mut self, item_id: ItemId) {
        let comparing = if self.facts.of(item_id).is_block { Comparing::Blocks } else { Comparing::Items };
        let identity = identity_of_item(&self.cx.graph.conversation_items[&item_id], comparing);
        self.set_identity(item_id, identity);
    }

    fn set_identity(&mut self, item_id: ItemId, new: Identity) {
        let old = self.facts.of(item_id).identity;
        self.change_place(item_id, |facts| facts.of_mut(item_id).identity = new);
        self.thread.live.reidentify(item_id, old, self.facts);
    }

    /// Changes the identity of an item or its place in the thread's list.
    pub(super) fn change_place(&mut self, item_id: ItemId, change: impl FnOnce(&mut Facts)) {
        let own_id = self.facts.of(item_id).own_id.as_ref();
        match own_id.and_then(|own_id| self.thread.by_responses_id.get_mut(own_id)) {
            Some(bearers) => bearers.change(item_id, self.facts, change),
            None => change(self.facts),
        }
    }
}

/// Adds a producer that the item itself indicates, before the edges that end at the item, unless it is there already.
fn add_inferred_producer(graph: &mut Graph, item: ItemId, producer: &InferredProducer) {
    if !graph.conversation_items[&item].inferred_producers.contains(producer) {
        let producers = &mut graph.object_mut(&item).inferred_producers;
        let place = producers.iter().position(|other| matches!(other, InferredProducer::Edge { .. }));
        producers.insert(place.unwrap_or(producers.len()), producer.clone());
    }
}
