//! Edges between agents of which only the conversations tell.
//!
//! Where nothing reports how agents spawn others, a call of one thread that holds the task of another is taken to have
//! spawned it, if only one call does and only one thread fits.
//!
//! Source: wires, section 7.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_model::{
    AgentThread, Anchor, BodyPart, ConversationItem, EvidenceGrade, InferenceCall, InteractionEdge, InteractionKind,
    ItemId, ItemKind, Role, ThreadOrigin, ToolCall,
};
use rollout_trace_schema::{CodexTurnId, EdgeId, ExecutionStatus, InferenceCallId, ThreadId, ToolCallId, ToolKind};

use super::interactions::replace_edge;
use crate::{
    conversation::Conversations,
    fingerprint::Fingerprint,
    graph::Graph,
    item::task_fingerprint,
    map::{HashMap, HashSet},
};

/// Adds the edges that follow from the conversations.
pub(crate) fn infer_edges(graph: &mut Graph, conversations: &Conversations) {
    let calls_of = calls_by_thread(graph);
    let spawns = Spawns::of(graph, conversations, &calls_of).decide();
    for (child, tool) in &spawns {
        add_spawn(graph, conversations, child, tool);
    }
    let results = results(graph, &spawns);
    for edge in results {
        replace_edge(graph, &edge.edge_id.clone(), Some(&edge));
    }
}

/// Returns the inference calls of each thread, in the order in which they started.
fn calls_by_thread(graph: &Graph) -> HashMap<ThreadId, Vec<InferenceCallId>> {
    let mut calls: Vec<_> = graph.inference_calls.values().collect();
    calls.sort_by_key(|call| (call.execution.started_seq, &call.inference_call_id));
    let mut by_thread: HashMap<ThreadId, Vec<_>> = HashMap::default();
    for call in calls {
        by_thread.entry(call.thread_id.clone()).or_default().push(call.inference_call_id.clone());
    }
    by_thread
}

/// A thread that another one may have spawned.
struct Child<'g> {
    thread: &'g AgentThread,
    first_call: &'g InferenceCall,
    /// The texts of its first request that may be its task.
    texts: HashSet<Fingerprint>,
    /// The ids by which others may refer to it.
    own_ids: Vec<&'g str>,
}

/// Which calls may have spawned which threads.
struct Spawns<'g> {
    graph: &'g Graph,
    children: Vec<Child<'g>>,
    /// The calls whose arguments hold each text.
    by_task: HashMap<Fingerprint, Vec<&'g ToolCall>>,
    /// The threads whose first request shows each text.
    by_text: HashMap<Fingerprint, Vec<&'g ThreadId>>,
}

impl<'g> Spawns<'g> {
    fn of(graph: &'g Graph, conversations: &Conversations, calls_of: &HashMap<ThreadId, Vec<InferenceCallId>>) -> Self {
        let mut by_task: HashMap<_, Vec<_>> = HashMap::default();
        for tool in graph.tool_calls.values() {
            let errands = tool.model_visible_call_item_ids.iter().filter_map(|item| conversations.errand(*item));
            let tasks: BTreeSet<_> = errands.flat_map(|errand| errand.tasks.iter().copied()).collect();
            tasks.into_iter().for_each(|task| by_task.entry(task).or_default().push(tool));
        }
        let mut by_text: HashMap<_, Vec<_>> = HashMap::default();
        let mut children = Vec::new();
        for thread in graph.threads.values() {
            let Some(first) = calls_of.get(&thread.thread_id).and_then(|calls| calls.first()) else { continue };
            let first_call = &graph.inference_calls[first];
            let texts = first_call.request_item_ids.iter().flat_map(|item| tasks_in(&graph.conversation_items[&item]));
            let texts: HashSet<_> = texts.collect();
            texts.iter().for_each(|text| by_text.entry(*text).or_default().push(&thread.thread_id));
            children.push(Child { thread, first_call, texts, own_ids: own_ids(graph, thread) });
        }
        children.sort_by_key(|child| (child.first_call.execution.started_seq, &child.thread.thread_id));
        Self { graph, children, by_task, by_text }
    }

    /// Returns the call that spawned each thread, if there is exactly one.
    fn decide(self) -> BTreeMap<ThreadId, ToolCallId> {
        let mut decided = BTreeMap::new();
        let mut undecided = Vec::new();
        for child in &self.children {
            match self.named_by(child).as_slice() {
                [] => undecided.push(child),
                [call] => _ = decided.insert(child.thread.thread_id.clone(), call.tool_call_id.clone()),
                _ => {}
            }
        }
        keep_single(&mut decided);
        let taken: HashSet<_> = decided.values().cloned().collect();
        let mut by_task = BTreeMap::new();
        for child in undecided {
            if let [call] = self.with_task_of(child).as_slice()
                && !taken.contains(&call.tool_call_id)
            {
                by_task.insert(child.thread.thread_id.clone(), call.tool_call_id.clone());
            }
        }
        keep_single(&mut by_task);
        decided.extend(by_task);
        decided
    }

