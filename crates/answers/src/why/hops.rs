//! The causes of each thing.
//!
//! Source: questions, sections 2.1 to 2.3 and 2.6.

use rollout_trace_model::{
    Anchor, Compaction, ConversationItem, InferenceCall, InferredProducer, InteractionEdge, InteractionKind, ItemId,
    ProducerRef, Requester, ThreadOrigin, ToolCall,
};
use rollout_trace_schema::{CodexTurnId, RawPayloadId, Seq, ThreadId};

use super::{Cause, Hop};
use crate::{
    Certainty, Node,
    deliveries::Delivery,
    index::answered_in,
    members::Members,
    origin::{answers, forked_from, producers},
    rollout::Rollout,
};

/// An event and the payload that it names.
type Evidence<'g> = (Option<Seq>, Option<&'g RawPayloadId>);

/// Returns the causes of a thing. Whatever has none ends at a root.
pub(super) fn hops(rollout: &Rollout<'_>, node: &Node) -> Vec<Hop> {
    let causes = Causes { rollout, node };
    let graph = rollout.graph();
    let found = match node {
        Node::Item(id) => graph.conversation_items.get(id).map(|item| causes.of_item(item)),
        Node::Inference(id) => graph.inference_calls.get(id).map(|call| causes.of_inference(call)),
        Node::Turn(id) => Some(causes.of_turn(id)),
        Node::Thread(id) => Some(causes.of_thread(id)),
        Node::Edge(id) => graph.interaction_edges.get(id).map(|edge| causes.of_edge(edge)),
        Node::ToolCall(id) => graph.tool_calls.get(id).map(|call| causes.of_tool_call(call)),
        Node::CodeCell(id) => graph.code_cells.get(id).map(|cell| {
            let seq = cell.execution.started_seq;
            vec![causes.hop(Cause::Source, Node::Item(cell.source_item_id), Certainty::Recorded, (Some(seq), None))]
        }),
        Node::TerminalOperation(id) => graph.terminal_operations.get(id).map(|operation| {
            let evidence = (Some(operation.execution.started_seq), operation.raw_payload_ids.first());
            let call = Node::ToolCall(operation.tool_call_id.clone());
            vec![causes.hop(Cause::OperationOf, call, Certainty::Recorded, evidence)]
        }),
        Node::TerminalSession(id) => graph.terminal_sessions.get(id).map(|session| {
            let operation = Node::TerminalOperation(session.created_by_operation_id);
            let evidence = (Some(session.execution.started_seq), None);
            vec![causes.hop(Cause::OperationOf, operation, Certainty::Recorded, evidence)]
        }),
        Node::Compaction(id) => graph.compactions.get(id).map(|compaction| causes.of_compaction(compaction)),
        Node::Root(_) => return Vec::new(),
    };
    match found {
        Some(hops) if !hops.is_empty() => hops,
        _ => vec![causes.root("unknown", Certainty::Inferred, (None, None))],
    }
}

/// Returns the hop from an item to the request that carried it first.
pub(super) fn carried_from(rollout: &Rollout<'_>, item: ItemId, first: &InferenceCall) -> Hop {
    let node = Node::Item(item);
    let has_id = rollout.graph().conversation_items.get(&item).is_some_and(|item| item.responses_item_id.is_some());
    let certainty = if has_id { Certainty::Recorded } else { Certainty::Matched };
    let causes = Causes { rollout, node: &node };
    let hop = causes.hop(
        Cause::CarriedFrom,
        Node::Inference(first.inference_call_id.clone()),
        certainty,
        request(rollout, first),
    );
    Hop { note: Some("the same item in every request since".to_owned()), ..hop }
}

/// Returns the items of a request that were new to the model: those that the call before did not carry, and that neither
/// an answer nor a copy is. Of a thread's first request it is only the last.
pub(super) fn just_seen(rollout: &Rollout<'_>, call: &InferenceCall) -> Vec<ItemId> {
    let (graph, index) = (rollout.graph(), rollout.index());
    let is_new = |item: &ItemId| {
        let known = graph.conversation_items.get(item);
        index.copied_from(*item).is_none() && known.is_some_and(|item| answered_in(graph, item).is_none())
    };
    match rollout.call_before(call) {
        Some(before) => {
            let same = before.request_item_ids.common_prefix(&call.request_item_ids);
            let carried = Members::of(&before.request_item_ids);
            call.request_item_ids.skip(same).filter(|item| !carried.contain(*item) && is_new(item)).collect()
        }
        None => {
            let new: Vec<_> = call.request_item_ids.iter().filter(is_new).collect();
            new.last().copied().into_iter().collect()
        }
    }
}

