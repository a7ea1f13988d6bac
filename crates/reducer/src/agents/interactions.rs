//! The edges between agents, kept up to date.
//!
//! An item carries one message, and messages with the same address choose their items in the order in which they were
//! sent. So the item as which a message arrives depends only on the other messages with its address. After a change,
//! only the observations that share an address or an edge with what changed are matched again.
//!
//! Source: reduction, sections 12.2 to 12.5.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_model::{
    Anchor, DiagnosticCode, InferredProducer, InteractionEdge, InteractionKind, ItemId, ObjectRef, PlainDelivery,
    ProducerRef, ToolCall, UndeliveredMessage,
};
use rollout_trace_schema::{AgentPath, AgentResultObserved, EdgeId, RawPayloadId, ResponsesItemId, Seq, ThreadId};

use super::{
    mail::{Address, Mail, Seen, ThreadTurn, address},
    observations::{Activity, AgentResult, Agents, Observation, interaction},
    plain::PlainMessages,
};
use crate::{
    graph::Graph,
    map::{HashMap, HashSet},
    report::Report,
};

/// Keeps the edges between agents up to date with what was observed and with the objects that changed.
#[derive(Debug, Default)]
pub(crate) struct Interactions {
    mail: Mail,
    /// How many superseded messages have been filed.
    superseded: usize,
    paths: HashMap<ThreadId, AgentPath>,
    /// What each observation depends on, and its outcome.
    states: Vec<State>,
    by_address: HashMap<Address, BTreeSet<usize>>,
    by_edge: HashMap<EdgeId, BTreeSet<usize>>,
    by_thread: HashMap<ThreadId, BTreeSet<usize>>,
    /// The results of each turn, in the order of the events that observed them.
    by_turn: HashMap<ThreadTurn, BTreeSet<(Seq, usize)>>,
    /// The results whose producer names the item that carries them, until the item is seen.
    awaited: HashMap<(ThreadId, ResponsesItemId), usize>,
    /// The items that were named and seen.
    delivered: HashMap<usize, ItemId>,
}

/// What one observation depends on, and its outcome.
#[derive(Debug, Default)]
struct State {
    address: Option<Address>,
    edge: Option<EdgeId>,
    outcome: Outcome,
}

/// The outcome of an observation.
#[derive(Debug, Default)]
enum Outcome {
    /// There is nothing to report: it made an edge, or it is not an interaction between agents.
    #[default]
    Fine,
    /// The message was never seen to arrive, or the agent's thread was never seen.
    Undelivered,
    /// A tool of this kind does not perform the activity.
    Mismatch,
    /// The thread that sent or received the result was never started.
    UnknownThread(ThreadId),
}

/// What must be matched again.
#[derive(Debug, Default)]
struct Stale {
    observations: BTreeSet<usize>,
    addresses: HashSet<Address>,
    edges: BTreeSet<EdgeId>,
}

/// One matching of stale observations with items, and the edges that it makes.
struct Matching<'a> {
    graph: &'a Graph,
    mail: &'a Mail,
    paths: &'a HashMap<ThreadId, AgentPath>,
    free: HashMap<Address, Free>,
    edges: BTreeMap<EdgeId, InteractionEdge>,
}

/// The items at one address that no message has taken.
#[derive(Default)]
struct Free {
    all: BTreeSet<Seen>,
    /// Those that are not a compaction's copy.
    originals: BTreeSet<Seen>,
}

impl Free {
    fn of(graph: &Graph, items: impl Iterator<Item = Seen>) -> Self {
        let all: BTreeSet<_> = items.collect();
        let originals = all.iter().copied().filter(|&(_, item)| !is_copy(graph, item)).collect();
        Self { all, originals }
    }

    fn remove(&mut self, seen: &Seen) {
        self.all.remove(seen);
        self.originals.remove(seen);
    }
}

