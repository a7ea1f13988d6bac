//! A rollout that questions are asked about.

use std::{
    cell::{OnceCell, RefCell},
    fmt,
    rc::Rc,
};

use rollout_trace_evidence::{Limits, PayloadBuffer, PayloadSource};
use rollout_trace_model::{
    ConversationItem, InferenceCall, ItemId, ItemRun, ItemRuns, ProducerRef, RolloutTrace, ToolCall, map::HashMap,
};
use rollout_trace_reducer::Json;
use rollout_trace_schema::{InferenceCallId, RawPayloadId, ThreadId};

use crate::{
    AgentNames, DefinitionId, Facts, ItemTokens, Origin, SectionName, Sizes, Unseen, index::Index,
    item_places::ItemPlaces,
};

/// A rollout that questions are asked about: its graph, the facts of its payloads, and what several questions need of
/// both, which is computed once.
pub struct Rollout<'a> {
    graph: &'a RolloutTrace,
    facts: &'a Facts,
    payloads: RefCell<Payloads<'a>>,
    agents: Rc<AgentNames>,
    /// The inference calls in the order in which they started.
    calls: Vec<&'a InferenceCall>,
    /// The number of each call, from 1.
    numbers: HashMap<&'a InferenceCallId, usize>,
    items: Rc<ItemPlaces>,
    tokens: Rc<ItemTokens>,
    known_origins: HashMap<ItemId, Rc<Origin>>,
    /// The estimated tokens of each call\'s request, if it is readable, as far as they were asked for.
    context_tokens: Vec<OnceCell<Option<u64>>>,
    index: OnceCell<Index<'a>>,
    pub(crate) unseen: OnceCell<Unseen>,
    /// Whether something unrecorded rebuilt the history of a call, as far as that was asked, by the number of the call.
    pub(crate) rebuilt: RefCell<HashMap<usize, bool>>,
}

/// What is known of a rollout of which only a part is asked.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// The names of all agents.
    pub agents: Rc<AgentNames>,
    /// The tokens of all items.
    pub tokens: Rc<ItemTokens>,
    /// Where items of the part come from that is known already, so that the part need not have what tells it.
    pub origins: HashMap<ItemId, Rc<Origin>>,
}

/// Returns the inference calls of a graph in the order in which they started.
pub fn calls_by_start(graph: &RolloutTrace) -> Vec<&InferenceCall> {
    let mut calls: Vec<_> = graph.inference_calls.values().collect();
    // The map is ordered by id, which remains the order of those with one seq.
    calls.sort_by_key(|call| call.execution.started_seq);
    calls
}

struct Payloads<'a> {
    source: &'a mut dyn PayloadSource,
    buffer: PayloadBuffer,
    max_nesting: usize,
}

impl fmt::Debug for Rollout<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("rollout_id", &self.graph.rollout_id).finish_non_exhaustive()
    }
}

impl<'a> Rollout<'a> {
    /// Prepares a rollout for questions. The source must be that of the payloads from which the graph was reduced.
    pub fn new(graph: &'a RolloutTrace, facts: &'a Facts, source: &'a mut dyn PayloadSource, limits: &Limits) -> Self {
        let mut tokens = ItemTokens::default();
        graph.conversation_items.values().for_each(|item| tokens.push(item.item_id, facts.sizes(item).tokens_estimate));
        let rest = Rest { agents: AgentNames::of(graph).into(), tokens: tokens.into(), origins: HashMap::default() };
        Self::part(graph, facts, rest, source, limits)
    }

    /// Prepares a part of a rollout for questions: a graph that has only some of its objects. What is asked of an object is
    /// answered as of the whole rollout, as far as the part has the objects that the answer is about.
    pub fn part(
        graph: &'a RolloutTrace,
        facts: &'a Facts,
        rest: Rest,
        source: &'a mut dyn PayloadSource,
        limits: &Limits,
    ) -> Self {
        let calls = calls_by_start(graph);
        let numbers = calls.iter().zip(1..).map(|(call, number)| (&call.inference_call_id, number)).collect();
        let context_tokens = vec![OnceCell::new(); calls.len()];
        let payloads = Payloads { source, buffer: PayloadBuffer::default(), max_nesting: limits.max_nesting };
        Self {
            graph,
            facts,
            payloads: payloads.into(),
            agents: rest.agents,
            calls,
            numbers,
            items: ItemPlaces::of(graph.conversation_items.keys().copied()).into(),
            tokens: rest.tokens,
            known_origins: rest.origins,
            context_tokens,
            index: OnceCell::new(),
            unseen: OnceCell::new(),
            rebuilt: RefCell::default(),
        }
    }