    /// Returns the calls that spawn agents and whose outputs name the child.
    fn named_by(&self, child: &Child<'_>) -> Vec<&'g ToolCall> {
        if child.own_ids.is_empty() {
            return Vec::new();
        }
        let names = |tool: &&ToolCall| {
            let outputs = tool.model_visible_output_item_ids.iter();
            outputs.map(|item| text(&self.graph.conversation_items[item])).any(|text| holds(&text, &child.own_ids))
        };
        let spawning = self.graph.tool_calls.values().filter(|tool| tool.kind == ToolKind::SpawnAgent);
        spawning.filter(|tool| self.may_spawn(tool, child)).filter(names).collect()
    }

    /// Returns the calls with an argument that is a text of the child's first request, and of no other thread's.
    fn with_task_of(&self, child: &Child<'_>) -> Vec<&'g ToolCall> {
        let mut found: BTreeMap<&ToolCallId, &ToolCall> = BTreeMap::new();
        let mut is_ambiguous = false;
        for text in &child.texts {
            for tool in self.by_task.get(text).into_iter().flatten().filter(|tool| self.may_spawn(tool, child)) {
                let others = self.by_text.get(text).into_iter().flatten();
                is_ambiguous |= { others }.any(|other| **other != child.thread.thread_id && **other != tool.thread_id);
                found.insert(&tool.tool_call_id, tool);
            }
        }
        if is_ambiguous { Vec::new() } else { found.into_values().collect() }
    }

    /// Returns whether a call can have spawned a child: another thread, which is the child's parent if that is known, made
    /// it before the child's first request.
    fn may_spawn(&self, tool: &ToolCall, child: &Child<'_>) -> bool {
        let is_of_parent = match &child.thread.origin {
            ThreadOrigin::Spawned { parent_thread_id, .. } => tool.thread_id == *parent_thread_id,
            _ => tool.thread_id != child.thread.thread_id,
        };
        let made = tool.model_visible_call_item_ids.first();
        let made = made.map(|item| self.graph.conversation_items[item].first_seen_seq);
        is_of_parent && made.is_some_and(|made| made < child.first_call.execution.started_seq)
    }
}

/// Removes the calls that seem to have spawned several threads.
fn keep_single(spawns: &mut BTreeMap<ThreadId, ToolCallId>) {
    let mut counts: HashMap<ToolCallId, usize> = HashMap::default();
    for tool in spawns.values() {
        *counts.entry(tool.clone()).or_default() += 1;
    }
    spawns.retain(|_, tool| counts[tool] == 1);
}

/// Returns the ids of a thread that name no other thread.
fn own_ids<'g>(graph: &Graph, thread: &'g AgentThread) -> Vec<&'g str> {
    let is_own = |of: fn(&AgentThread) -> Option<&String>, id: &&String| {
        graph.threads.values().filter(|other| of(other) == Some(*id)).count() == 1
    };
    let agent = thread.agent_id.as_ref().filter(|id| is_own(|thread| thread.agent_id.as_ref(), id));
    let session = thread.session_id.as_ref().filter(|id| is_own(|thread| thread.session_id.as_ref(), id));
    agent.into_iter().chain(session).map(String::as_str).filter(|id| !id.is_empty()).collect()
}

/// Returns the fingerprints of the texts of an item that may be an agent's task.
fn tasks_in(item: &ConversationItem) -> Vec<Fingerprint> {
    let is_message = item.kind == ItemKind::Message && (item.role == Role::User || item.agent_message.is_some());
    let task = |part: &BodyPart| match part {
        BodyPart::Text { text } => task_fingerprint(text),
        BodyPart::Encoded { value, .. } if item.agent_message.is_some() => task_fingerprint(value),
        _ => None,
    };
    if is_message { item.body.parts.iter().filter_map(task).collect() } else { Vec::new() }
}

/// Returns the texts of an item, in lines.
fn text(item: &ConversationItem) -> String {
    let part = |part: &BodyPart| match part {
        BodyPart::Text { text } | BodyPart::Summary { text } => Some(text.clone()),
        BodyPart::Json { summary, .. } => Some(summary.clone()),
        BodyPart::Encoded { value, .. } => Some(value.clone()),
        BodyPart::Code { .. } | BodyPart::PayloadRef { .. } => None,
    };
    item.body.parts.iter().filter_map(part).collect::<Vec<_>>().join("\n")
}

fn holds(text: &str, ids: &[&str]) -> bool {
    ids.iter().any(|id| text.contains(id))
}