impl Interactions {
    /// Brings the edges up to date. `superseded` holds the accepted content of each message that a payload later showed
    /// with other content.
    pub(crate) fn refresh(
        &mut self,
        graph: &mut Graph,
        agents: &mut Agents,
        superseded: &[(ItemId, String)],
        changed: &[ObjectRef],
    ) {
        self.states.resize_with(agents.len(), State::default);
        let mut stale = Stale::default();
        stale.observations.extend(agents.take_fresh());
        for &place in &stale.observations {
            if let Observation::Result(result) = agents.get(place)
                && let Some(item) = &result.event.delivered_item_id
            {
                self.awaited.insert((result.event.parent_thread_id.clone(), item.clone()), place);
            }
        }
        for (item, content) in &superseded[self.superseded..] {
            stale.addresses.extend(self.mail.file_accepted(&graph.conversation_items[item], content));
        }
        self.superseded = superseded.len();
        for object in changed {
            self.note_changed(graph, agents, object, &mut stale);
        }
        for place in stale.observations.clone() {
            self.readdress(graph, agents, place, &mut stale);
        }
        self.spread(&mut stale);
        let edges = self.match_anew(graph, agents, &stale);
        for id in stale.edges {
            replace_edge(graph, &id, edges.get(&id));
        }
    }

    fn note_changed(&mut self, graph: &Graph, agents: &Agents, object: &ObjectRef, stale: &mut Stale) {
        match object {
            ObjectRef::ConversationItem(id) => {
                let item = &graph.conversation_items[id];
                if !self.awaited.is_empty()
                    && let Some(name) = &item.responses_item_id
                    && let Some(place) = self.awaited.remove(&(item.thread_id.clone(), name.clone()))
                {
                    self.delivered.insert(place, *id);
                    stale.observations.insert(place);
                }
                stale.addresses.extend(self.mail.file(item));
                if let Some(turn) = self.mail.file_speech(item) {
                    self.note_speech(&turn, item.first_seen_seq, stale);
                }
            }
            ObjectRef::Thread(id) => {
                let path = &graph.threads[id].agent_path;
                if self.paths.get(id) != Some(path) {
                    self.paths.insert(id.clone(), path.clone());
                    stale.observations.extend(self.by_thread.get(id).into_iter().flatten());
                }
            }
            ObjectRef::ToolCall(id) => stale.observations.extend(agents.of_tool(id)),
            _ => {}
        }
    }

    /// Marks the results whose source may change because a turn said something at this seq: those that were observed
    /// later, and those that were observed before the turn said anything.
    fn note_speech(&self, turn: &ThreadTurn, seq: Seq, stale: &mut Stale) {
        let Some(results) = self.by_turn.get(turn) else { return };
        let first = self.mail.first_speech(turn).unwrap_or(Seq::MAX).max(seq);
        let later = results.range((seq, 0)..);
        stale.observations.extend(later.map(|&(_, place)| place));
        let sourceless = results.range(..=(first, usize::MAX));
        stale.observations.extend(sourceless.map(|&(_, place)| place));
    }

    /// Updates what an observation depends on.
    fn readdress(&mut self, graph: &Graph, agents: &Agents, place: usize, stale: &mut Stale) {
        let (threads, address, edge) = match agents.get(place) {
            Observation::Activity(activity) => self.dependencies_of_activity(graph, agents, activity),
            Observation::Result(result) => {
                let event = &result.event;
                let turn = (event.child_thread_id.clone(), event.child_codex_turn_id.clone());
                self.by_turn.entry(turn).or_default().insert((result.seq, place));
                let threads = [event.child_thread_id.clone(), event.parent_thread_id.clone()];
                let address = self.address(&event.child_thread_id, &event.parent_thread_id, &event.message);
                (threads.to_vec(), address, Some(event.edge_id.clone()))
            }
        };
        for thread in threads {
            self.by_thread.entry(thread).or_default().insert(place);
        }
        let state = &mut self.states[place];
        if let Some(old) = std::mem::replace(&mut state.address, address)
            && Some(old) != address
        {
            self.by_address.entry(old).or_default().remove(&place);
            stale.addresses.insert(old);
        }
        if let Some(address) = address {
            self.by_address.entry(address).or_default().insert(place);
            stale.addresses.insert(address);
        }
        if let Some(old) = std::mem::replace(&mut state.edge, edge.clone())
            && Some(&old) != edge.as_ref()
        {
            self.by_edge.entry(old.clone()).or_default().remove(&place);
            stale.edges.insert(old);
        }
        if let Some(edge) = edge {
            self.by_edge.entry(edge.clone()).or_default().insert(place);
            stale.edges.insert(edge);
        }
    }

