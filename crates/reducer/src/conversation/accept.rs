//! Acceptance of items into the agent core's history (schema 2).
//!
//! Source: reduction, section 6.

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{HistoryItemAccepted, PayloadRef};

use super::state::Conversations;
use crate::{context::Context, item::normalize, links::Links, origin::Origin};

impl Conversations {
    pub(crate) fn item_accepted(&mut self, cx: &mut Context<'_>, links: &mut Links, event: &HistoryItemAccepted) {
        let thread = match &cx.at.thread {
            Some(thread) if cx.graph.threads.contains_key(thread) => thread,
            Some(thread) => {
                let message =
                    format!("an item was accepted into the history of thread {thread}, which was never started");
                cx.report.event(DiagnosticCode::UnknownThread, &[thread, &event.item_id], message);
                return;
            }
            None => {
                let message = "an item was accepted into a history, but the event names no thread";
                cx.report.event(DiagnosticCode::UnknownThread, &[&event.item_id], message);
                return;
            }
        };
        let (conversation, facts, _) = self.parts(thread);
        if !conversation.accepted.contains_key(&event.item_id) {
            conversation.accepted.insert(event.item_id.clone(), (cx.at.seq, cx.at.time));
            for &id in conversation.by_responses_id.get(&event.item_id).into_iter().flatten() {
                let item = cx.graph.object_mut(&id);
                item.accepted_seq = Some(cx.at.seq);
                item.accepted_at_unix_ms = Some(cx.at.time);
                facts.list_in_thread(cx.graph, id);
            }
        }
        if let Some(reference) = &event.agent_message_payload {
            let turn = cx.at.turn.as_ref();
            let origin = Origin { thread, turn, payload: &reference.raw_payload_id, response_of: None };
            self.agent_message_accepted(cx, links, &origin, (event, reference));
        }
    }

    /// Creates the item of an accepted agent message, unless the message was sighted before.
    ///
    /// Source: reduction, section 6.4.
    fn agent_message_accepted(
        &mut self,
        cx: &mut Context<'_>,
        links: &mut Links,
        origin: &Origin<'_>,
        (event, reference): (&HistoryItemAccepted, &PayloadRef),
    ) {
        let mut buffer = PayloadBuffer::default();
        let Some(document) = cx.read(reference, &mut buffer) else { return };
        let sighting = normalize(&document, origin.payload, cx.version).filter(|sighting| {
            sighting.agent_message.is_some() && sighting.responses_item_id.as_ref() == Some(&event.item_id)
        });
        let Some(sighting) = sighting else {
            let message = format!(
                "the accepted message is not an agent_message with the id {}; it is not in the graph",
                event.item_id
            );
            let code = DiagnosticCode::AgentMessageMismatch;
            cx.report.payload(code, origin.payload, &[&event.item_id], message);
            return;
        };
        if self.thread(origin.thread).by_responses_id.contains_key(&event.item_id) {
            return;
        }
        let mut pass = self.pass(cx, links, origin);
        let item = pass.new_item(sighting, None);
        pass.thread.pending.insert(event.item_id.clone(), item);
    }
}
