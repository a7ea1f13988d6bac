//! What several columns look up.

use rollout_trace_answers::{calls_by_start, turn_numbers};
use rollout_trace_model::{
    CodeCellId, InferenceCall, ItemId, RolloutTrace,
    map::{HashMap, HashSet},
};
use rollout_trace_schema::{CodexTurnId, InferenceCallId, ThreadId, ToolCallId};

use crate::value::count;

/// What several columns look up.
#[derive(Debug)]
pub(crate) struct Lookups<'r> {
    calls_of_threads: Vec<(&'r ThreadId, Vec<&'r InferenceCall>)>,
    ordinals: HashMap<&'r InferenceCallId, i64>,
    turns: HashMap<&'r CodexTurnId, usize>,
    listed: HashSet<ItemId>,
    starters: HashMap<&'r CodeCellId, &'r ToolCallId>,
}

impl<'r> Lookups<'r> {
    pub(crate) fn of(graph: &'r RolloutTrace) -> Self {
        let mut by_thread: HashMap<_, Vec<_>> = HashMap::default();
        for call in calls_by_start(graph) {
            by_thread.entry(&call.thread_id).or_default().push(call);
        }
        let mut calls_of_threads: Vec<_> = by_thread.into_iter().collect();
        calls_of_threads.sort_by_key(|(thread, _)| *thread);
        let numbered = calls_of_threads.iter().flat_map(|(_, calls)| calls.iter().zip(1..));
        let ordinals = numbered.map(|(call, ordinal)| (&call.inference_call_id, ordinal)).collect();
        let items = graph.threads.values().flat_map(|thread| &thread.conversation_item_ids);
        let tools = graph.tool_calls.values();
        let starters = tools.filter_map(|call| Some((call.started_code_cell_id.as_ref()?, &call.tool_call_id)));
        Self {
            ordinals,
            calls_of_threads,
            turns: turn_numbers(graph),
            listed: items.copied().collect(),
            starters: starters.collect(),
        }
    }

    /// Returns the inference calls of each thread, in the order in which they started. The threads are ordered by id.
    pub(crate) fn calls_of_threads(&self) -> &[(&'r ThreadId, Vec<&'r InferenceCall>)] {
        &self.calls_of_threads
    }

    /// Returns the number of an inference call in its thread, from 1.
    pub(crate) fn call(&self, call: &InferenceCallId) -> i64 {
        self.ordinals.get(call).copied().unwrap_or_default()
    }

    /// Returns the number of a turn in the rollout, from 1.
    pub(crate) fn turn(&self, turn: &CodexTurnId) -> i64 {
        self.turns.get(turn).map_or(0, |number| count(*number))
    }

    /// Returns whether the conversation of a thread lists an item.
    pub(crate) fn is_listed(&self, item: ItemId) -> bool {
        self.listed.contains(&item)
    }

    /// Returns the tool call that started a code cell.
    pub(crate) fn starter(&self, cell: &CodeCellId) -> Option<&'r ToolCallId> {
        self.starters.get(cell).copied()
    }
}
