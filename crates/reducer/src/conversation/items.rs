//! Making items and adding to them.

use rollout_trace_model::{ConversationItem, DiagnosticCode, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::{CodexTurnId, InferenceCallId, RawPayloadId, ResponsesItemId, SchemaVersion, ThreadId};

use crate::{
    at::At,
    item::{Sighting, merge_reasoning, refresh_raw_identity},
    reducer::Reducer,
};

/// Where items are sighted.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) thread: &'a ThreadId,
    pub(crate) turn: Option<&'a CodexTurnId>,
    pub(crate) payload: &'a RawPayloadId,
    /// The call whose response it is, if it is a response.
    pub(crate) response_of: Option<&'a InferenceCallId>,
}

impl Reducer {
    /// Makes an item out of its first sighting.
    pub(crate) fn new_item(
        &mut self,
        at: &At,
        origin: &Origin<'_>,
        sighting: Sighting,
        producer: Option<ProducerRef>,
    ) -> ItemId {
        let item_id = self.conversations.add(sighting.identity);
        if let Some(unknown) = &sighting.unknown_type {
            self.report.payload(
                at,
                DiagnosticCode::UnknownItemKind,
                origin.payload,
                &[&item_id],
                format!("a model item of the unknown type {unknown:?} is kept whole, as an item of kind \"unknown\""),
            );
        }
        if let Some(field) = sighting.lacks {
            let message = format!("a model item without {field}; the rest of it counts");
            self.report.payload(at, DiagnosticCode::PayloadMalformed, origin.payload, &[&item_id], message);
        }
        if sighting.unknown_type.is_none() && sighting.lacks.is_none() && sighting.role.is_unknown() {
            let message = format!("{:?} is no role that is known; it is kept as it is", sighting.role.as_str());
            self.report.payload(at, DiagnosticCode::UnknownValue, origin.payload, &[&item_id], message);
        }
        self.trace.conversation_items.insert(
            item_id,
            ConversationItem {
                item_id,
                responses_item_id: None,
                accepted_at_unix_ms: None,
                accepted_seq: None,
                thread_id: origin.thread.clone(),
                codex_turn_id: origin.turn.cloned(),
                first_seen_at_unix_ms: at.time,
                role: sighting.role,
                channel: sighting.channel,
                kind: sighting.kind,
                agent_message: sighting.agent_message,
                body: sighting.body,
                call_id: sighting.call_id,
                produced_by: producer.into_iter().collect(),
                inferred_producers: sighting.provenance,
                first_seen_seq: at.seq,
                last_seen_seq: at.seq,
            },
        );
        if let Some(responses_item_id) = sighting.responses_item_id {
            self.name_item(origin.thread, item_id, responses_item_id);
        }
        self.link_call(at, origin, item_id);
        item_id
    }

    /// Takes another sighting for an item that exists.
    pub(crate) fn sight_again(&mut self, origin: &Origin<'_>, item_id: ItemId, sighting: &Sighting) {
        let item = self.trace.conversation_items.get_mut(&item_id).expect("a known item is in the graph");
        for producer in &sighting.provenance {
            if !item.inferred_producers.contains(producer) {
                item.inferred_producers.push(producer.clone());
            }
        }
        if item.kind == ItemKind::Reasoning && merge_reasoning(&mut item.body, &sighting.body) {
            self.reidentify(origin.thread, item_id);
        }
        let unnamed = self.trace.conversation_items[&item_id].responses_item_id.is_none();
        if let Some(responses_item_id) = sighting.responses_item_id.clone()
            && unnamed
        {
            self.name_item(origin.thread, item_id, responses_item_id);
        }
        self.list_started_tools(item_id);
    }

    /// Gives an item its Responses id, and the acceptance that came for that id.
    fn name_item(&mut self, thread: &ThreadId, item_id: ItemId, responses_item_id: ResponsesItemId) {
        if self.version == SchemaVersion::V1 {
            return;
        }
        let conversation = self.conversations.thread(thread);
        let item = self.trace.conversation_items.get_mut(&item_id).expect("a known item is in the graph");
        if let Some(&(seq, time)) = conversation.accepted.get(&responses_item_id) {
            item.accepted_seq = Some(seq);
            item.accepted_at_unix_ms = Some(time);
        }
        let bearers = conversation.by_responses_id.entry(responses_item_id.clone()).or_default();
        let place = bearers.partition_point(|&other| other < item_id);
        bearers.insert(place, item_id);
        item.responses_item_id = Some(responses_item_id);
    }

    /// Takes an accepted agent message that no payload has shown for what this sighting shows: the sighted body counts, and
    /// the accepted ends.
    pub(crate) fn take_pending(&mut self, origin: &Origin<'_>, sighting: &Sighting) -> Option<ItemId> {
        let responses_item_id = sighting.responses_item_id.as_ref()?;
        sighting.agent_message.as_ref()?;
        let item_id = self.conversations.thread(origin.thread).pending.remove(responses_item_id)?;
        let item = self.trace.conversation_items.get_mut(&item_id).expect("a known item is in the graph");
        self.agents.note_accepted_content(item);
        item.body = sighting.body.clone();
        // The same sightings would not be taken for it again: its ends are others, or another sighting took it before.
        let has_other_ends = item.agent_message != sighting.agent_message;
        let overruled = has_other_ends || self.conversations.is_used(item_id);
        // The sighted parts decide, whatever they stand for, unless the ends are others.
        if has_other_ends {
            self.reidentify(origin.thread, item_id);
        } else {
            self.set_identity(origin.thread, item_id, sighting.identity);
        }
        self.conversations.facts_mut(item_id).overruled = overruled;
        Some(item_id)
    }

    fn reidentify(&mut self, thread: &ThreadId, item_id: ItemId) {
        let identity = refresh_raw_identity(&self.trace.conversation_items[&item_id]);
        self.set_identity(thread, item_id, identity);
    }

    fn set_identity(&mut self, thread: &ThreadId, item_id: ItemId, new: crate::item::Identity) {
        let facts = self.conversations.facts_mut(item_id);
        let old = std::mem::replace(&mut facts.identity, new);
        let conversation = self.conversations.thread(thread);
        conversation.live.reidentify(item_id, old, new);
        if let Some(replacement) = &mut conversation.replacement {
            replacement.reidentify(item_id, old, new);
        }
    }

    /// Whether the sighting is of this item.
    pub(crate) fn is_same(&self, item_id: ItemId, sighting: &Sighting) -> bool {
        if !self.conversations.facts(item_id).identity.matches(&sighting.identity) {
            return false;
        }
        match (&self.trace.conversation_items[&item_id].responses_item_id, &sighting.responses_item_id) {
            (Some(own), Some(sighted)) => own == sighted,
            _ => true,
        }
    }

    /// Adds what produced an item, once.
    pub(crate) fn add_producer(&mut self, item_id: ItemId, producer: ProducerRef) {
        let item = self.trace.conversation_items.get_mut(&item_id).expect("a known item is in the graph");
        if !item.produced_by.contains(&producer) {
            item.produced_by.push(producer);
        }
    }
}