    fn dependencies_of_activity(
        &self,
        graph: &Graph,
        agents: &Agents,
        activity: &Activity,
    ) -> (Vec<ThreadId>, Option<Address>, Option<EdgeId>) {
        let call = &graph.tool_calls[&activity.tool];
        let kind = interaction(&call.kind).filter(|&kind| activity.fits(kind));
        let (Some(kind), Some(target)) = (kind, &activity.target) else { return (Vec::new(), None, None) };
        let message = agents.message(activity).filter(|_| kind != InteractionKind::CloseAgent);
        let address = message.and_then(|message| self.address(&call.thread_id, target, message));
        let edge = edge_id(kind, activity.sender.as_ref().unwrap_or(&call.thread_id), activity, target);
        (vec![call.thread_id.clone(), target.clone()], address, Some(edge))
    }

    fn address(&self, sender: &ThreadId, target: &ThreadId, message: &str) -> Option<Address> {
        Some(address(target, [self.paths.get(sender)?, self.paths.get(target)?, message]))
    }

    /// Adds everything that shares an address, an item or an edge with what is stale.
    fn spread(&self, stale: &mut Stale) {
        let mut addresses: Vec<_> = stale.addresses.iter().copied().collect();
        let mut edges: Vec<_> = stale.edges.iter().cloned().collect();
        let mut observations: Vec<usize> = Vec::new();
        loop {
            if let Some(address) = addresses.pop() {
                observations.extend(self.by_address.get(&address).into_iter().flatten());
                let others = self.mail.items(address).flat_map(|(_, item)| self.mail.addresses(item));
                addresses.extend(others.filter(|&other| stale.addresses.insert(other)));
            } else if let Some(edge) = edges.pop() {
                observations.extend(self.by_edge.get(&edge).into_iter().flatten());
            } else if let Some(place) = observations.pop() {
                if !stale.observations.insert(place) {
                    continue;
                }
                let state = &self.states[place];
                addresses.extend(state.address.filter(|&address| stale.addresses.insert(address)));
                edges.extend(state.edge.clone().filter(|edge| stale.edges.insert(edge.clone())));
            } else {
                return;
            }
        }
    }

    /// Matches the stale observations with items, in order, and returns the edges that they make.
    fn match_anew(&mut self, graph: &Graph, agents: &Agents, stale: &Stale) -> BTreeMap<EdgeId, InteractionEdge> {
        let free_at = |&address: &Address| (address, Free::of(graph, self.mail.items(address)));
        let free = stale.addresses.iter().map(free_at).collect();
        let edges = BTreeMap::new();
        let mut matching = Matching { graph, mail: &self.mail, paths: &self.paths, free, edges };
        let mut places: Vec<_> = stale.observations.iter().copied().collect();
        places.sort_unstable_by_key(|&place| agents.rank(place));
        for place in places {
            let state = &mut self.states[place];
            state.outcome = match agents.get(place) {
                Observation::Activity(activity) => matching.match_activity(activity, state.address),
                Observation::Result(result) => {
                    matching.match_result(result, state.address, self.delivered.get(&place).copied())
                }
            };
        }
        matching.edges.values_mut().for_each(list_once);
        matching.edges
    }