    /// Returns the graph.
    pub fn graph(&self) -> &'a RolloutTrace {
        self.graph
    }

    /// Returns the facts of its payloads.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Returns the lookups that several questions need. They are built when the first question needs them.
    pub(crate) fn index(&self) -> &Index<'a> {
        self.index.get_or_init(|| Index::of(self))
    }

    /// Returns where an item comes from, if that was known before.
    pub(crate) fn known_origin(&self, item: ItemId) -> Option<&Origin> {
        self.known_origins.get(&item).map(Rc::as_ref)
    }

    /// Returns the places of the items among all items.
    pub(crate) fn items(&self) -> &Rc<ItemPlaces> {
        &self.items
    }

    /// Returns the name of a thread's agent.
    pub fn agent<'s>(&'s self, thread: &'s ThreadId) -> &'s str {
        self.agents.name(thread)
    }

    /// Returns the inference calls in the order in which they started.
    pub fn calls(&self) -> &[&'a InferenceCall] {
        &self.calls
    }

    /// Returns the name of an inference call, `inference-N` for the N-th one that started.
    pub fn call_name(&self, call: &InferenceCallId) -> String {
        self.numbers.get(call).map_or_else(|| call.to_string(), |number| format!("inference-{number}"))
    }

    /// Returns the number of an inference call, from 1; 0 if the rollout has no such call.
    pub fn call_number(&self, call: &InferenceCallId) -> usize {
        self.numbers.get(call).copied().unwrap_or_default()
    }

    /// Returns the sizes of an item's model text; none if the graph does not contain the item.
    pub fn sizes(&self, item: ItemId) -> Sizes {
        self.graph.conversation_items.get(&item).map(|item| self.facts.sizes(item)).unwrap_or_default()
    }

    /// Returns the estimated tokens of a call's request, or `None` if the request is not readable.
    pub fn context_tokens(&self, call: &InferenceCall) -> Option<u64> {
        let add = || Some(self.tokens_by_section(call)?.into_iter().map(|(_, tokens)| tokens).sum());
        let place = self.call_number(&call.inference_call_id).checked_sub(1);
        place.map_or_else(add, |place| *self.context_tokens[place].get_or_init(add))
    }

    /// Returns the estimated tokens of each section of a call's request, or `None` if the request is not readable.
    pub(crate) fn tokens_by_section(&self, call: &InferenceCall) -> Option<[(SectionName, u64); 4]> {
        let request = self.facts.request(&call.inference_call_id)?;
        let tokens = |id: &DefinitionId| self.facts.definition(*id).sizes.tokens_estimate;
        Some([
            (SectionName::Tools, request.tools.iter().map(tokens).sum()),
            (SectionName::Instructions, request.instructions.iter().map(tokens).sum()),
            (SectionName::OutputFormat, request.output_format.iter().map(tokens).sum()),
            (SectionName::Items, self.tokens.of(&call.request_item_ids)),
        ])
    }

    /// Returns how many estimated tokens the first items of a run have that are not more than `tokens` together, and the
    /// first item that is not among them.
    pub(crate) fn fitting(&self, run: ItemRun, tokens: u64) -> (u64, Option<ItemId>) {
        self.tokens.fitting(run, tokens)
    }

    /// Returns the estimated tokens of the first items of a list.
    pub(crate) fn tokens_of_first(&self, items: &ItemRuns, count: usize) -> u64 {
        self.tokens.of(items) - items.skip(count).map(|item| self.sizes(item).tokens_estimate).sum::<u64>()
    }

    /// Returns the tool call that produced an item. A call that began after the item was first seen cannot have
    /// produced it: evidence was lost, and the link is wrong.
    pub fn tool_behind(&self, item: &ConversationItem) -> Option<&'a ToolCall> {
        item.produced_by.iter().find_map(|producer| match producer {
            ProducerRef::Tool { tool_call_id } => {
                self.graph.tool_calls.get(tool_call_id).filter(|call| call.execution.started_seq <= item.first_seen_seq)
            }
            _ => None,
        })
    }

    /// Reads a payload that is JSON. Returns `None` if it is lost or damaged.
    pub fn document<T>(&self, id: &RawPayloadId, read: impl FnOnce(&Json<'_>) -> Option<T>) -> Option<T> {
        let reference = self.graph.raw_payloads.get(id)?;
        let mut payloads = self.payloads.borrow_mut();
        let Payloads { source, buffer, max_nesting } = &mut *payloads;
        source.load(reference, buffer).ok()?;
        let (document, _) = Json::parse(buffer.bytes(), *max_nesting).ok()?;
        read(&document)
    }
}