/// The causes of one thing.
struct Causes<'r, 'a> {
    rollout: &'r Rollout<'a>,
    node: &'r Node,
}

impl Causes<'_, '_> {
    fn hop(&self, relation: Cause, to: Node, certainty: Certainty, (seq, payload): Evidence<'_>) -> Hop {
        Hop {
            relation,
            from: self.node.clone(),
            to,
            certainty,
            seq,
            payload_id: payload.cloned(),
            name: None,
            note: None,
            just_seen: None,
        }
    }

    /// Returns the evidence of a start that names a payload.
    fn started<'g>(&self, seq: Seq, payload: Option<&'g RawPayloadId>) -> Evidence<'g> {
        (Some(self.rollout.facts().naming(seq, payload)), payload)
    }

    fn root(&self, class: &str, certainty: Certainty, evidence: Evidence<'_>) -> Hop {
        self.hop(Cause::Origin, Node::Root(class.to_owned()), certainty, evidence)
    }

    fn of_item(&self, item: &ConversationItem) -> Vec<Hop> {
        let index = self.rollout.index();
        if let Some(original) = index.copied_from(item.item_id) {
            return vec![self.copy(item, original)];
        }
        let mut hops: Vec<_> = producers(self.rollout.graph(), item).filter_map(|by| self.produced(by)).collect();
        hops.extend(item.inferred_producers.iter().filter_map(|producer| match producer {
            InferredProducer::Edge { edge_id } => {
                let evidence = (Some(item.first_seen_seq), first_seen_payload(item));
                let hop = self.hop(Cause::DeliveredBy, Node::Edge(edge_id.clone()), Certainty::Matched, evidence);
                Some(Hop { note: Some("author, recipient and content".to_owned()), ..hop })
            }
            _ => None,
        }));
        if hops.is_empty() { vec![self.only_cause(item)] } else { hops }
    }

    /// Returns the cause of a compaction's copy.
    fn copy(&self, item: &ConversationItem, original: ItemId) -> Hop {
        let graph = self.rollout.graph();
        let compaction = item.produced_by.iter().find_map(|producer| match producer {
            ProducerRef::Compaction { compaction_id } => graph.compactions.get(compaction_id),
            _ => None,
        });
        let id = |item: &ConversationItem| item.responses_item_id.clone();
        let same_id = graph
            .conversation_items
            .get(&original)
            .is_some_and(|original| id(original).is_some() && id(original) == id(item));
        let certainty = if same_id { Certainty::Recorded } else { Certainty::Matched };
        let evidence = compaction.map_or((None, None), checkpoint);
        let hop = self.hop(Cause::CopiedFrom, Node::Item(original), certainty, evidence);
        Hop { note: compaction.map(|compaction| format!("by compaction {}", compaction.compaction_id)), ..hop }
    }

    /// Returns the cause that a producer is.
    fn produced(&self, producer: &ProducerRef) -> Option<Hop> {
        let graph = self.rollout.graph();
        let recorded = Certainty::Recorded;
        Some(match producer {
            ProducerRef::Inference { inference_call_id } => {
                let call = graph.inference_calls.get(inference_call_id)?;
                let evidence = (call.response_seq, call.raw_response_payload_id.as_ref());
                self.hop(Cause::AnsweredIn, Node::Inference(inference_call_id.clone()), recorded, evidence)
            }
            ProducerRef::Tool { tool_call_id } => {
                let call = graph.tool_calls.get(tool_call_id)?;
                let result = call.raw_result_payload_id.as_ref();
                let ended = call.execution.ended_seq.map(|seq| self.rollout.facts().naming(seq, result));
                let evidence = (ended, result);
                self.hop(Cause::OutputOf, Node::ToolCall(tool_call_id.clone()), recorded, evidence)
            }
            ProducerRef::CodeCell { code_cell_id } => {
                let cell = graph.code_cells.get(code_cell_id)?;
                let evidence = (cell.initial_response_seq, cell.raw_initial_response_payload_id.as_ref());
                self.hop(Cause::OutputOf, Node::CodeCell(code_cell_id.clone()), recorded, evidence)
            }
            ProducerRef::Compaction { compaction_id } => {
                let compaction = graph.compactions.get(compaction_id)?;
                let to = Node::Compaction(compaction_id.clone());
                self.hop(Cause::WrittenBy, to, recorded, checkpoint(compaction))
            }
        })
    }

    /// Returns the cause of an item that nothing is proved to have produced.
    fn only_cause(&self, item: &ConversationItem) -> Hop {
        let index = self.rollout.index();
        let shown = shown(item);
        if let Some(call) = answers(index, item) {
            return self.hop(Cause::Answers, Node::Item(call), Certainty::Matched, shown);
        }
        if let Some(original) = forked_from(self.rollout, index, item) {
            return self.hop(Cause::CopiedFrom, Node::Item(original), Certainty::Matched, shown);
        }
        if let Some(delivery) = index.delivery(item.item_id) {
            let (relation, to, note) = match delivery {
                Delivery::Edge(edge) => {
                    (Cause::DeliveredBy, Node::Edge(edge.edge_id.clone()), "a user message with the text that was sent")
                }
                Delivery::Call(call) => {
                    (Cause::DeliveredBy, Node::ToolCall((*call).clone()), "a user message with the text that was sent")
                }
                Delivery::Report(said) => {
                    (Cause::ReportedBy, Node::Item(*said), "names the agent and holds its last words")
                }
            };
            return Hop { note: Some(note.to_owned()), ..self.hop(relation, to, Certainty::Inferred, shown) };
        }
        let origin = index.origin(item.item_id);
        let hop = self.root(origin.class.as_str(), origin.certainty, shown);
        Hop { name: Some(origin.name.clone()), ..hop }
    }

    fn of_inference(&self, call: &InferenceCall) -> Vec<Hop> {
        vec![self.in_turn(Cause::AskedIn, call.codex_turn_id.as_ref(), &call.thread_id, request(self.rollout, call))]
    }

    fn of_compaction(&self, compaction: &Compaction) -> Vec<Hop> {
        let turn = compaction.codex_turn_id.as_ref();
        vec![self.in_turn(Cause::AskedIn, turn, &compaction.thread_id, checkpoint(compaction))]
    }

    /// Returns the hop to a turn, or to the thread if the turn is unknown.
    fn in_turn(&self, relation: Cause, turn: Option<&CodexTurnId>, thread: &ThreadId, evidence: Evidence<'_>) -> Hop {
        let turn = turn.filter(|turn| self.rollout.graph().codex_turns.contains_key(*turn));
        let to = turn.map_or_else(|| Node::Thread(thread.clone()), |turn| Node::Turn(turn.clone()));
        self.hop(relation, to, Certainty::Recorded, evidence)
    }

    fn of_turn(&self, id: &CodexTurnId) -> Vec<Hop> {
        let (graph, index) = (self.rollout.graph(), self.rollout.index());
        let Some(turn) = graph.codex_turns.get(id) else { return Vec::new() };
        let input = self.rollout.input_of(turn);
        if let Some(item) = input.and_then(|item| graph.conversation_items.get(&item)) {
            return vec![self.hop(Cause::BeganWith, Node::Item(item.item_id), Certainty::Matched, shown(item))];
        }
        let started = index.turn_starts().of_turn(id);
        if let Some((start, parent)) = started.and_then(|start| Some((start, start.parent?))) {
            let evidence = (Some(start.seq), Some(start.payload));
            return vec![self.hop(Cause::BegunBy, Node::Turn(parent.clone()), Certainty::Recorded, evidence)];
        }
        let evidence = (Some(turn.execution.started_seq), None);
        vec![self.hop(Cause::BegunBy, Node::Thread(turn.thread_id.clone()), Certainty::Recorded, evidence)]
    }

    fn of_thread(&self, id: &ThreadId) -> Vec<Hop> {
        let graph = self.rollout.graph();
        let Some(thread) = graph.threads.get(id) else { return Vec::new() };
        let evidence = self.started(thread.execution.started_seq, thread.raw_metadata_payload_id.as_ref());
        match &thread.origin {
            ThreadOrigin::Spawned { parent_thread_id, spawn_edge_id, .. } => {
                let to = match graph.interaction_edges.contains_key(spawn_edge_id) {
                    true => Node::Edge(spawn_edge_id.clone()),
                    false => Node::Thread(parent_thread_id.clone()),
                };
                vec![self.hop(Cause::SpawnedBy, to, Certainty::Recorded, evidence)]
            }
            ThreadOrigin::Root | ThreadOrigin::Unknown if *id == graph.root_thread_id => {
                vec![self.root("rollout", Certainty::Recorded, evidence)]
            }
            ThreadOrigin::Root | ThreadOrigin::Unknown => Vec::new(),
        }
    }

    fn of_edge(&self, edge: &InteractionEdge) -> Vec<Hop> {
        let payload = edge.carried_raw_payload_ids.first();
        if edge.kind == InteractionKind::AgentResult {
            let evidence = (Some(edge.started_seq), payload);
            return match &edge.source {
                Anchor::ConversationItem { item_id } => {
                    let hop = self.hop(Cause::ReportedBy, Node::Item(*item_id), Certainty::Matched, evidence);
                    vec![Hop { note: Some("the last assistant message of the agent's turn".to_owned()), ..hop }]
                }
                Anchor::Thread { thread_id } => {
                    vec![self.hop(Cause::ReportedBy, Node::Thread(thread_id.clone()), Certainty::Recorded, evidence)]
                }
                Anchor::ToolCall { .. } => Vec::new(),
            };
        }
        let Anchor::ToolCall { tool_call_id } = &edge.source else { return Vec::new() };
        let call = self.rollout.graph().tool_calls.get(tool_call_id);
        let seq = call
            .zip(payload)
            .and_then(|(call, payload)| named_by(self.rollout, call, payload))
            .unwrap_or(edge.started_seq);
        let to = Node::ToolCall(tool_call_id.clone());
        vec![self.hop(Cause::SentBy, to, Certainty::Recorded, (Some(seq), payload))]
    }

    fn of_tool_call(&self, call: &ToolCall) -> Vec<Hop> {
        let evidence = self.started(call.execution.started_seq, call.raw_invocation_payload_id.as_ref());
        let recorded = Certainty::Recorded;
        let item = call.model_visible_call_item_ids.first();
        let mut hops: Vec<_> =
            item.map(|item| self.hop(Cause::CalledIn, Node::Item(*item), recorded, evidence)).into_iter().collect();
        if let Requester::CodeCell { code_cell_id } = &call.requester {
            hops.push(self.hop(Cause::RunBy, Node::CodeCell(code_cell_id.clone()), recorded, evidence));
        }
        if hops.is_empty()
            && let Some(turn) = &call.started_by_codex_turn_id
        {
            hops.push(self.hop(Cause::BegunBy, Node::Turn(turn.clone()), recorded, evidence));
        }
        hops
    }
}