    /// Reports the interactions that made no edge, and lists the messages that were never seen to arrive.
    pub(crate) fn finish(&self, graph: &mut Graph, agents: &Agents, report: &mut Report) {
        let mut places: Vec<_> = (0..self.states.len()).collect();
        places.sort_unstable_by_key(|&place| agents.rank(place));
        let mut plain = None;
        for place in places {
            match (&self.states[place].outcome, agents.get(place)) {
                (Outcome::Fine, _) => {}
                (Outcome::UnknownThread(thread), Observation::Result(result)) => {
                    let message =
                        format!("an agent's result names thread {thread}, which was never started; it has no edge");
                    let ids = vec![thread.to_string(), result.event.edge_id.to_string()];
                    report.end(DiagnosticCode::UnknownThread, ids, message);
                }
                (Outcome::Mismatch, Observation::Activity(activity)) => report_mismatch(report, activity),
                (_, Observation::Activity(activity)) => {
                    let Some(kind) = interaction(&graph.tool_calls[&activity.tool].kind) else { continue };
                    let message = UndeliveredMessage {
                        kind,
                        tool_call_id: Some(activity.tool.clone()),
                        target_thread_id: activity.target.clone(),
                        message: agents.message(activity).cloned(),
                        edge_id: self.states[place].edge.clone(),
                        seq: activity.seq,
                        raw_payload_ids: payloads(&graph.tool_calls[&activity.tool]),
                    };
                    let plain = plain.get_or_insert_with(|| PlainMessages::of(graph));
                    let item =
                        message.message.as_ref().zip(message.target_thread_id.as_ref()).and_then(|(text, to)| {
                            plain.take_text(to, text, graph.tool_calls[&activity.tool].execution.started_seq)
                        });
                    list_message(graph, report, message, item);
                }
                (_, Observation::Result(result)) => {
                    let message = UndeliveredMessage {
                        kind: InteractionKind::AgentResult,
                        tool_call_id: None,
                        target_thread_id: Some(result.event.parent_thread_id.clone()),
                        message: Some(result.event.message.clone()),
                        edge_id: Some(result.event.edge_id.clone()),
                        seq: result.seq,
                        raw_payload_ids: carried(&result.event).collect(),
                    };
                    let plain = plain.get_or_insert_with(|| PlainMessages::of(graph));
                    let (threads, text) =
                        ((&result.event.parent_thread_id, &result.event.child_thread_id), &result.event.message);
                    let item = plain.report(graph, threads, text, result.seq);
                    list_message(graph, report, message, item);
                }
            }
        }
    }
}

