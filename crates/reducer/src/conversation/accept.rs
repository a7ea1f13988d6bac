//! Acceptance of items into the agent core's history (schema 2).

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{HistoryItemAccepted, PayloadRef, ThreadId};

use super::Origin;
use crate::{at::At, item::normalise, reducer::Reducer};

impl Reducer {
    pub(crate) fn history_item_accepted(
        &mut self,
        at: &At,
        event: &HistoryItemAccepted,
        payloads: &mut dyn PayloadSource,
    ) {
        let thread = match &at.thread {
            Some(thread) if self.trace.threads.contains_key(thread) => thread.clone(),
            Some(thread) => {
                let message = format!("an item was accepted into the history of {thread}, a thread that never started");
                self.report.at(at, DiagnosticCode::UnknownThread, &[thread, &event.item_id], message);
                return;
            }
            None => {
                let message = "an item was accepted into a history, but the event names no thread";
                self.report.at(at, DiagnosticCode::UnknownThread, &[&event.item_id], message);
                return;
            }
        };
        let conversation = self.conversations.thread(&thread);
        if !conversation.accepted.contains_key(&event.item_id) {
            conversation.accepted.insert(event.item_id.clone(), (at.seq, at.time));
            for item in conversation.by_responses_id.get(&event.item_id).into_iter().flatten() {
                let item = self.trace.conversation_items.get_mut(item).expect("a known item is in the graph");
                item.accepted_seq = Some(at.seq);
                item.accepted_at_unix_ms = Some(at.time);
            }
        }
        if let Some(reference) = &event.agent_message_payload {
            self.agent_message_accepted(at, &thread, event, reference, payloads);
        }
    }

    /// Makes the item of an accepted agent message, unless it was sighted before.
    fn agent_message_accepted(
        &mut self,
        at: &At,
        thread: &ThreadId,
        event: &HistoryItemAccepted,
        reference: &PayloadRef,
        payloads: &mut dyn PayloadSource,
    ) {
        let mut buffer = PayloadBuffer::default();
        let Some(document) = self.document(at, reference, payloads, &mut buffer) else { return };
        let payload = &reference.raw_payload_id;
        let sighting = normalise(&document, payload, self.version).filter(|sighting| {
            sighting.agent_message.is_some() && sighting.responses_item_id.as_ref() == Some(&event.item_id)
        });
        let Some(sighting) = sighting else {
            self.report.payload(
                at,
                DiagnosticCode::AgentMessageMismatch,
                payload,
                &[&event.item_id],
                format!(
                    "the accepted message is not an agent_message with the id {}; it is not in the graph",
                    event.item_id
                ),
            );
            return;
        };
        if self.conversations.thread(thread).by_responses_id.contains_key(&event.item_id) {
            return;
        }
        let origin = Origin { thread, turn: at.turn.as_ref(), payload, response_of: None };
        let item = self.new_item(at, &origin, sighting, None);
        self.conversations.thread(thread).pending.insert(event.item_id.clone(), item);
    }
}
