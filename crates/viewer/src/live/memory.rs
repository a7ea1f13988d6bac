//! What is remembered of a rollout that grows.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use rollout_trace::{
    answers::{AgentNames, Facts, ItemTokens, Node, Origin},
    model::{
        Anchor, InferenceCall, InteractionKind, ItemId, ItemKind, Marker, ObjectRef, Role, RolloutTrace, ThreadOrigin,
        TokenUsage,
    },
    schema::{CodexTurnId, EdgeId, InferenceCallId, ModelVisibleCallId, Seq, ThreadId, ToolCallId},
};

use crate::things::{Kind, by_start, kind};

/// How many of the last starts of turns are remembered, of a thread or of all threads that the events do not name. A turn
/// begins its requests soon after its start.
const TURN_STARTS: usize = 16;

/// How many of the last messages of a model are remembered. A report to the parent quotes the last one.
const LAST_SAID: usize = 4;

/// The last markers that say that a turn started, and how many markers were searched.
#[derive(Clone, Debug, Default)]
struct TurnStarts {
    searched: usize,
    last: Vec<Marker>,
}

/// What is remembered of a rollout that grows: the numbers of its things, and what rows of new things need of old ones.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    numbers: HashMap<Node, u32>,
    /// The things of each kind in the order of their numbers, with the events that started them.
    things: HashMap<Kind, Vec<(Seq, Node)>>,
    pub(super) agents: Rc<AgentNames>,
    pub(super) tokens: Rc<ItemTokens>,
    /// By the number of the item.
    items: Vec<Known>,
    calls_of_thread: HashMap<ThreadId, Vec<InferenceCallId>>,
    pub(super) request_of_tool: HashMap<ToolCallId, InferenceCallId>,
    pub(super) tool_of_item: HashMap<ItemId, ToolCallId>,
    calls_by_id: HashMap<(ThreadId, ModelVisibleCallId), Vec<ItemId>>,
    pub(super) edges_of_item: HashMap<ItemId, Vec<EdgeId>>,
    /// The interactions that spawned each thread, if they carry their message to the thread as a whole.
    spawns: HashMap<ThreadId, Vec<EdgeId>>,
    /// The threads that each thread spawned.
    children: HashMap<ThreadId, Vec<ThreadId>>,
    /// What the model of each thread said last.
    said: HashMap<ThreadId, Vec<ItemId>>,
    /// An item of each thread that was accepted into its history.
    pub(super) accepted: HashMap<ThreadId, ItemId>,
    pub(super) sums: HashMap<ThreadId, Sums>,
    /// What the agent core said when the last turns started, by the thread that the events name.
    turn_starts: HashMap<Option<ThreadId>, TurnStarts>,
    /// The first turn of each thread, whose input tells a root agent what to do.
    first_turns: HashMap<ThreadId, CodexTurnId>,
    usage: HashMap<InferenceCallId, TokenUsage>,
    counted: HashSet<Node>,
    /// The agents whose sums changed since they were last taken.
    pub(super) changed_sums: HashSet<ThreadId>,
}

/// What is remembered of an item.
#[derive(Clone, Debug, Default)]
struct Known {
    tokens: u64,
    origin: Option<Rc<Origin>>,
    first_carrier: Option<u32>,
    last_carrier: Option<u32>,
    carriers: usize,
}

/// What an agent has done.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) told: Vec<u32>,
    pub(super) gave_back: Vec<u32>,
    pub(super) turns: usize,
    pub(super) requests: usize,
    pub(super) calls: usize,
    pub(super) usage: TokenUsage,
}

/// Says that things have other numbers than before, because one of them was removed or started earlier than was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renumbered;

