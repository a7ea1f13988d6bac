//! What calls in a conversation led to. Also used by eval logs.

use rollout_trace_answers::{End, is_call, is_output};
use rollout_trace_model::{InteractionKind, ItemId, ToolCall, map::HashMap};
use rollout_trace_schema::{ModelVisibleCallId, ThreadId, ToolCallId};

use crate::subject::Subject;

/// Joins the calls in conversations with their outputs and with what was run for them.
#[derive(Debug, Default)]
pub(crate) struct Observations<'a> {
    outputs: HashMap<ItemId, Vec<ItemId>>,
    calls: HashMap<ItemId, ItemId>,
    tools: HashMap<ItemId, &'a ToolCall>,
    spawned: HashMap<&'a ToolCallId, Vec<&'a ThreadId>>,
}

impl<'a> Observations<'a> {
    pub(crate) fn of(subject: &Subject<'_, 'a>) -> Self {
        let graph = subject.graph;
        let mut observations = Self::default();
        // Items come in the order in which they were first seen, so the last call with an id is the one that is answered.
        let mut last: HashMap<(&ThreadId, &ModelVisibleCallId), ItemId> = HashMap::default();
        for item in graph.conversation_items.values() {
            let Some(call_id) = &item.call_id else { continue };
            if is_call(&item.kind) {
                last.insert((&item.thread_id, call_id), item.item_id);
            } else if is_output(&item.kind)
                && let Some(call) = last.get(&(&item.thread_id, call_id))
            {
                observations.outputs.entry(*call).or_default().push(item.item_id);
                observations.calls.insert(item.item_id, *call);
            }
        }
        for call in graph.tool_calls.values() {
            observations.tools.extend(call.model_visible_call_item_ids.iter().map(|item| (*item, call)));
        }
        for edge in graph.interaction_edges.values().filter(|edge| edge.kind == InteractionKind::SpawnAgent) {
            if let (Some(End::Tool(call)), Some(target)) =
                (subject.relations.source(edge), subject.relations.target(edge))
            {
                observations.spawned.entry(&call.tool_call_id).or_default().push(target.thread_id());
            }
        }
        observations
    }

    /// Returns the outputs of a call, in the order in which they were seen.
    pub(crate) fn outputs(&self, call: ItemId) -> &[ItemId] {
        self.outputs.get(&call).map_or(&[], Vec::as_slice)
    }

    /// Returns the call that an output answers.
    pub(crate) fn call(&self, output: ItemId) -> Option<ItemId> {
        self.calls.get(&output).copied()
    }

    /// Returns what was run for a call.
    pub(crate) fn tool(&self, call: ItemId) -> Option<&'a ToolCall> {
        self.tools.get(&call).copied()
    }

    /// Returns the threads that a tool call started.
    pub(crate) fn spawned(&self, call: &ToolCall) -> &[&'a ThreadId] {
        self.spawned.get(&call.tool_call_id).map_or(&[], Vec::as_slice)
    }
}
