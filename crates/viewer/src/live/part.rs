//! A graph of what the rows of changed things look at.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace::{
    answers::{Node, Rest},
    model::{
        AgentThread, Anchor, ConversationItem, InferenceCall, InferredProducer, InteractionEdge, ItemId, ItemKind,
        Marker, ObjectRef, OperationId, ProducerRef, Role, RolloutTrace, ThreadOrigin,
    },
    schema::{CodexTurnId, CompactionId, EdgeId, InferenceCallId, ThreadId, ToolCallId},
};

use super::memory::{Memory, node};
use crate::things::{Kind, kind};

/// A graph of what the rows of some things look at, and the things.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) graph: RolloutTrace,
    rows: BTreeMap<Kind, BTreeSet<Node>>,
    /// How many objects of the whole graph were looked at.
    pub(crate) touched: usize,
}

impl Part {
    /// Returns the part for the rows of what changed, and of what changes with it.
    /// `empty` is the graph without objects.
    pub(super) fn of_changed(
        graph: &RolloutTrace,
        empty: &RolloutTrace,
        memory: &Memory,
        changed: &[ObjectRef],
    ) -> Self {
        let mut part = Builder::new(graph, empty, memory);
        for object in changed {
            part.changed(object);
        }
        part.finish()
    }

    /// Returns the part for the rows of some things.
    pub(super) fn of_things(
        graph: &RolloutTrace,
        empty: &RolloutTrace,
        memory: &Memory,
        things: impl Iterator<Item = Node>,
    ) -> Self {
        let mut part = Builder::new(graph, empty, memory);
        for node in things {
            part.row(node);
        }
        part.finish()
    }

    /// Returns the things whose rows are made, by kind, in the order of their numbers.
    pub(crate) fn things(&self, memory: &Memory) -> Vec<Node> {
        let mut nodes: Vec<_> = self.rows.values().flatten().cloned().collect();
        nodes.sort_by_cached_key(|node| (kind(node), memory.numbers().get(node).copied()));
        nodes
    }

    /// Returns what is known of the rest of the rollout.
    pub(crate) fn rest(&self, memory: &Memory) -> Rest {
        let items = self.graph.conversation_items.keys().filter(|item| !self.has_row(**item));
        let origins = items.filter_map(|item| Some((*item, memory.origin(*item)?.clone()))).collect();
        Rest { agents: memory.agents.clone(), tokens: memory.tokens.clone(), origins }
    }

    fn has_row(&self, item: ItemId) -> bool {
        self.rows.get(&Kind::Item).is_some_and(|rows| rows.contains(&Node::Item(item)))
    }

    /// Returns the items whose rows are made.
    pub(crate) fn items(&self) -> impl Iterator<Item = &ConversationItem> {
        let nodes = self.rows.get(&Kind::Item).into_iter().flatten();
        nodes.filter_map(|node| match node {
            Node::Item(id) => self.graph.conversation_items.get(id),
            _ => None,
        })
    }
}

/// Collects a part.
struct Builder<'g> {
    whole: &'g RolloutTrace,
    memory: &'g Memory,
    part: Part,
    /// The things whose rows' surroundings are still to be looked at.
    rows: Vec<Node>,
}

/// Copies an object into the part, unless it is there.
macro_rules! copy {
    ($builder:ident, $map:ident, $id:expr) => {{
        let id = $id;
        match $builder.whole.$map.get(id) {
            Some(object) if !$builder.part.graph.$map.contains_key(id) => {
                $builder.part.graph.$map.insert(id.clone(), object.clone());
                $builder.part.touched += 1;
                Some(object)
            }
            _ => None,
        }
    }};
}

impl<'g> Builder<'g> {
    fn new(whole: &'g RolloutTrace, empty: &RolloutTrace, memory: &'g Memory) -> Self {
        let mut graph = empty.clone();
        graph.started_at_unix_ms = whole.started_at_unix_ms;
        graph.status = whole.status.clone();
        Self { whole, memory, part: Part { graph, rows: BTreeMap::new(), touched: 0 }, rows: Vec::new() }
    }

    fn finish(mut self) -> Part {
        while let Some(node) = self.rows.pop() {
            self.surroundings(&node);
        }
        self.part
    }

    /// Makes the row of a thing.
    fn row(&mut self, node: Node) {
        if self.memory.numbers().contains_key(&node)
            && self.part.rows.entry(kind(&node)).or_default().insert(node.clone())
        {
            self.rows.push(node);
        }
    }