impl Memory {
    /// Remembers what changed in a graph.
    pub(super) fn note(
        &mut self,
        graph: &RolloutTrace,
        facts: &Facts,
        changed: &[ObjectRef],
    ) -> Result<(), Renumbered> {
        let mut new = Vec::new();
        for (node, seq) in changed.iter().filter_map(|object| Some((node(object)?, object))) {
            let seq = started(graph, seq).ok_or(Renumbered)?;
            match self.numbers.get(&node) {
                None => new.push((seq, node)),
                Some(number) => {
                    let known = self.things.get(&kind(&node)).and_then(|things| things.get(*number as usize));
                    if known.is_some_and(|(known, _)| *known != seq) {
                        return Err(Renumbered);
                    }
                }
            }
        }
        // Nodes of one kind are ordered by their ids, as in the graph.
        new.sort_unstable();
        for (seq, node) in new {
            self.number(seq, node)?;
        }
        if changed.iter().any(|object| matches!(object, ObjectRef::Thread(_))) {
            self.agents = AgentNames::of(graph).into();
        }
        // Items first, because requests carry them.
        let items = changed.iter().filter_map(|object| match object {
            ObjectRef::ConversationItem(item) => Some(*item),
            _ => None,
        });
        for item in items.collect::<BTreeSet<_>>() {
            self.note_item(graph, facts, item)?;
        }
        changed.iter().for_each(|object| self.note_object(graph, object));
        let requests = changed.iter().filter_map(|object| match object {
            ObjectRef::InferenceCall(id) => graph.inference_calls.get(id),
            _ => None,
        });
        // Each is noted after those before it.
        by_start(requests, |call| call.execution.started_seq).into_iter().for_each(|call| self.note_request(call));
        Ok(())
    }

    fn number(&mut self, seq: Seq, node: Node) -> Result<(), Renumbered> {
        if let Node::Item(item) = &node {
            self.numbers.insert(node.clone(), item.0);
            return Ok(());
        }
        let things = self.things.entry(kind(&node)).or_default();
        if things.last().is_some_and(|(last_seq, last)| (*last_seq, last) > (seq, &node)) {
            return Err(Renumbered);
        }
        let number = u32::try_from(things.len()).unwrap_or(u32::MAX);
        things.push((seq, node.clone()));
        self.numbers.insert(node, number);
        Ok(())
    }

    fn note_item(&mut self, graph: &RolloutTrace, facts: &Facts, id: ItemId) -> Result<(), Renumbered> {
        let item = graph.conversation_items.get(&id).ok_or(Renumbered)?;
        let place = id.0 as usize;
        let tokens = facts.sizes(item).tokens_estimate;
        let sums = Rc::make_mut(&mut self.tokens);
        if self.counted.insert(Node::Item(id)) {
            if place < self.items.len() {
                return Err(Renumbered);
            }
            self.items.resize(place + 1, Known::default());
            sums.push(id, tokens);
        } else {
            sums.set(id, tokens);
        }
        self.items[place].tokens = tokens;
        if item.accepted_seq.is_some() {
            self.accepted.entry(item.thread_id.clone()).or_insert(id);
        }
        if item.kind == ItemKind::Message && item.role == Role::Assistant {
            let said = self.said.entry(item.thread_id.clone()).or_default();
            if !said.contains(&id) {
                said.push(id);
                let old = said.len().saturating_sub(LAST_SAID);
                said.drain(..old);
            }
        }
        if let (ItemKind::FunctionCall | ItemKind::CustomToolCall, Some(call_id)) = (&item.kind, &item.call_id) {
            let calls = self.calls_by_id.entry((item.thread_id.clone(), call_id.clone())).or_default();
            if let Err(place) = calls.binary_search(&id) {
                calls.insert(place, id);
            }
        }
        Ok(())
    }

