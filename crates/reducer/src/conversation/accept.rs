//! Acceptance of items into the agent core's history.
//!
//! Source: reduction, section 6; bundle 3, section 4.3.

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{HistoryItemAccepted, PayloadRef};

use super::{
    bearers::Bearers,
    order,
    state::{Conversations, Remembered},
};
use crate::{
    context::Context,
    item::{Shown, normalize},
    links::Links,
    origin::{Appearance, Origin},
    rules::Deliveries,
};

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
        let Remembered { conversation, facts, .. } = self.parts(thread);
        if !conversation.accepted.contains_key(&event.item_id) {
            conversation.accepted.insert(event.item_id.clone(), (cx.at.seq, cx.at.time));
            let bearers = conversation.by_responses_id.get(&event.item_id);
            for &id in bearers.into_iter().flat_map(Bearers::items) {
                let item = cx.graph.object_mut(&id);
                item.accepted_seq = Some(cx.at.seq);
                item.accepted_at_unix_ms = Some(cx.at.time);
                order::list(cx.graph, facts, id);
            }
        }
        if let Some(reference) = event.agent_message_payload.as_ref().or(event.tool_output_payload.as_ref()) {
            let turn = cx.at.turn.as_ref();
            let appearance = Appearance::Accepted;
            let origin = Origin { thread, turn, payload: &reference.raw_payload_id, appearance };
            self.delivery_accepted(cx, links, &origin, (event, reference));
        }
    }

    /// Makes the item of an accepted delivery, unless it was sighted before.
    ///
    /// Source: reduction, section 6.4; bundle 3, section 4.3.
    fn delivery_accepted(
        &mut self,
        cx: &mut Context<'_>,
        links: &mut Links,
        origin: &Origin<'_>,
        (event, reference): (&HistoryItemAccepted, &PayloadRef),
    ) {
        let deliveries = cx.rules.deliveries();
        let known =
            self.thread(origin.thread).by_responses_id.get(&event.item_id).is_some_and(|bearers| match deliveries {
                Deliveries::AgentMessages => true,
                Deliveries::AgentMessagesAndOutputs => bearers.has_delivery,
            });
        if known && deliveries == Deliveries::AgentMessagesAndOutputs {
            return;
        }
        let mut buffer = PayloadBuffer::default();
        let Some(document) = cx.read_items(reference, &mut buffer) else { return };
        let sighting = normalize(&document, &Shown::new(reference, document.missing_parts(), cx.rules))
            .filter(|sighting| deliveries.include(sighting) && sighting.own_id.as_ref() == Some(&event.item_id));
        let Some(sighting) = sighting else {
            let message = format!(
                "the accepted document is not a message or an output with the id {}; it is not in the graph",
                event.item_id
            );
            let code = DiagnosticCode::AgentMessageMismatch;
            cx.report.payload(code, origin.payload, &[&event.item_id], message);
            return;
        };
        if known || !cx.may_add(reference, origin, std::slice::from_ref(&sighting)) {
            return;
        }
        let mut pass = self.pass(cx, links, origin);
        let item = pass.new_item(sighting, None);
        pass.facts.of_mut(item).unseen = true;
        pass.thread.pending.insert(event.item_id.clone(), item);
    }
}