fn request<'g>(rollout: &Rollout<'_>, call: &'g InferenceCall) -> Evidence<'g> {
    let payload = call.raw_request_payload_id.as_ref();
    (Some(rollout.facts().naming(call.execution.started_seq, payload)), payload)
}

fn checkpoint(compaction: &Compaction) -> Evidence<'_> {
    (Some(compaction.installed_seq), compaction.raw_checkpoint_payload_id.as_ref())
}

/// Returns where an item was first shown.
fn shown(item: &ConversationItem) -> Evidence<'_> {
    match &item.shown {
        Some(shown) => (Some(shown.seq), Some(&shown.payload_id)),
        None => (Some(item.first_seen_seq), item.accepted_payload_id.as_ref()),
    }
}

/// Returns the payload of the event that showed an item first, which may be an acceptance.
pub(crate) fn first_seen_payload(item: &ConversationItem) -> Option<&RawPayloadId> {
    item.accepted_payload_id.as_ref().or_else(|| Some(&item.shown.as_ref()?.payload_id))
}

/// Returns the event that names a payload of a tool call.
fn named_by(rollout: &Rollout<'_>, call: &ToolCall, payload: &RawPayloadId) -> Option<Seq> {
    if call.raw_invocation_payload_id.as_ref() == Some(payload) {
        return Some(rollout.facts().naming(call.execution.started_seq, Some(payload)));
    }
    if call.raw_result_payload_id.as_ref() == Some(payload) {
        return call.execution.ended_seq.map(|seq| rollout.facts().naming(seq, Some(payload)));
    }
    call.runtime_started.filter(|_| call.raw_runtime_payload_ids.first() == Some(payload)).map(|start| start.seq)
}
