//! What every format needs of a rollout.

use rollout_trace_answers::{Clock, Relations, Rollout, ToolTitle, turn_numbers};
use rollout_trace_model::{
    Compaction, InferenceCall, ItemId, ItemRun, RecordingStatus, RolloutTrace, ToolCall, map::HashMap,
};
use rollout_trace_schema::{CodexTurnId, ThreadId, ToolCallId};

use crate::spans::Spans;

/// A rollout with what every format needs of it.
#[derive(Debug)]
pub(crate) struct Subject<'r, 'a> {
    pub(crate) rollout: &'r Rollout<'a>,
    pub(crate) graph: &'a RolloutTrace,
    pub(crate) clock: Clock,
    pub(crate) relations: Relations<'a>,
    pub(crate) spans: Spans<'a>,
    turns: HashMap<&'a CodexTurnId, usize>,
    titles: HashMap<&'a ToolCallId, ToolTitle>,
    items: Vec<ItemId>,
    calls: HashMap<&'a ThreadId, Vec<&'a InferenceCall>>,
    compactions: HashMap<&'a ThreadId, Vec<&'a Compaction>>,
}

impl<'r, 'a> Subject<'r, 'a> {
    pub(crate) fn of(rollout: &'r Rollout<'a>) -> Self {
        let graph = rollout.graph();
        let (clock, relations) = (Clock::of(graph), Relations::of(graph));
        let titles = graph.tool_calls.values().map(|call| (&call.tool_call_id, rollout.tool_title(call))).collect();
        let spans = Spans::of(graph, &clock, &relations);
        let items = graph.conversation_items.keys().copied().collect();
        let mut calls: HashMap<_, Vec<_>> = HashMap::default();
        rollout.calls().iter().for_each(|call| calls.entry(&call.thread_id).or_default().push(*call));
        let mut compactions: HashMap<_, Vec<_>> = HashMap::default();
        for compaction in graph.compactions.values() {
            compactions.entry(&compaction.thread_id).or_default().push(compaction);
        }
        Self { rollout, graph, clock, relations, spans, turns: turn_numbers(graph), titles, items, calls, compactions }
    }

    /// Returns the name of a turn, which has its number in the rollout.
    pub(crate) fn turn_name(&self, turn: &CodexTurnId) -> String {
        format!("turn {}", self.turns.get(turn).copied().unwrap_or_default())
    }

    /// Returns the inference calls of a thread, in the order in which they started.
    pub(crate) fn calls_of(&self, thread: &ThreadId) -> &[&'a InferenceCall] {
        self.calls.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Returns the compactions of a thread, in the order of their ids.
    pub(crate) fn compactions_of(&self, thread: &ThreadId) -> &[&'a Compaction] {
        self.compactions.get(thread).map_or(&[], Vec::as_slice)
    }

    /// Returns the places of a run's items among all items of the graph: of the first, and after the last.
    pub(crate) fn places(&self, run: ItemRun) -> (usize, usize) {
        let before = |number: u64| self.items.partition_point(|item| u64::from(item.0) < number);
        let first = u64::from(run.first.0);
        (before(first), before(first + u64::from(run.count)))
    }

    /// Returns what the tool of a call is called.
    pub(crate) fn title(&self, call: &ToolCall) -> &ToolTitle {
        &self.titles[&call.tool_call_id]
    }
}

/// Returns whether nothing can be missing at the end of a recording, or `None` if its schema does not say that.
pub(crate) fn recording_complete(graph: &RolloutTrace) -> Option<bool> {
    let closed = graph.recording_status.map(|status| status != RecordingStatus::Unclosed);
    graph.recording_complete.or(closed)
}
