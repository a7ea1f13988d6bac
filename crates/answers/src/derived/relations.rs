//! Who made, saw and asked for what.
//!
//! Source: exports, section 1.

use rollout_trace_model::{
    AgentThread, Anchor, CodeCell, Compaction, InferenceCall, InteractionEdge, ItemId, ProducerRef, Requester,
    RolloutTrace, ToolCall, map::HashMap,
};
use rollout_trace_schema::{InferenceCallId, ThreadId, ToolCallId};

use crate::{calls_by_start, item_places::ItemPlaces, unset::Unset};

/// An object of a graph at which a relation begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End<'g> {
    /// A thread as a whole.
    Thread(&'g AgentThread),
    /// An inference call.
    Inference(&'g InferenceCall),
    /// A tool call.
    Tool(&'g ToolCall),
    /// A code cell.
    Cell(&'g CodeCell),
    /// A compaction.
    Compaction(&'g Compaction),
}

impl<'g> End<'g> {
    /// Returns the id of the thread that the object belongs to.
    pub fn thread_id(self) -> &'g ThreadId {
        match self {
            Self::Thread(thread) => &thread.thread_id,
            Self::Inference(call) => &call.thread_id,
            Self::Tool(call) => &call.thread_id,
            Self::Cell(cell) => &cell.thread_id,
            Self::Compaction(compaction) => &compaction.thread_id,
        }
    }
}

/// Who made, saw and asked for what in a rollout, as the graph alone says it.
#[derive(Debug)]
pub struct Relations<'g> {
    graph: &'g RolloutTrace,
    places: ItemPlaces,
    /// By the place of the item.
    viewers: Vec<Option<&'g InferenceCall>>,
    /// The call whose response holds an item.
    answers: HashMap<ItemId, &'g InferenceCall>,
    new_items: HashMap<&'g InferenceCallId, Vec<ItemId>>,
    requesters: HashMap<&'g ToolCallId, &'g InferenceCall>,
}

impl<'g> Relations<'g> {
    /// Finds the relations of a graph, at a cost in proportion to its runs of items.
    pub fn of(graph: &'g RolloutTrace) -> Self {
        let calls = calls_by_start(graph);
        let places = ItemPlaces::of(graph.conversation_items.keys().copied());
        let mut relations = Self {
            graph,
            viewers: vec![None; places.len()],
            places,
            answers: HashMap::default(),
            new_items: HashMap::default(),
            requesters: HashMap::default(),
        };
        for call in &calls {
            for item in &call.response_item_ids {
                relations.answers.entry(*item).or_insert(*call);
            }
            for tool in &call.tool_call_ids_started_by_response {
                if let Some((tool, _)) = graph.tool_calls.get_key_value(tool) {
                    relations.requesters.entry(tool).or_insert(*call);
                }
            }
        }
        relations.find_viewers(&calls);
        relations
    }

    fn find_viewers(&mut self, calls: &[&'g InferenceCall]) {
        let items: Vec<_> = self.graph.conversation_items.keys().copied().collect();
        let mut unset = Unset::new(items.len());
        for call in calls {
            let mut first = Vec::new();
            for run in call.request_item_ids.runs() {
                let places = self.places.of_run(run);
                unset.set(places.start, places.end, |place| {
                    self.viewers[place] = Some(*call);
                    first.push(items[place]);
                });
            }
            first.retain(|item| !matches!(self.maker(*item), Some(End::Inference(_))));
            self.new_items.insert(&call.inference_call_id, first);
        }
    }

    /// Returns what made an item: its first producer that the graph has, else the inference call whose response holds
    /// it.
    pub fn maker(&self, item: ItemId) -> Option<End<'g>> {
        let produced = self.graph.conversation_items.get(&item)?.produced_by.iter();
        let produced = produced.filter_map(|producer| match producer {
            ProducerRef::Inference { inference_call_id } => {
                self.graph.inference_calls.get(inference_call_id).map(End::Inference)
            }
            ProducerRef::Tool { tool_call_id } => self.graph.tool_calls.get(tool_call_id).map(End::Tool),
            ProducerRef::CodeCell { code_cell_id } => self.graph.code_cells.get(code_cell_id).map(End::Cell),
            ProducerRef::Compaction { compaction_id } => self.graph.compactions.get(compaction_id).map(End::Compaction),
        });
        produced.chain(self.answers.get(&item).map(|call| End::Inference(call))).next()
    }

    /// Returns the first inference call, by start, whose request holds an item.
    pub fn first_viewer(&self, item: ItemId) -> Option<&'g InferenceCall> {
        self.places.get(item).and_then(|place| self.viewers[place])
    }

    /// Returns what asked for a tool call: the inference call that lists it as started by its response, or that made an
    /// item of the call, else the code cell.
    pub fn requester(&self, call: &ToolCall) -> Option<End<'g>> {
        if let Some(listed) = self.requesters.get(&call.tool_call_id) {
            return Some(End::Inference(listed));
        }
        let makers = call.model_visible_call_item_ids.iter().filter_map(|item| self.maker(*item));
        makers.into_iter().find(|maker| matches!(maker, End::Inference(_))).or_else(|| match &call.requester {
            Requester::CodeCell { code_cell_id } => self.graph.code_cells.get(code_cell_id).map(End::Cell),
            Requester::Model | Requester::Unknown(_) => None,
        })
    }

    /// Returns the new items of a request, in its order: those that it shows first and that no inference call made.
    pub fn new_items(&self, call: &InferenceCallId) -> &[ItemId] {
        self.new_items.get(call).map_or(&[], Vec::as_slice)
    }

    /// Returns where an interaction begins: of an item its maker, else its thread.
    pub fn source(&self, edge: &InteractionEdge) -> Option<End<'g>> {
        self.end(&edge.source, |item| self.maker(item))
    }

    /// Returns where an interaction ends: of an item its first viewer, else its thread.
    pub fn target(&self, edge: &InteractionEdge) -> Option<End<'g>> {
        self.end(&edge.target, |item| self.first_viewer(item).map(End::Inference))
    }

    fn end(&self, anchor: &Anchor, of_item: impl FnOnce(ItemId) -> Option<End<'g>>) -> Option<End<'g>> {
        let graph = self.graph;
        match anchor {
            Anchor::ToolCall { tool_call_id } => graph.tool_calls.get(tool_call_id).map(End::Tool),
            Anchor::Thread { thread_id } => graph.threads.get(thread_id).map(End::Thread),
            Anchor::ConversationItem { item_id } => of_item(*item_id).or_else(|| {
                let item = graph.conversation_items.get(item_id)?;
                graph.threads.get(&item.thread_id).map(End::Thread)
            }),
        }
    }
}
