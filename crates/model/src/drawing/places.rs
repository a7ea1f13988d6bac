//! Where in a drawing each object is shown.

use std::collections::BTreeMap;

use rollout_trace_schema::{CodexTurnId, InferenceCallId, Seq, ThreadId, ToolCallId};

use super::{commentary::Commentary, covered::Covered};
use crate::{
    Anchor, CodeCell, CodeCellId, CodexTurn, Compaction, CompactionRequest, InferenceCall, InteractionEdge, ItemId,
    ItemRuns, Requester, RolloutTrace, ToolCall, map::HashMap,
};

/// One step of a turn.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Inference(&'a InferenceCall),
    Compaction(&'a Compaction),
    /// A request for a compaction that was not installed.
    CompactionRequest(&'a CompactionRequest),
    /// A tool call that no known response requested.
    Tool(&'a ToolCall),
    /// A code cell that no known response requested.
    Cell(&'a CodeCell),
}

/// The objects, by the object that they are drawn below. Each object has exactly one place.
#[derive(Default)]
pub(super) struct Places<'a> {
    pub(super) of_turn: BTreeMap<&'a CodexTurnId, Vec<Step<'a>>>,
    /// The steps of a thread that belong to no known turn.
    pub(super) of_thread: BTreeMap<&'a ThreadId, Vec<Step<'a>>>,
    /// The steps that belong to no known thread.
    pub(super) of_nothing: Vec<Step<'a>>,
    pub(super) tools_of_inference: BTreeMap<&'a InferenceCallId, Vec<&'a ToolCall>>,
    pub(super) cells_of_inference: BTreeMap<&'a InferenceCallId, Vec<&'a CodeCell>>,
    pub(super) cells_of_tool: BTreeMap<&'a ToolCallId, Vec<&'a CodeCell>>,
    pub(super) tools_of_cell: BTreeMap<&'a CodeCellId, Vec<&'a ToolCall>>,
    /// The code cells that a tool call waits for.
    pub(super) cells_waited_for: BTreeMap<&'a ToolCallId, Vec<&'a CodeCell>>,
    pub(super) edges_of_tool: BTreeMap<&'a ToolCallId, Vec<&'a InteractionEdge>>,
    pub(super) edges_of_response_item: BTreeMap<ItemId, Vec<&'a InteractionEdge>>,
    pub(super) edges_of_thread: BTreeMap<&'a ThreadId, Vec<&'a InteractionEdge>>,
    pub(super) edges_of_nothing: Vec<&'a InteractionEdge>,
    /// The edges that end at an item.
    pub(super) edges_to_item: BTreeMap<ItemId, Vec<&'a InteractionEdge>>,
    /// What the model had seen before an inference call.
    pub(super) seen_before: BTreeMap<&'a InferenceCallId, Seen<'a>>,
    /// The items in requests, responses and compactions.
    pub(super) used_items: Covered,
    /// The items in requests.
    pub(super) sent_items: Covered,
    turns_of_thread: BTreeMap<&'a ThreadId, Vec<&'a CodexTurn>>,
    items_of_thread: BTreeMap<&'a ThreadId, Vec<ItemId>>,
}

/// What a model has seen before a request.
#[derive(Clone, Default)]
pub(super) struct Seen<'a> {
    pub(super) items: ItemRuns,
    /// The compaction that replaced the items since the last request.
    pub(super) compaction: Option<&'a Compaction>,
    /// Whether there was an earlier request or compaction.
    pub(super) any_request: bool,
}

impl<'a> Places<'a> {
    pub(super) fn of(graph: &'a RolloutTrace, commentary: Option<&dyn Commentary>) -> Self {
        let mut places = Self::default();
        let mut inferences: Vec<_> = graph.inference_calls.values().collect();
        inferences.sort_by_key(|call| call.execution.started_seq);
        let mut response_of: HashMap<ItemId, &InferenceCall> = HashMap::default();
        let mut started_by: HashMap<&ToolCallId, &InferenceCall> = HashMap::default();
        for call in inferences {
            places.sent_items.insert_all(&call.request_item_ids);
            places.used_items.insert_all(&call.request_item_ids);
            places.used_items.extend(call.response_item_ids.iter().copied());
            call.response_item_ids.iter().for_each(|&item| _ = response_of.entry(item).or_insert(call));
            call.tool_call_ids_started_by_response.iter().for_each(|tool| _ = started_by.entry(tool).or_insert(call));
            places.put(graph, Step::Inference(call));
        }
        places.tools(graph, &response_of, &started_by);
        places.cells(graph, &response_of);
        places.compactions(graph);
        places.edges(graph, &response_of);
        places.sort(graph);
        for turn in graph.codex_turns.values() {
            places.turns_of_thread.entry(&turn.thread_id).or_default().push(turn);
        }
        for item in graph.conversation_items.values() {
            places.items_of_thread.entry(&item.thread_id).or_default().push(item.item_id);
        }
        for thread in graph.threads.keys() {
            places.requests(graph, thread, commentary);
        }
        places
    }

    fn tools(
        &mut self,
        graph: &'a RolloutTrace,
        response_of: &HashMap<ItemId, &'a InferenceCall>,
        started_by: &HashMap<&ToolCallId, &'a InferenceCall>,
    ) {
        for tool in graph.tool_calls.values() {
            match &tool.requester {
                Requester::CodeCell { code_cell_id } if graph.code_cells.contains_key(code_cell_id) => {
                    self.tools_of_cell.entry(code_cell_id).or_default().push(tool);
                    continue;
                }
                _ => {}
            }
            let by_item = || tool.model_visible_call_item_ids.iter().find_map(|item| response_of.get(item));
            match started_by.get(&tool.tool_call_id).or_else(by_item) {
                Some(call) => self.tools_of_inference.entry(&call.inference_call_id).or_default().push(tool),
                None => self.put(graph, Step::Tool(tool)),
            }
        }
    }

    fn cells(&mut self, graph: &'a RolloutTrace, response_of: &HashMap<ItemId, &'a InferenceCall>) {
        let mut starter: HashMap<&CodeCellId, &ToolCall> = HashMap::default();
        for tool in graph.tool_calls.values().filter(|tool| tool.requester == Requester::Model) {
            tool.started_code_cell_id.iter().for_each(|cell| _ = starter.entry(cell).or_insert(tool));
        }
        for cell in graph.code_cells.values() {
            cell.wait_tool_call_ids.iter().for_each(|tool| self.cells_waited_for.entry(tool).or_default().push(cell));
            if let Some(tool) = starter.get(&cell.code_cell_id) {
                self.cells_of_tool.entry(&tool.tool_call_id).or_default().push(cell);
            } else if let Some(call) = response_of.get(&cell.source_item_id) {
                self.cells_of_inference.entry(&call.inference_call_id).or_default().push(cell);
            } else {
                self.put(graph, Step::Cell(cell));
            }
        }
    }

    fn compactions(&mut self, graph: &'a RolloutTrace) {
        for compaction in graph.compactions.values() {
            self.used_items.insert(compaction.marker_item_id);
            self.used_items.extend(compaction.input_item_ids.iter().chain(&compaction.replacement_item_ids).copied());
            self.put(graph, Step::Compaction(compaction));
        }
        for request in graph.compaction_requests.values() {
            let compaction = graph.compactions.get(&request.compaction_id);
            if !compaction.is_some_and(|compaction| compaction.request_ids.contains(&request.compaction_request_id)) {
                self.put(graph, Step::CompactionRequest(request));
            }
        }
    }

    fn edges(&mut self, graph: &'a RolloutTrace, response_of: &HashMap<ItemId, &'a InferenceCall>) {
        for edge in graph.interaction_edges.values() {
            if let Anchor::ConversationItem { item_id } = edge.target {
                self.edges_to_item.entry(item_id).or_default().push(edge);
            }
            let thread = match &edge.source {
                Anchor::ToolCall { tool_call_id } if graph.tool_calls.contains_key(tool_call_id) => {
                    self.edges_of_tool.entry(tool_call_id).or_default().push(edge);
                    continue;
                }
                Anchor::ConversationItem { item_id } if response_of.contains_key(item_id) => {
                    self.edges_of_response_item.entry(*item_id).or_default().push(edge);
                    continue;
                }
                Anchor::ToolCall { .. } => None,
                Anchor::ConversationItem { item_id } => {
                    graph.conversation_items.get(item_id).map(|item| &item.thread_id)
                }
                Anchor::Thread { thread_id } => Some(thread_id),
            };
            match thread.filter(|thread| graph.threads.contains_key(*thread)) {
                Some(thread) => self.edges_of_thread.entry(thread).or_default().push(edge),
                None => self.edges_of_nothing.push(edge),
            }
        }
    }

    fn put(&mut self, graph: &'a RolloutTrace, step: Step<'a>) {
        let (thread, turn) = step.home();
        match turn.and_then(|turn| graph.codex_turns.get_key_value(turn)) {
            Some((id, turn)) if turn.thread_id == *thread && graph.threads.contains_key(thread) => {
                self.of_turn.entry(id).or_default().push(step);
            }
            _ if graph.threads.contains_key(thread) => self.of_thread.entry(thread).or_default().push(step),
            _ => self.of_nothing.push(step),
        }
    }

    fn sort(&mut self, graph: &RolloutTrace) {
        let steps = self.of_turn.values_mut().chain(self.of_thread.values_mut()).chain([&mut self.of_nothing]);
        steps.for_each(|steps| steps.sort_by_key(|step| step.seq(graph)));
        let tools = self.tools_of_inference.values_mut().chain(self.tools_of_cell.values_mut());
        tools.for_each(|tools| tools.sort_by_key(|tool| tool.execution.started_seq));
        let cells = self.cells_of_inference.values_mut().chain(self.cells_of_tool.values_mut());
        cells.for_each(|cells| cells.sort_by_key(|cell| cell.execution.started_seq));
        let edges = self.edges_of_tool.values_mut().chain(self.edges_of_thread.values_mut());
        let edges = edges.chain([&mut self.edges_of_nothing]);
        edges.for_each(|edges| edges.sort_by_key(|edge| (&edge.carried_item_ids, &edge.carried_raw_payload_ids)));
    }

    /// Returns the seqs of all steps, in order.
    pub(super) fn seqs_of_steps(&self, graph: &RolloutTrace) -> Vec<Seq> {
        let steps = self.of_turn.values().chain(self.of_thread.values()).chain([&self.of_nothing]).flatten();
        let mut seqs: Vec<_> = steps.map(|step| step.seq(graph)).collect();
        seqs.sort_unstable();
        seqs
    }

    /// Returns the turns of a thread, in the order of their ids.
    pub(super) fn turns(&self, thread: &ThreadId) -> &[&'a CodexTurn] {
        self.turns_of_thread.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Returns the items of a thread, in the order of their numbers.
    pub(super) fn items(&self, thread: &ThreadId) -> &[ItemId] {
        self.items_of_thread.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Determines what the model had seen before each request of a thread.
    fn requests(&mut self, graph: &'a RolloutTrace, thread: &'a ThreadId, commentary: Option<&dyn Commentary>) {
        let of_turns = self.turns(thread).iter().filter_map(|turn| self.of_turn.get(&turn.codex_turn_id)).flatten();
        let mut steps: Vec<Step<'_>> =
            of_turns.chain(self.of_thread.get(thread).into_iter().flatten()).copied().collect();
        steps.sort_by_key(|step| step.seq(graph));
        let mut seen = Seen::default();
        let mut last: Option<&InferenceCall> = None;
        for step in steps {
            match step {
                Step::Inference(call) => {
                    // A response that ended after the next request started cannot be part of that request.
                    let in_time = |last: &&InferenceCall| {
                        last.execution.ended_seq.is_some_and(|end| end < call.execution.started_seq)
                    };
                    for &item in last.filter(in_time).into_iter().flat_map(|last| &last.response_item_ids) {
                        if !seen.items.contains(item) {
                            seen.items.push(item);
                        }
                    }
                    last = Some(call);
                    if commentary.is_some_and(|commentary| commentary.context(call).is_none()) {
                        continue;
                    }
                    self.seen_before.insert(&call.inference_call_id, seen);
                    seen = Seen { items: call.request_item_ids.clone(), compaction: None, any_request: true };
                }
                Step::Compaction(compaction) => {
                    let items = compaction.replacement_item_ids.iter().copied().collect();
                    seen = Seen { items, compaction: Some(compaction), any_request: true };
                    last = None;
                }
                Step::CompactionRequest(_) | Step::Tool(_) | Step::Cell(_) => {}
            }
        }
    }
}

impl<'a> Step<'a> {
    fn home(self) -> (&'a ThreadId, Option<&'a CodexTurnId>) {
        match self {
            Self::Inference(call) => (&call.thread_id, call.codex_turn_id.as_ref()),
            Self::Compaction(compaction) => (&compaction.thread_id, compaction.codex_turn_id.as_ref()),
            Self::CompactionRequest(request) => (&request.thread_id, request.codex_turn_id.as_ref()),
            Self::Tool(tool) => (&tool.thread_id, tool.started_by_codex_turn_id.as_ref()),
            Self::Cell(cell) => (&cell.thread_id, cell.codex_turn_id.as_ref()),
        }
    }

    /// Returns the step's position in the causal order.
    pub(super) fn seq(self, graph: &RolloutTrace) -> Seq {
        match self {
            Self::Inference(call) => call.execution.started_seq,
            Self::Compaction(compaction) => installed_seq(compaction, graph),
            Self::CompactionRequest(request) => request.execution.started_seq,
            Self::Tool(tool) => tool.execution.started_seq,
            Self::Cell(cell) => cell.execution.started_seq,
        }
    }
}

/// Returns the event that installed a compaction or, in a state that does not contain it, an estimate.
fn installed_seq(compaction: &Compaction, graph: &RolloutTrace) -> Seq {
    let marker = graph.conversation_items.get(&compaction.marker_item_id).map_or(0, |item| item.first_seen_seq);
    if marker > 0 {
        return marker;
    }
    let requests = compaction.request_ids.iter().filter_map(|id| graph.compaction_requests.get(id));
    requests.map(|request| request.execution.ended_seq.unwrap_or(request.execution.started_seq)).max().unwrap_or_else(
        || {
            let first_use = |call: &&InferenceCall| {
                call.request_item_ids.iter().any(|item| compaction.replacement_item_ids.contains(&item))
            };
            let next = graph.inference_calls.values().filter(first_use).map(|call| call.execution.started_seq).min();
            next.map_or(Seq::MAX, |seq| seq.saturating_sub(1))
        },
    )
}
