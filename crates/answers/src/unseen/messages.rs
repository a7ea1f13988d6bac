//! Messages between agents that no model saw.

use rollout_trace_model::{Anchor, InteractionEdge, InteractionKind, UndeliveredMessage, map::HashSet};
use rollout_trace_schema::{EdgeId, ThreadId, ToolCallId};

use super::{UnseenCode, UnseenRow};
use crate::{Certainty, Rollout, deliveries::Delivery, item_words::beginning, why::hops::first_seen_payload};

pub(super) fn rows(rollout: &Rollout<'_>) -> Vec<UnseenRow> {
    let graph = rollout.graph();
    let edges = graph.interaction_edges.values().filter_map(|edge| of_edge(rollout, edge));
    let arrived = Arrived::of(rollout);
    let mut known = HashSet::default();
    let undelivered = graph.undelivered_messages.iter().filter_map(|message| {
        let row = of_undelivered(rollout, message, &arrived)?;
        // The same result may be reported several times.
        known.insert((row.ids.clone(), message.message.clone())).then_some(row)
    });
    edges.chain(undelivered).collect()
}

fn code(kind: InteractionKind) -> Option<UnseenCode> {
    match kind {
        InteractionKind::AgentResult => Some(UnseenCode::ChildResultNotDelivered),
        InteractionKind::SpawnAgent | InteractionKind::AssignAgentTask | InteractionKind::SendMessage => {
            Some(UnseenCode::MessageNotDelivered)
        }
        InteractionKind::CloseAgent => None,
    }
}

/// Returns the message of an edge, if it arrived as an item that no request carries.
fn of_edge(rollout: &Rollout<'_>, edge: &InteractionEdge) -> Option<UnseenRow> {
    let code = code(edge.kind)?;
    let Anchor::ConversationItem { item_id } = &edge.target else { return None };
    let item = rollout.graph().conversation_items.get(item_id)?;
    if rollout.index().carried(*item_id).calls > 0 {
        return None;
    }
    let text = rollout.readable_text(*item_id);
    let note = note(rollout, edge.kind, Some(&item.thread_id), &text);
    let row = UnseenRow::new(code, Certainty::Recorded, vec![edge.edge_id.to_string(), item_id.to_string()], note);
    Some(UnseenRow {
        bytes: Some(text.len() as u64),
        ..row.shown_by(Some(item.first_seen_seq), first_seen_payload(item))
    })
}

/// Returns a message that reduction found nowhere, unless it arrived as a plain message of the user.
fn of_undelivered(rollout: &Rollout<'_>, message: &UndeliveredMessage, arrived: &Arrived<'_>) -> Option<UnseenRow> {
    let code = code(message.kind)?;
    let graph = rollout.graph();
    let target = message.target_thread_id.as_ref();
    let text = message.message.as_deref().unwrap_or_default();
    let call = message.tool_call_id.as_ref().and_then(|id| graph.tool_calls.get(id));
    let (sender, seq, payload) = match call {
        Some(call) if arrived.calls.contains(&call.tool_call_id) => return None,
        Some(call) => (call.tool_call_id.to_string(), call.execution.ended_seq, call.raw_result_payload_id.as_ref()),
        None => {
            let named = message.edge_id.as_ref().zip(message.target_thread_id.as_ref());
            let child = named.and_then(|(edge, target)| reporting_child(rollout, edge, target));
            if child.is_some_and(|child| arrived.reports.contains(&(child.clone(), target.cloned(), text.to_owned()))) {
                return None;
            }
            let child = child.map(ThreadId::to_string).unwrap_or_default();
            (child, Some(message.seq), message.raw_payload_ids.first())
        }
    };
    let ids = std::iter::once(sender).chain(target.map(ThreadId::to_string)).filter(|id| !id.is_empty()).collect();
    let row = UnseenRow::new(code, Certainty::Recorded, ids, note(rollout, message.kind, target, text));
    let bytes = message.message.as_ref().map(|text| text.len() as u64);
    Some(UnseenRow { bytes, ..row.shown_by(seq, payload) })
}

/// Returns the agent whose result an edge would carry: the child of the target whose thread the edge's id names.
pub(crate) fn reporting_child<'g>(rollout: &Rollout<'g>, edge: &EdgeId, target: &ThreadId) -> Option<&'g ThreadId> {
    rollout.index().children().named_in(target, edge).first().copied()
}

fn note(rollout: &Rollout<'_>, kind: InteractionKind, target: Option<&ThreadId>, text: &str) -> String {
    let target = target.map_or("an unknown agent", |target| rollout.agent(target));
    format!("{} to {target}: {}", kind.as_str(), beginning(text))
}

/// The messages that arrived as plain messages of the user.
#[derive(Default)]
struct Arrived<'a> {
    calls: HashSet<&'a ToolCallId>,
    /// The child, its parent, and what it said.
    reports: HashSet<(ThreadId, Option<ThreadId>, String)>,
}

impl<'a> Arrived<'a> {
    fn of(rollout: &'a Rollout<'_>) -> Self {
        let mut arrived = Self::default();
        let items = &rollout.graph().conversation_items;
        if rollout.graph().undelivered_messages.is_empty() {
            return arrived;
        }
        for item in items.values() {
            match rollout.index().delivery(item.item_id) {
                Some(Delivery::Call(call)) => drop(arrived.calls.insert(call)),
                Some(Delivery::Report(said)) => {
                    let text = rollout.readable_text(*said).into_owned();
                    let child = items.get(said).map(|said| said.thread_id.clone());
                    arrived.reports.extend(child.map(|child| (child, Some(item.thread_id.clone()), text)));
                }
                Some(Delivery::Edge(_)) | None => {}
            }
        }
        arrived
    }
}