    /// Makes the rows that change with an object.
    fn changed(&mut self, object: &ObjectRef) {
        self.part.touched += 1;
        if let Some(node) = node(object) {
            self.row(node);
        }
        match object {
            ObjectRef::InferenceCall(id) => {
                let Some(call) = self.whole.inference_calls.get(id) else { return };
                for tool in &call.tool_call_ids_started_by_response {
                    self.row(Node::ToolCall(tool.clone()));
                }
                for item in self.own_items(call) {
                    for edge in self.memory.edges_of_item.get(&item).into_iter().flatten() {
                        self.row(Node::Edge(edge.clone()));
                    }
                }
            }
            ObjectRef::ToolCall(id) => {
                let Some(call) = self.whole.tool_calls.get(id) else { return };
                for item in call.model_visible_call_item_ids.iter().chain(&call.model_visible_output_item_ids) {
                    self.row(Node::Item(*item));
                }
            }
            ObjectRef::TerminalOperation(id) => {
                let Some(operation) = self.whole.terminal_operations.get(id) else { return };
                self.changed(&ObjectRef::ToolCall(operation.tool_call_id.clone()));
            }
            ObjectRef::ConversationItem(id) => {
                // A tool call without a command is labeled by its item.
                if let Some(tool) = self.memory.tool_of_item.get(id) {
                    self.row(Node::ToolCall(tool.clone()));
                }
                let item = self.whole.conversation_items.get(id);
                if let Some(turn) = item.and_then(|item| item.codex_turn_id.as_ref()) {
                    self.turn_of_input(turn, *id);
                }
            }
            ObjectRef::Compaction(id) => {
                let Some(compaction) = self.whole.compactions.get(id) else { return };
                for item in &compaction.replacement_item_ids {
                    self.row(Node::Item(*item));
                }
                if !compaction.request_ids.is_empty() {
                    self.compaction_requests();
                }
            }
            ObjectRef::CompactionRequest(_) => self.compaction_requests(),
            _ => {}
        }
    }

    /// Copies all requests for compactions: they are few, and their rows have no numbers.
    fn compaction_requests(&mut self) {
        if self.part.graph.compaction_requests.is_empty() {
            self.part.touched += self.whole.compaction_requests.len();
            self.part.graph.compaction_requests.clone_from(&self.whole.compaction_requests);
        }
    }

    fn turn_of_input(&mut self, turn: &CodexTurnId, item: ItemId) {
        let is_input = |turn: &&rollout_trace::model::CodexTurn| turn.new_input_item_ids.contains(&item);
        if let Some(found) = self.whole.codex_turns.get(turn).filter(is_input) {
            self.row(Node::Turn(turn.clone()));
            if self.memory.first_turn(&found.thread_id) == Some(turn) {
                self.row(Node::Thread(found.thread_id.clone()));
            }
        }
    }

    /// Copies a thing whose row is made, and what its row looks at.
    fn surroundings(&mut self, node: &Node) {
        match node {
            Node::Item(id) => self.item(*id),
            Node::Inference(id) => self.request(id),
            Node::Turn(id) => {
                let Some(turn) = copy!(self, codex_turns, id) else { return };
                self.thread(&turn.thread_id);
                turn.new_input_item_ids.iter().for_each(|item| self.item(*item));
            }
            Node::Thread(id) => {
                self.thread(id);
                if let Some(turn) = self.memory.first_turn(id).and_then(|turn| copy!(self, codex_turns, turn)) {
                    turn.new_input_item_ids.iter().for_each(|item| self.item(*item));
                }
            }
            Node::Edge(id) => self.edge(id),
            Node::ToolCall(id) => {
                self.tool(id);
                if let Some(request) = self.memory.request_of_tool.get(id) {
                    copy!(self, inference_calls, request);
                }
            }
            Node::CodeCell(id) => _ = copy!(self, code_cells, id),
            Node::TerminalOperation(id) => self.operation(*id),
            Node::TerminalSession(id) => _ = copy!(self, terminal_sessions, id),
            Node::Compaction(id) => self.compaction(id),
            Node::Root(_) => {}
        }
    }

    fn request(&mut self, id: &InferenceCallId) {
        let Some(call) = self.whole.inference_calls.get(id) else { return };
        copy!(self, inference_calls, id);
        self.thread(&call.thread_id);
        if let Some(turn) = &call.codex_turn_id {
            copy!(self, codex_turns, turn);
        }
        if self.part.graph.markers.is_empty() {
            self.part.graph.markers = self.turn_starts(None);
        }
        for before in self.memory.calls_before(call).into_iter().flatten() {
            copy!(self, inference_calls, before);
        }
        for item in self.own_items(call) {
            self.item(item);
            // A copy is not new to the model.
            let producers = self.whole.conversation_items.get(&item).map_or(&[][..], |item| &item.produced_by);
            for producer in producers {
                if let ProducerRef::Compaction { compaction_id } = producer {
                    self.compaction(compaction_id);
                }
            }
        }
        call.response_item_ids.iter().for_each(|item| self.item(*item));
    }

    /// Returns the items that a request has and the one before it in its thread has not at its beginning.
    fn own_items(&self, call: &InferenceCall) -> Vec<ItemId> {
        let [_, before] = self.memory.calls_before(call);
        let before = before.and_then(|before| self.whole.inference_calls.get(before));
        let kept = before.map_or(0, |before| before.request_item_ids.common_prefix(&call.request_item_ids));
        call.request_item_ids.skip(kept).collect()
    }

