//! Creating items and adding sightings to them.

use rollout_trace_model::{ConversationItem, DiagnosticCode, InferredProducer, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::ResponsesItemId;

use super::pass::Pass;
use crate::{
    graph::Graph,
    item::{Identity, Sighting, identity_of_item, merged_reasoning, message_between_agents},
    report::Report,
};

impl Pass<'_, '_> {
    /// Creates an item from its first sighting.
    pub(super) fn new_item(&mut self, sighting: Sighting, producer: Option<ProducerRef>) -> ItemId {
        let item_id = self.facts.add(sighting.identity);
        self.report_surprises(item_id, &sighting);
        let at = self.cx.at;
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
                role: sighting.role,
                channel: sighting.channel,
                kind: sighting.kind.clone(),
                agent_message: sighting.agent_message,
                body: sighting.body,
                call_id: sighting.call_id,
                produced_by: producer.into_iter().collect(),
                inferred_producers: sighting.provenance,
                first_seen_seq: at.seq,
                last_seen_seq: at.seq,
            },
        );
        if self.cx.is_v1() {
            self.facts.list_in_thread(self.cx.graph, item_id);
        } else if let Some(responses_item_id) = sighting.responses_item_id {
            self.name_item(item_id, responses_item_id);
        }
        self.links.calls.link_item(self.cx, self.origin, item_id, sighting.identity.content);
        if sighting.kind == ItemKind::CustomToolCall {
            self.links.cells.start_waiting(self.cx, &mut self.links.calls, item_id);
        }
        item_id
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
        let is_unnamed = item.responses_item_id.is_none();
        let is_reasoning = item.kind == ItemKind::Reasoning;
        let body = if is_reasoning { merged_reasoning(&item.body, &sighting.body) } else { None };
        for producer in &sighting.provenance {
            add_inferred_producer(self.cx.graph, item_id, producer);
        }
        if let Some(body) = body {
            self.cx.graph.object_mut(&item_id).body = body;
            self.reidentify(item_id);
        }
        if let Some(responses_item_id) = sighting.responses_item_id.clone()
            && is_unnamed
            && !self.cx.is_v1()
        {
            self.name_item(item_id, responses_item_id);
        }
        self.links.calls.list_started_tools(self.cx.graph, item_id);
    }

    /// Sets an item's Responses id, and applies the acceptance of that id, if there was one (schema 2).
    ///
    /// Source: reduction, sections 5.4 and 6.2.
    fn name_item(&mut self, item_id: ItemId, responses_item_id: ResponsesItemId) {
        let item = self.cx.graph.object_mut(&item_id);
        if let Some(&(seq, time)) = self.thread.accepted.get(&responses_item_id) {
            item.accepted_seq = Some(seq);
            item.accepted_at_unix_ms = Some(time);
        }
        let bearers = self.thread.by_responses_id.entry(responses_item_id.clone()).or_default();
        let place = bearers.partition_point(|&other| other < item_id);
        bearers.insert(place, item_id);
        item.responses_item_id = Some(responses_item_id);
        if item.accepted_seq.is_some() {
            self.facts.list_in_thread(self.cx.graph, item_id);
        }
    }

    /// Returns the pending agent message that this sighting shows, if there is one. It is no longer pending: it gets
    /// the sighted body, and keeps the accepted author and recipient.
    ///
    /// Source: reduction, section 6.4.
    pub(super) fn take_pending(&mut self, sighting: &Sighting) -> Option<ItemId> {
        let responses_item_id = sighting.responses_item_id.as_ref()?;
        sighting.agent_message.as_ref()?;
        let item_id = self.thread.pending.remove(responses_item_id)?;
        let item = self.cx.graph.object_mut(&item_id);
        if let Some(message) = message_between_agents(item) {
            self.superseded.push((item_id, message.content));
        }
        item.body = sighting.body.clone();
        // The same sighting, seen again, does not match the item if author or recipient differ, or if another sighting
        // of this payload claimed the item before.
        let has_other_ends = item.agent_message != sighting.agent_message;
        let overruled = has_other_ends || self.facts.is_claimed(item_id);
        // The sighting's identity also covers content that its parts only refer to, but it has the sighted author and
        // recipient.
        if has_other_ends {
            self.reidentify(item_id);
        } else {
            self.set_identity(item_id, sighting.identity);
        }
        self.facts.of_mut(item_id).overruled = overruled;
        Some(item_id)
    }

    fn reidentify(&mut self, item_id: ItemId) {
        let identity = identity_of_item(&self.cx.graph.conversation_items[&item_id]);
        self.set_identity(item_id, identity);
    }

    fn set_identity(&mut self, item_id: ItemId, new: Identity) {
        let facts = self.facts.of_mut(item_id);
        let old = std::mem::replace(&mut facts.identity, new);
        self.thread.live.reidentify(item_id, old, new);
        if let Some(replacement) = &mut self.thread.replacement {
            replacement.reidentify(item_id, old, new);
        }
    }
}

/// Adds a producer that the item itself indicates, once, before the edges that end at the item.
fn add_inferred_producer(graph: &mut Graph, item: ItemId, producer: &InferredProducer) {
    if !graph.conversation_items[&item].inferred_producers.contains(producer) {
        let producers = &mut graph.object_mut(&item).inferred_producers;
        let place = producers.iter().position(|other| matches!(other, InferredProducer::Edge { .. }));
        producers.insert(place.unwrap_or(producers.len()), producer.clone());
    }
}