    fn note_object(&mut self, graph: &RolloutTrace, object: &ObjectRef) {
        match object {
            ObjectRef::Thread(id) => {
                self.changed_sums.insert(id.clone());
                let Some(thread) = graph.threads.get(id) else { return };
                if let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin {
                    let children = self.children.entry(parent_thread_id.clone()).or_default();
                    if !children.contains(id) {
                        children.push(id.clone());
                    }
                }
                self.turn_starts.entry(Some(id.clone())).or_default().note(&thread.markers);
            }
            ObjectRef::Rollout => self.turn_starts.entry(None).or_default().note(&graph.markers),
            ObjectRef::CodexTurn(id) => {
                let Some(turn) = graph.codex_turns.get(id) else { return };
                if self.counted.insert(Node::Turn(id.clone())) {
                    self.sums_of(&turn.thread_id).turns += 1;
                }
                let first = self.first_turns.entry(turn.thread_id.clone()).or_insert_with(|| id.clone());
                let earlier = |other: &CodexTurnId| self.numbers.get(&Node::Turn(other.clone()));
                if earlier(id) < earlier(first) {
                    first.clone_from(id);
                }
                if first == id {
                    self.changed_sums.insert(turn.thread_id.clone());
                }
            }
            ObjectRef::ToolCall(id) => {
                let Some(call) = graph.tool_calls.get(id) else { return };
                if self.counted.insert(Node::ToolCall(id.clone())) {
                    self.sums_of(&call.thread_id).calls += 1;
                }
                let items = call.model_visible_call_item_ids.iter().chain(&call.model_visible_output_item_ids);
                self.tool_of_item.extend(items.map(|item| (*item, id.clone())));
            }
            ObjectRef::InteractionEdge(id) => {
                let Some(edge) = graph.interaction_edges.get(id) else { return };
                for item in &edge.carried_item_ids {
                    let edges = self.edges_of_item.entry(*item).or_default();
                    if !edges.contains(id) {
                        edges.push(id.clone());
                    }
                }
                if let (InteractionKind::SpawnAgent, Anchor::Thread { thread_id }) = (edge.kind, &edge.target) {
                    let spawns = self.spawns.entry(thread_id.clone()).or_default();
                    if !spawns.contains(id) {
                        spawns.push(id.clone());
                    }
                }
                self.note_messages(graph, edge);
            }
            _ => {}
        }
    }

    fn note_request(&mut self, call: &InferenceCall) {
        let id = &call.inference_call_id;
        let usage = call.usage.unwrap_or_default();
        let before = self.usage.insert(id.clone(), usage).unwrap_or_default();
        let is_new = self.counted.insert(Node::Inference(id.clone()));
        let sums = self.sums_of(&call.thread_id);
        sums.requests += usize::from(is_new);
        let add = |sum: &mut i64, new: i64, old: i64| *sum = sum.saturating_add(new).saturating_sub(old);
        add(&mut sums.usage.input_tokens, usage.input_tokens, before.input_tokens);
        add(&mut sums.usage.cached_input_tokens, usage.cached_input_tokens, before.cached_input_tokens);
        add(&mut sums.usage.output_tokens, usage.output_tokens, before.output_tokens);
        for tool in &call.tool_call_ids_started_by_response {
            self.request_of_tool.insert(tool.clone(), id.clone());
        }
        if !is_new {
            return;
        }
        self.calls_of_thread.entry(call.thread_id.clone()).or_default().push(id.clone());
        let number = self.numbers.get(&Node::Inference(id.clone())).copied();
        for run in call.request_item_ids.runs() {
            let first = run.first.0 as usize;
            let last = first.saturating_add(run.count as usize).min(self.items.len());
            for known in self.items.get_mut(first..last).unwrap_or_default() {
                known.first_carrier = known.first_carrier.or(number);
                known.last_carrier = number;
                known.carriers += 1;
            }
        }
    }

    fn note_messages(&mut self, graph: &RolloutTrace, edge: &rollout_trace::model::InteractionEdge) {
        let thread = |anchor: &Anchor| thread_of(graph, anchor).cloned();
        let carried = edge.carried_item_ids.iter().map(|item| item.0);
        let (thread, items, is_back) = match edge.kind {
            InteractionKind::AgentResult => match &edge.source {
                Anchor::ConversationItem { item_id } => (thread(&edge.source), vec![item_id.0], true),
                Anchor::ToolCall { .. } | Anchor::Thread { .. } => (thread(&edge.source), carried.collect(), true),
            },
            InteractionKind::SpawnAgent | InteractionKind::AssignAgentTask | InteractionKind::SendMessage => {
                (thread(&edge.target), carried.collect(), false)
            }
            InteractionKind::CloseAgent => return,
        };
        let Some(thread) = thread else { return };
        let sums = self.sums_of(&thread);
        let list = if is_back { &mut sums.gave_back } else { &mut sums.told };
        for item in items {
            if !list.contains(&item) {
                list.push(item);
            }
        }
    }

    fn sums_of(&mut self, thread: &ThreadId) -> &mut Sums {
        self.changed_sums.insert(thread.clone());
        self.sums.entry(thread.clone()).or_default()
    }

