//! Leaving out what is not asked for.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_schema::{CellStatus, CodexTurnId, ExecutionStatus, InferenceCallId, Seq, ThreadId};

use super::{
    losses::Losses,
    places::{Places, Step},
};
use crate::{CodeCell, Execution, InferenceCall, RolloutTrace, ToolCall};

/// What is drawn. What is left out is still drawn as a head if something below it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Only what ran at or after this event.
    pub(super) since: Option<Seq>,
    /// Only what failed, or lacks evidence.
    pub(super) failures: bool,
}

impl Selection {
    pub(super) fn is_everything(self) -> bool {
        self == Self::default()
    }
}

/// The objects that are drawn.
pub(super) struct Selected<'a> {
    selection: Selection,
    turns: BTreeSet<&'a CodexTurnId>,
    threads: BTreeSet<&'a ThreadId>,
    /// The calls of which only the head is drawn.
    heads: BTreeSet<&'a InferenceCallId>,
}

impl<'a> Selected<'a> {
    /// Leaves out of the places whatever is not selected.
    pub(super) fn of(
        graph: &'a RolloutTrace,
        places: &mut Places<'a>,
        losses: &Losses<'a>,
        selection: Selection,
    ) -> Self {
        let mut selected = Self { selection, turns: BTreeSet::new(), threads: BTreeSet::new(), heads: BTreeSet::new() };
        if selection.is_everything() {
            return selected;
        }
        let wanted = Wanted { graph, losses, selection };
        // From the inside out, because what remains inside keeps the outside.
        retain(&mut places.tools_of_cell, |tool| wanted.tool(tool));
        let cell = |cell: &&CodeCell| wanted.cell(cell) || places.tools_of_cell.contains_key(&cell.code_cell_id);
        retain(&mut places.cells_of_tool, cell);
        retain(&mut places.cells_of_inference, cell);
        let tool = |tool: &&ToolCall| wanted.tool(tool) || places.cells_of_tool.contains_key(&tool.tool_call_id);
        retain(&mut places.tools_of_inference, tool);
        let mut heads = BTreeSet::new();
        let mut step = |step: &Step<'a>| match step {
            Step::Inference(call) => {
                let id = &call.inference_call_id;
                let is_wanted = wanted.execution(&call.execution, id);
                let holds_others = places.tools_of_inference.contains_key(id)
                    || places.cells_of_inference.contains_key(id)
                    || wanted.is_recent(&call.execution) && losses.are_before(call.execution.started_seq);
                if holds_others && !is_wanted {
                    heads.insert(id);
                }
                is_wanted || holds_others
            }
            Step::Tool(call) => tool(call),
            Step::Cell(code) => cell(code),
            Step::Compaction(compaction) => {
                let requests = compaction.request_ids.iter().filter_map(|id| graph.compaction_requests.get(id));
                let since = selection.since.is_none_or(|since| compaction.installed_seq >= since);
                let failed = !selection.failures || losses.concern(&compaction.compaction_id) || { requests }
                    .any(|request| has_failed(&request.execution.status));
                since && failed
            }
            Step::CompactionRequest(request) => wanted.execution(&request.execution, &request.compaction_request_id),
        };
        retain(&mut places.of_turn, &mut step);
        retain(&mut places.of_thread, &mut step);
        places.of_nothing.retain(&mut step);
        selected.heads = heads;
        for turn in graph.codex_turns.values() {
            let holds_steps = places.of_turn.contains_key(&turn.codex_turn_id);
            if holds_steps || wanted.execution(&turn.execution, &turn.codex_turn_id) {
                selected.turns.insert(&turn.codex_turn_id);
                selected.threads.insert(&turn.thread_id);
            }
        }
        for thread in graph.threads.values() {
            if places.of_thread.contains_key(&thread.thread_id)
                || wanted.execution(&thread.execution, &thread.thread_id)
            {
                selected.threads.insert(&thread.thread_id);
            }
        }
        selected
    }

    pub(super) fn is_everything(&self) -> bool {
        self.selection.is_everything()
    }

    pub(super) fn has_thread(&self, thread: &ThreadId) -> bool {
        self.is_everything() || self.threads.contains(thread)
    }

    pub(super) fn has_turn(&self, turn: &CodexTurnId) -> bool {
        self.is_everything() || self.turns.contains(turn)
    }

    /// Returns whether the request and the response of a call are drawn.
    pub(super) fn has_content(&self, call: &InferenceCall) -> bool {
        !self.heads.contains(&call.inference_call_id)
    }

    /// Returns whether something that happened at an event and did not fail is drawn.
    pub(super) fn has_event(&self, seq: Seq) -> bool {
        !self.selection.failures && self.selection.since.is_none_or(|since| seq >= since)
    }
}

/// Keeps the objects that are wanted, and the places that hold some.
fn retain<K: Ord, T>(places: &mut BTreeMap<K, Vec<T>>, mut is_wanted: impl FnMut(&T) -> bool) {
    places.retain(|_, objects| {
        objects.retain(&mut is_wanted);
        !objects.is_empty()
    });
}

/// Decides about objects by themselves.
struct Wanted<'s, 'a> {
    graph: &'a RolloutTrace,
    losses: &'s Losses<'a>,
    selection: Selection,
}

impl Wanted<'_, '_> {
    fn execution(&self, execution: &Execution, id: &str) -> bool {
        self.is_recent(execution)
            && (!self.selection.failures || has_failed(&execution.status) || self.losses.concern(id))
    }

    fn is_recent(&self, execution: &Execution) -> bool {
        self.selection.since.is_none_or(|since| execution.ended_seq.is_none_or(|end| end >= since))
    }

    fn tool(&self, tool: &ToolCall) -> bool {
        let operation = tool.terminal_operation_id.and_then(|id| self.graph.terminal_operations.get(&id));
        let exit_code = operation.and_then(|operation| operation.result.as_ref()?.exit_code);
        self.execution(&tool.execution, &tool.tool_call_id)
            || self.is_recent(&tool.execution) && exit_code.is_some_and(|code| code != 0)
    }

    fn cell(&self, cell: &CodeCell) -> bool {
        self.execution(&cell.execution, &cell.code_cell_id.0)
            || self.is_recent(&cell.execution) && cell.runtime_status == CellStatus::Failed
    }
}

fn has_failed(status: &ExecutionStatus) -> bool {
    matches!(status, ExecutionStatus::Failed | ExecutionStatus::Cancelled | ExecutionStatus::Aborted)
}