impl Matching<'_> {
    /// Source: reduction, sections 12.2 and 12.3.
    fn match_activity(&mut self, activity: &Activity, address: Option<Address>) -> Outcome {
        let call = &self.graph.tool_calls[&activity.tool];
        let (Some(kind), Some(target)) = (interaction(&call.kind), &activity.target) else { return Outcome::Fine };
        if !activity.fits(kind) {
            return Outcome::Mismatch;
        }
        let edge_id = edge_id(kind, activity.sender.as_ref().unwrap_or(&call.thread_id), activity, target);
        let item = match kind {
            InteractionKind::CloseAgent => None,
            _ => address
                .and_then(|address| self.take(address, call.execution.started_seq))
                .or_else(|| self.arrived_before(&edge_id)),
        };
        let may_end_in_thread = matches!(kind, InteractionKind::CloseAgent | InteractionKind::SpawnAgent);
        let anchor = match item {
            Some(item_id) => Anchor::ConversationItem { item_id },
            None if may_end_in_thread && self.paths.contains_key(target) => {
                Anchor::Thread { thread_id: target.clone() }
            }
            None => return Outcome::Undelivered,
        };
        self.add(InteractionEdge {
            edge_id,
            kind,
            source: Anchor::ToolCall { tool_call_id: activity.tool.clone() },
            target: anchor,
            started_at_unix_ms: call.execution.started_at_unix_ms,
            ended_at_unix_ms: activity.ended_at,
            carried_item_ids: item.into_iter().collect(),
            carried_raw_payload_ids: payloads(call),
            started_seq: call.execution.started_seq,
            ended_seq: activity.ended_at.map(|_| activity.seq),
            delivered_seq: self.first_seen(item),
            evidence: activity.evidence.clone(),
            evidence_source: activity.source,
        });
        Outcome::Fine
    }

    /// Source: reduction, section 12.4.
    fn match_result(&mut self, result: &AgentResult, address: Option<Address>, delivered: Option<ItemId>) -> Outcome {
        let event = &result.event;
        let mut threads = [&event.child_thread_id, &event.parent_thread_id].into_iter();
        if let Some(thread) = threads.find(|id| !self.paths.contains_key(*id)) {
            return Outcome::UnknownThread(thread.clone());
        }
        let item = delivered.or_else(|| self.arrived_before(&event.edge_id)).or_else(|| self.take(address?, 0));
        let Some(item) = item else { return Outcome::Undelivered };
        let turn = (event.child_thread_id.clone(), event.child_codex_turn_id.clone());
        let source = match self.mail.last_speech(&turn, result.seq) {
            Some(item_id) => Anchor::ConversationItem { item_id },
            None => Anchor::Thread { thread_id: event.child_thread_id.clone() },
        };
        self.add(InteractionEdge {
            edge_id: event.edge_id.clone(),
            kind: InteractionKind::AgentResult,
            source,
            target: Anchor::ConversationItem { item_id: item },
            started_at_unix_ms: result.time,
            ended_at_unix_ms: Some(result.time),
            carried_item_ids: vec![item],
            carried_raw_payload_ids: carried(event).collect(),
            started_seq: result.seq,
            ended_seq: Some(result.seq),
            delivered_seq: self.first_seen(Some(item)),
            evidence: result.evidence.clone(),
            evidence_source: result.source,
        });
        Outcome::Fine
    }

    /// Takes the first free item with this address that was first seen after the message was sent, else the first that
    /// is not a compaction's copy.
    ///
    /// Source: reduction, section 12.2.
    fn take(&mut self, address: Address, sent: Seq) -> Option<ItemId> {
        let free = self.free.get(&address)?;
        let later = free.all.range((sent.saturating_add(1), ItemId(0))..).next();
        let (seq, item) = *later.or_else(|| free.originals.first())?;
        for address in self.mail.addresses(item) {
            if let Some(free) = self.free.get_mut(&address) {
                free.remove(&(seq, item));
            }
        }
        Some(item)
    }

    /// Returns the target item of an edge, if an earlier observation of the edge found one.
    fn arrived_before(&self, edge_id: &EdgeId) -> Option<ItemId> {
        match self.edges.get(edge_id)?.target {
            Anchor::ConversationItem { item_id } => Some(item_id),
            _ => None,
        }
    }

    fn first_seen(&self, item: Option<ItemId>) -> Option<Seq> {
        item.map(|item| self.graph.conversation_items[&item].first_seen_seq)
    }

    /// Adds an edge. Two observations of one edge merge.
    ///
    /// Source: reduction, section 12.5.
    fn add(&mut self, edge: InteractionEdge) {
        let Some(known) = self.edges.get_mut(&edge.edge_id) else {
            self.edges.insert(edge.edge_id.clone(), edge);
            return;
        };
        known.started_at_unix_ms = known.started_at_unix_ms.min(edge.started_at_unix_ms);
        known.ended_at_unix_ms = known.ended_at_unix_ms.max(edge.ended_at_unix_ms);
        known.started_seq = known.started_seq.min(edge.started_seq);
        known.ended_seq = known.ended_seq.max(edge.ended_seq);
        if matches!(known.target, Anchor::Thread { .. }) {
            known.target = edge.target;
            known.delivered_seq = edge.delivered_seq;
        }
        known.carried_item_ids.extend(edge.carried_item_ids);
        known.carried_raw_payload_ids.extend(edge.carried_raw_payload_ids);
    }
}

/// Removes the later ones of equal items and payloads from an edge.
fn list_once(edge: &mut InteractionEdge) {
    if edge.carried_item_ids.len() > 1 {
        let mut seen = HashSet::default();
        edge.carried_item_ids.retain(|item| seen.insert(*item));
    }
    if edge.carried_raw_payload_ids.len() > 1 {
        let mut seen = HashSet::default();
        edge.carried_raw_payload_ids.retain(|payload| seen.insert(payload.clone()));
    }
}