    /// Remembers where an item comes from.
    pub(super) fn set_origin(&mut self, item: ItemId, origin: Origin) {
        if let Some(known) = self.items.get_mut(item.0 as usize) {
            known.origin = Some(origin.into());
        }
    }

    /// Returns where an item comes from.
    pub(crate) fn origin(&self, item: ItemId) -> Option<&Rc<Origin>> {
        self.items.get(item.0 as usize)?.origin.as_ref()
    }

    /// Returns the estimated tokens of an item.
    pub(crate) fn tokens(&self, item: ItemId) -> u64 {
        self.items.get(item.0 as usize).map_or(0, |known| known.tokens)
    }

    /// Returns the numbers of the first and the last request that carried an item, and how many did.
    pub(crate) fn carriers(&self, item: ItemId) -> (Option<i64>, Option<i64>, usize) {
        let Some(known) = self.items.get(item.0 as usize) else { return (None, None, 0) };
        (known.first_carrier.map(i64::from), known.last_carrier.map(i64::from), known.carriers)
    }

    /// Returns the first request that carried an item.
    pub(crate) fn first_carrier(&self, item: ItemId) -> Option<&InferenceCallId> {
        let number = self.items.get(item.0 as usize)?.first_carrier?;
        match self.node(Kind::Request, number)? {
            Node::Inference(id) => Some(id),
            _ => None,
        }
    }

    /// Returns the thing with a number.
    pub(super) fn node(&self, kind: Kind, number: u32) -> Option<&Node> {
        self.things.get(&kind)?.get(number as usize).map(|(_, node)| node)
    }

    /// Returns the numbers of all things.
    pub(super) fn numbers(&self) -> &HashMap<Node, u32> {
        &self.numbers
    }

    /// Returns the first request of a request's thread, and the one before it.
    pub(super) fn calls_before(&self, call: &InferenceCall) -> [Option<&InferenceCallId>; 2] {
        let calls = self.calls_of_thread.get(&call.thread_id).map_or(&[][..], Vec::as_slice);
        // Nearly always it is one of the last.
        let place = calls.iter().rposition(|other| *other == call.inference_call_id).unwrap_or(calls.len());
        [calls.first(), place.checked_sub(1).and_then(|before| calls.get(before))]
    }

    /// Returns the threads that a thread spawned, with what their models said last.
    pub(super) fn children(&self, thread: &ThreadId) -> impl Iterator<Item = (&ThreadId, &[ItemId])> {
        let children = self.children.get(thread).into_iter().flatten();
        children.map(|child| (child, self.said.get(child).map_or(&[][..], Vec::as_slice)))
    }