    fn item(&mut self, id: ItemId) {
        let Some(item) = copy!(self, conversation_items, &id) else { return };
        self.thread(&item.thread_id);
        if let Some(tool) = self.memory.tool_of_item.get(&id) {
            self.tool(tool);
        }
        // What tells where an item comes from is needed only if that is not known.
        if self.part.has_row(id) || self.memory.origin(id).is_none() {
            self.origin(item);
        }
    }

    /// Copies what tells where an item comes from.
    fn origin(&mut self, item: &ConversationItem) {
        let id = item.item_id;
        if let Some(first) = self.memory.first_call(&item.thread_id) {
            copy!(self, inference_calls, first);
        }
        for producer in &item.produced_by {
            match producer {
                ProducerRef::Tool { tool_call_id } => self.tool(tool_call_id),
                ProducerRef::CodeCell { code_cell_id } => _ = copy!(self, code_cells, code_cell_id),
                ProducerRef::Inference { inference_call_id } => _ = copy!(self, inference_calls, inference_call_id),
                ProducerRef::Compaction { compaction_id } => self.compaction(compaction_id),
            }
        }
        for producer in &item.inferred_producers {
            if let InferredProducer::Edge { edge_id } = producer {
                self.edge(edge_id);
            }
        }
        if item.kind == ItemKind::Message && item.role == Role::User && item.produced_by.is_empty() {
            self.messages_to(&item.thread_id);
        }
        let call_id = item.call_id.as_ref();
        if let Some(call) = call_id.and_then(|call_id| self.memory.call_before(&item.thread_id, call_id, id)) {
            copy!(self, conversation_items, &call);
        }
        if let Some(accepted) = self.memory.accepted.get(&item.thread_id) {
            copy!(self, conversation_items, accepted);
        }
    }

    /// Copies a compaction with its items: a copy comes from where its original does.
    fn compaction(&mut self, id: &CompactionId) {
        let Some(compaction) = copy!(self, compactions, id) else { return };
        let items = compaction.input_item_ids.iter().chain(&compaction.replacement_item_ids);
        items.for_each(|item| self.item(*item));
    }

    /// Copies the calls that spawned a thread, with what they told it, and what its children said last: a plain message of
    /// the user may be either.
    fn messages_to(&mut self, thread: &ThreadId) {
        for (child, said) in self.memory.children(thread) {
            self.thread(child);
            for item in said {
                copy!(self, conversation_items, item);
            }
        }
        for edge in self.memory.spawns(thread) {
            self.edge(edge);
            let source = self.whole.interaction_edges.get(edge).map(|edge| &edge.source);
            let Some(Anchor::ToolCall { tool_call_id }) = source else { continue };
            let Some(call) = self.whole.tool_calls.get(tool_call_id) else { continue };
            for payload in call.raw_runtime_payload_ids.iter().chain(&call.raw_invocation_payload_id) {
                copy!(self, raw_payloads, payload);
            }
        }
    }

    fn tool(&mut self, id: &ToolCallId) {
        let Some(call) = copy!(self, tool_calls, id) else { return };
        self.thread(&call.thread_id);
        if let Some(operation) = call.terminal_operation_id {
            self.operation(operation);
        }
        if let Some(item) = call.model_visible_call_item_ids.first() {
            copy!(self, conversation_items, item);
        }
    }

    fn operation(&mut self, id: OperationId) {
        copy!(self, terminal_operations, &id);
    }

    fn edge(&mut self, id: &EdgeId) {
        let Some(edge) = copy!(self, interaction_edges, id) else { return };
        let InteractionEdge { source, target, carried_item_ids, .. } = edge;
        for anchor in [source, target] {
            match anchor {
                Anchor::ConversationItem { item_id } => self.item(*item_id),
                Anchor::ToolCall { tool_call_id } => self.tool(tool_call_id),
                Anchor::Thread { thread_id } => self.thread(thread_id),
            }
        }
        for item in carried_item_ids {
            self.item(*item);
            if let Some(request) = self.memory.first_carrier(*item) {
                copy!(self, inference_calls, request);
            }
        }
    }

    /// Copies a thread without its lists, except for what the agent core said when its last turns started: that has the
    /// size of the context window.
    fn thread(&mut self, id: &ThreadId) {
        if self.part.graph.threads.contains_key(id) {
            return;
        }
        let Some(thread) = self.whole.threads.get(id) else { return };
        let markers = self.turn_starts(Some(id));
        self.part.touched += 1;
        let copy = AgentThread { markers, ..thread.without_lists() };
        self.part.graph.threads.insert(id.clone(), copy);
        if let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin {
            self.thread(parent_thread_id);
        }
    }

    /// Copies the payloads in which the agent core said that turns started, and returns the markers.
    fn turn_starts(&mut self, thread: Option<&ThreadId>) -> Vec<Marker> {
        let markers = self.memory.turn_starts(thread).to_vec();
        for payload in markers.iter().flat_map(|marker| &marker.raw_payload_ids) {
            copy!(self, raw_payloads, payload);
        }
        markers
    }
}