fn add_spawn(graph: &mut Graph, conversations: &Conversations, child: &ThreadId, tool: &ToolCallId) {
    let call = &graph.tool_calls[tool];
    let parent = call.thread_id.clone();
    let mut errands = call.model_visible_call_item_ids.iter().filter_map(|item| conversations.errand(*item));
    let agent_role = errands.find_map(|errand| errand.role.clone()).unwrap_or_default();
    let edge_id = EdgeId::from(format!("edge:spawn:{parent}:{child}"));
    let edge = InteractionEdge {
        edge_id: edge_id.clone(),
        kind: InteractionKind::SpawnAgent,
        source: Anchor::ToolCall { tool_call_id: tool.clone() },
        target: Anchor::Thread { thread_id: child.clone() },
        started_at_unix_ms: call.execution.started_at_unix_ms,
        ended_at_unix_ms: None,
        carried_item_ids: Vec::new(),
        carried_raw_payload_ids: Vec::new(),
        started_seq: call.execution.started_seq,
        ended_seq: None,
        delivered_seq: None,
        evidence: Some(EvidenceGrade::Inferred),
        evidence_source: None,
    };
    replace_edge(graph, &edge_id, Some(&edge));
    graph.object_mut(child).origin = ThreadOrigin::Spawned {
        parent_thread_id: parent,
        spawn_edge_id: edge_id,
        task_name: String::new(),
        agent_role,
    };
}

/// Returns the edges of what children said last to their parents.
///
/// Source: wires, section 7.2.
fn results(graph: &Graph, spawns: &BTreeMap<ThreadId, ToolCallId>) -> Vec<InteractionEdge> {
    let mut last_calls: BTreeMap<(&ThreadId, &CodexTurnId), &InferenceCall> = BTreeMap::new();
    for call in graph.inference_calls.values() {
        let Some(turn) = call.codex_turn_id.as_ref().filter(|_| call.execution.status == ExecutionStatus::Completed)
        else {
            continue;
        };
        let last = last_calls.entry((&call.thread_id, turn)).or_insert(call);
        if call.execution.started_seq > last.execution.started_seq {
            *last = call;
        }
    }
    let mut received: HashMap<&ThreadId, Vec<(ItemId, String)>> = HashMap::default();
    let mut edges = Vec::new();
    for ((child, turn), call) in last_calls {
        let Some(ThreadOrigin::Spawned { parent_thread_id: parent, .. }) =
            graph.threads.get(child).map(|thread| &thread.origin)
        else {
            continue;
        };
        let is_message = |item: &&ItemId| graph.conversation_items[*item].kind == ItemKind::Message;
        let Some(said) = call.response_item_ids.iter().rev().find(is_message) else { continue };
        let (Some(since), result) = (call.execution.ended_seq, text(&graph.conversation_items[said])) else { continue };
        if result.trim().is_empty() {
            continue;
        }
        let candidates = received.entry(parent).or_insert_with(|| received_by(graph, parent));
        let after = candidates.partition_point(|(item, _)| graph.conversation_items[item].first_seen_seq <= since);
        let found: Vec<_> = candidates[after..].iter().filter(|(_, text)| text.contains(&result)).collect();
        let call_id = spawns.get(child).and_then(|tool| graph.tool_calls[tool].model_visible_call_id.as_ref());
        let mut ids = own_ids(graph, &graph.threads[child]);
        ids.extend(call_id.map(|id| id.as_str()));
        let is_about_child = |(item, text): &&&(ItemId, String)| {
            let own = &graph.conversation_items[item].call_id;
            (own.is_some() && own.as_ref() == call_id) || holds(text, &ids)
        };
        let target = match (found.iter().find(is_about_child), found.as_slice()) {
            (Some((target, _)), _) | (None, [(target, _)]) => *target,
            _ => continue,
        };
        let arrived = &graph.conversation_items[&target];
        edges.push(InteractionEdge {
            edge_id: EdgeId::from(format!("edge:agent_result:{child}:{turn}:{parent}")),
            kind: InteractionKind::AgentResult,
            source: Anchor::ConversationItem { item_id: *said },
            target: Anchor::ConversationItem { item_id: target },
            started_at_unix_ms: call.execution.ended_at_unix_ms.unwrap_or(call.execution.started_at_unix_ms),
            ended_at_unix_ms: Some(arrived.first_seen_at_unix_ms),
            carried_item_ids: vec![target],
            carried_raw_payload_ids: Vec::new(),
            started_seq: since,
            ended_seq: Some(arrived.first_seen_seq),
            delivered_seq: Some(arrived.first_seen_seq),
            evidence: Some(EvidenceGrade::Inferred),
            evidence_source: None,
        });
    }
    edges
}

/// Returns the items that a thread's model was shown and did not say itself, with their texts, in the order in which they
/// were first seen.
fn received_by(graph: &Graph, thread: &ThreadId) -> Vec<(ItemId, String)> {
    let Some(thread) = graph.threads.get(thread) else { return Vec::new() };
    let items = thread.conversation_item_ids.iter().map(|item| &graph.conversation_items[item]);
    let is_received = |item: &&ConversationItem| item.role != Role::Assistant || item.agent_message.is_some();
    let mut received: Vec<_> = items.filter(is_received).collect();
    received.sort_by_key(|item| (item.first_seen_seq, item.item_id));
    received.into_iter().map(|item| (item.item_id, text(item))).collect()
}