fn edge_id(kind: InteractionKind, parent: &ThreadId, activity: &Activity, target: &ThreadId) -> EdgeId {
    match kind {
        InteractionKind::SpawnAgent => EdgeId::from(format!("edge:spawn:{parent}:{target}")),
        _ => EdgeId::from(format!("edge:tool:{}", activity.tool)),
    }
}

/// Returns the payloads of a tool call, each once.
fn payloads(call: &ToolCall) -> Vec<RawPayloadId> {
    let runtime = &call.raw_runtime_payload_ids;
    let payloads = call.raw_invocation_payload_id.iter().chain(runtime).chain(&call.raw_result_payload_id);
    let mut seen = HashSet::default();
    payloads.filter(|id| seen.insert(*id)).cloned().collect()
}

fn carried(result: &AgentResultObserved) -> impl Iterator<Item = RawPayloadId> + '_ {
    result.carried_payload.iter().map(|reference| reference.raw_payload_id.clone())
}

fn is_copy(graph: &Graph, item: ItemId) -> bool {
    let mut producers = graph.conversation_items[&item].produced_by.iter();
    producers.any(|producer| matches!(producer, ProducerRef::Compaction { .. }))
}

/// Adds, replaces or removes an edge of the graph, and updates the inferred producers of its target items.
///
/// Source: reduction, section 13.5.
pub(super) fn replace_edge(graph: &mut Graph, id: &EdgeId, new: Option<&InteractionEdge>) {
    let old = graph.interaction_edges.get(id);
    if old == new {
        return;
    }
    let (old_end, new_end) = (old.and_then(end), new.and_then(end));
    match new {
        Some(edge) => graph.insert(id, edge.clone()),
        None => _ = graph.remove(id),
    }
    if old_end == new_end {
        return;
    }
    let producer = InferredProducer::Edge { edge_id: id.clone() };
    if let Some(item) = old_end {
        graph.object_mut(&item).inferred_producers.retain(|other| *other != producer);
    }
    if let Some(item) = new_end {
        graph.object_mut(&item).inferred_producers.push(producer);
    }
}

/// Returns the target item of an edge, or `None` if its target is a thread.
fn end(edge: &InteractionEdge) -> Option<ItemId> {
    match edge.target {
        Anchor::ConversationItem { item_id } => Some(item_id),
        _ => None,
    }
}

fn report_mismatch(report: &mut Report, activity: &Activity) {
    let name = activity.name.as_deref().unwrap_or_default();
    let message = format!(
        "tool call {} reports that an agent was {name}, which does not fit the tool's kind; it has no edge",
        activity.tool
    );
    report.end(DiagnosticCode::AgentActivityMismatch, vec![activity.tool.to_string()], message);
}

/// Lists a message that was not seen to arrive as a message of an agent. It may have arrived as a plain message of the
/// user, `item`.
fn list_message(graph: &mut Graph, report: &mut Report, message: UndeliveredMessage, item: Option<ItemId>) {
    let tool = message.tool_call_id.as_ref().map(ToString::to_string);
    let target = message.target_thread_id.as_ref().map(ToString::to_string);
    if let (Some(item_id), Some(target_thread_id)) = (item, message.target_thread_id.clone()) {
        let text = format!("a message between agents arrived as the user's message {item_id}, as its text shows");
        let ids = tool.into_iter().chain(target).chain([item_id.to_string()]).collect();
        report.end(DiagnosticCode::DeliveredAsUserMessage, ids, text);
        let UndeliveredMessage { kind, tool_call_id, edge_id, seq, raw_payload_ids, .. } = message;
        let delivery = PlainDelivery { kind, item_id, tool_call_id, target_thread_id, edge_id, seq, raw_payload_ids };
        graph.rollout_mut().plain_deliveries.push(delivery);
        return;
    }
    let text = match message.kind {
        InteractionKind::AgentResult => "an agent's result was never seen to arrive",
        InteractionKind::CloseAgent => "an agent was closed, but its thread was never started",
        _ => "a message to an agent was never seen to arrive",
    };
    let ids = tool.into_iter().chain(target).collect();
    report.end(DiagnosticCode::UndeliveredMessage, ids, text);
    graph.rollout_mut().undelivered_messages.push(message);
}