    /// Returns the interactions that spawned a thread.
    pub(super) fn spawns(&self, thread: &ThreadId) -> &[EdgeId] {
        self.spawns.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Returns what the agent core said when the last turns of a thread started, or of threads that it did not name.
    pub(super) fn turn_starts(&self, thread: Option<&ThreadId>) -> &[Marker] {
        self.turn_starts.get(&thread.cloned()).map_or(&[], |starts| &starts.last)
    }

    /// Returns the first turn of a thread.
    pub(super) fn first_turn(&self, thread: &ThreadId) -> Option<&CodexTurnId> {
        self.first_turns.get(thread)
    }

    /// Returns the first request of a thread.
    pub(super) fn first_call(&self, thread: &ThreadId) -> Option<&InferenceCallId> {
        self.calls_of_thread.get(thread)?.first()
    }

    /// Returns the last call item of a thread with a call id before an item.
    pub(super) fn call_before(&self, thread: &ThreadId, call_id: &ModelVisibleCallId, item: ItemId) -> Option<ItemId> {
        let calls = self.calls_by_id.get(&(thread.clone(), call_id.clone()))?;
        calls[..calls.partition_point(|call| *call < item)].last().copied()
    }
}

impl TurnStarts {
    fn note(&mut self, markers: &[Marker]) {
        let new = markers.get(self.searched..).unwrap_or_default().iter();
        self.searched = markers.len();
        let is_start = |marker: &&Marker| matches!(marker.name.as_str(), "turn_started" | "task_started");
        self.last.extend(new.filter(is_start).cloned());
        let old = self.last.len().saturating_sub(TURN_STARTS);
        self.last.drain(..old);
    }
}

/// Returns the thread to which an end of an interaction belongs.
fn thread_of<'g>(graph: &'g RolloutTrace, anchor: &'g Anchor) -> Option<&'g ThreadId> {
    match anchor {
        Anchor::ConversationItem { item_id } => Some(&graph.conversation_items.get(item_id)?.thread_id),
        Anchor::ToolCall { tool_call_id } => Some(&graph.tool_calls.get(tool_call_id)?.thread_id),
        Anchor::Thread { thread_id } => Some(thread_id),
    }
}

/// Returns the thing that an object is, if it has a number.
pub(super) fn node(object: &ObjectRef) -> Option<Node> {
    Some(match object {
        ObjectRef::ConversationItem(id) => Node::Item(*id),
        ObjectRef::InferenceCall(id) => Node::Inference(id.clone()),
        ObjectRef::CodexTurn(id) => Node::Turn(id.clone()),
        ObjectRef::Thread(id) => Node::Thread(id.clone()),
        ObjectRef::InteractionEdge(id) => Node::Edge(id.clone()),
        ObjectRef::ToolCall(id) => Node::ToolCall(id.clone()),
        ObjectRef::CodeCell(id) => Node::CodeCell(id.clone()),
        ObjectRef::TerminalOperation(id) => Node::TerminalOperation(*id),
        ObjectRef::TerminalSession(id) => Node::TerminalSession(id.clone()),
        ObjectRef::Compaction(id) => Node::Compaction(id.clone()),
        ObjectRef::CompactionRequest(_) | ObjectRef::RawPayload(_) | ObjectRef::Rollout => return None,
    })
}

/// Returns the event that orders a thing among those of its kind, or `None` if the graph does not have it.
fn started(graph: &RolloutTrace, object: &ObjectRef) -> Option<Seq> {
    Some(match object {
        ObjectRef::ConversationItem(id) => graph.conversation_items.get(id).map(|_| 0)?,
        ObjectRef::InferenceCall(id) => graph.inference_calls.get(id)?.execution.started_seq,
        ObjectRef::CodexTurn(id) => graph.codex_turns.get(id)?.execution.started_seq,
        ObjectRef::Thread(id) => graph.threads.get(id)?.execution.started_seq,
        ObjectRef::InteractionEdge(id) => graph.interaction_edges.get(id)?.started_seq,
        ObjectRef::ToolCall(id) => graph.tool_calls.get(id)?.execution.started_seq,
        ObjectRef::CodeCell(id) => graph.code_cells.get(id)?.execution.started_seq,
        ObjectRef::TerminalOperation(id) => graph.terminal_operations.get(id)?.execution.started_seq,
        ObjectRef::TerminalSession(id) => graph.terminal_sessions.get(id)?.execution.started_seq,
        ObjectRef::Compaction(id) => graph.compactions.get(id)?.installed_seq,
        ObjectRef::CompactionRequest(_) | ObjectRef::RawPayload(_) | ObjectRef::Rollout => return None,
    })
}

/// Returns the objects of a graph that have numbers.
pub(super) fn all_objects(graph: &RolloutTrace) -> Vec<ObjectRef> {
    let RolloutTrace {
        threads,
        codex_turns,
        conversation_items,
        inference_calls,
        code_cells,
        tool_calls,
        terminal_sessions,
        terminal_operations,
        compactions,
        interaction_edges,
        ..
    } = graph;
    { std::iter::once(ObjectRef::Rollout) }
        .chain(threads.keys().cloned().map(ObjectRef::Thread))
        .chain(codex_turns.keys().cloned().map(ObjectRef::CodexTurn))
        .chain(conversation_items.keys().copied().map(ObjectRef::ConversationItem))
        .chain(inference_calls.keys().cloned().map(ObjectRef::InferenceCall))
        .chain(code_cells.keys().cloned().map(ObjectRef::CodeCell))
        .chain(tool_calls.keys().cloned().map(ObjectRef::ToolCall))
        .chain(terminal_sessions.keys().cloned().map(ObjectRef::TerminalSession))
        .chain(terminal_operations.keys().copied().map(ObjectRef::TerminalOperation))
        .chain(compactions.keys().cloned().map(ObjectRef::Compaction))
        .chain(interaction_edges.keys().cloned().map(ObjectRef::InteractionEdge))
        .collect()
}
