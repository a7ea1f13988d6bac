//! Which responses started which tool calls.
//!
//! Source: reduction, section 9.3.

use rollout_trace_model::{InferenceCall, ItemId, ProducerRef};
use rollout_trace_schema::{InferenceCallId, ThreadId, ToolCallId};

use crate::{
    graph::Graph,
    map::{HashMap, HashSet},
};

/// Up to this many items of a response are searched one by one.
const SEARCHED: usize = 8;

/// Lists tool calls in the inference calls whose responses made them.
///
/// A response shows its calls before its own list of items is set, so they are listed later: when a call item of the
/// tool call is seen again, or when the tool call starts.
#[derive(Debug, Default)]
pub(super) struct Started {
    tools: HashMap<ToolCallId, CallItems>,
    /// The tool calls to look at when a request of the thread is known to show a part of the live snapshot again.
    pending: HashMap<ThreadId, Vec<ToolCallId>>,
    /// The responses with many items.
    large: HashMap<InferenceCallId, Large>,
}

/// The call items of one tool call.
#[derive(Debug, Default)]
struct CallItems {
    /// Those that responses showed, with the inference calls that do not list the tool call yet.
    unlisted: Vec<(ItemId, InferenceCallId)>,
    /// Those that may be in the live snapshot of their thread.
    recent: Vec<ItemId>,
}

#[derive(Debug, Default)]
struct Large {
    items: HashSet<ItemId>,
    tools: HashSet<ToolCallId>,
}

impl Started {
    /// Notes that a tool call has a call item.
    pub(super) fn note_item(&mut self, graph: &Graph, tool: &ToolCallId, item: ItemId) {
        let items = self.tools.entry(tool.clone()).or_default();
        items.recent.push(item);
        let known = items.unlisted.len();
        items.unlisted.extend(inferences(graph, item).map(|inference| (item, inference.clone())));
        if items.unlisted.len() > known {
            self.note_pending(graph, tool, item);
        }
    }

    /// Notes that a response shows a call item of a tool call.
    pub(super) fn note_answer(&mut self, graph: &Graph, tool: &ToolCallId, item: ItemId, inference: &InferenceCallId) {
        self.tools.entry(tool.clone()).or_default().unlisted.push((item, inference.clone()));
        self.note_pending(graph, tool, item);
    }

    /// Notes that a call item of a tool call, which had left the live snapshot, is seen again.
    pub(super) fn note_return(&mut self, tool: &ToolCallId, item: ItemId) {
        self.tools.entry(tool.clone()).or_default().recent.push(item);
    }

    /// Forgets call items that a tool call no longer has.
    pub(super) fn forget_items(&mut self, tool: &ToolCallId, forgotten: &HashSet<ItemId>) {
        if let Some(items) = self.tools.get_mut(tool) {
            items.unlisted.retain(|(item, _)| !forgotten.contains(item));
            items.recent.retain(|item| !forgotten.contains(item));
        }
    }

    fn note_pending(&mut self, graph: &Graph, tool: &ToolCallId, item: ItemId) {
        let (of_item, of_tool) = (&graph.conversation_items[&item].thread_id, &graph.tool_calls[tool].thread_id);
        for thread in [Some(of_item), Some(of_tool).filter(|thread| *thread != of_item)].into_iter().flatten() {
            match self.pending.get_mut(thread) {
                Some(pending) => pending.push(tool.clone()),
                None => _ = self.pending.insert(thread.clone(), vec![tool.clone()]),
            }
        }
    }

    /// Lists the pending tool calls of a thread of which a request shows a call item. `is_shown` says that of an item in
    /// the thread's live snapshot, and returns `None` for every other item of the thread. Returns the items that have
    /// left the snapshot.
    pub(super) fn list_shown(
        &mut self,
        graph: &mut Graph,
        thread: &ThreadId,
        is_shown: impl Fn(ItemId) -> Option<bool>,
    ) -> Vec<ItemId> {
        let mut left = Vec::new();
        let Some(mut pending) = self.pending.remove(thread) else { return left };
        pending.retain(|tool| {
            let Some(items) = self.tools.get_mut(tool).filter(|items| !items.unlisted.is_empty()) else { return false };
            let mut shown = false;
            items.recent.retain(|&item| {
                if shown || graph.conversation_items[&item].thread_id != *thread {
                    return true;
                }
                let state = is_shown(item);
                shown = state == Some(true);
                left.extend(state.is_none().then_some(item));
                state.is_some()
            });
            if shown {
                self.list(graph, tool, None);
            }
            !shown
        });
        if !pending.is_empty() {
            self.pending.insert(thread.clone(), pending);
        }
        left
    }

    /// Forgets the pending tool calls of a thread. Their call items have left the live snapshot, so they are sighted
    /// when they come back.
    pub(super) fn forget_pending(&mut self, thread: &ThreadId) {
        self.pending.remove(thread);
    }

    /// Forgets what is known about a response that another one replaces.
    pub(super) fn forget_response(&mut self, inference: &InferenceCallId) {
        self.large.remove(inference);
    }

    /// Lists a tool call in the inference calls whose responses hold one of its call items. While the response of the
    /// inference call `answering` is gone through, its list is not set yet.
    pub(super) fn list(&mut self, graph: &mut Graph, tool: &ToolCallId, answering: Option<&InferenceCallId>) {
        let Some(items) = self.tools.get_mut(tool).filter(|items| !items.unlisted.is_empty()) else { return };
        let mut unlisted = std::mem::take(&mut items.unlisted);
        unlisted.retain(|(item, inference)| {
            if self.holds(graph, inference, *item) {
                self.list_in(graph, inference, tool);
                return false;
            }
            answering == Some(inference)
        });
        self.tools.entry(tool.clone()).or_default().unlisted = unlisted;
    }

    /// Removes a tool call from the lists of these inference calls.
    pub(super) fn unlist(&mut self, graph: &mut Graph, inference: &InferenceCallId, tool: &ToolCallId) {
        if let Some(call) = graph.get_mut(inference) {
            call.tool_call_ids_started_by_response.retain(|other| other != tool);
        }
        if let Some(large) = self.large.get_mut(inference) {
            large.tools.remove(tool);
        }
    }

    /// Returns whether the response of an inference call holds an item.
    pub(super) fn holds(&mut self, graph: &Graph, inference: &InferenceCallId, item: ItemId) -> bool {
        let Some(call) = graph.inference_calls.get(inference) else { return false };
        match call.response_item_ids.len() <= SEARCHED {
            true => call.response_item_ids.contains(&item),
            false => self.large(inference, call).items.contains(&item),
        }
    }

    fn list_in(&mut self, graph: &mut Graph, inference: &InferenceCallId, tool: &ToolCallId) {
        let call = &graph.inference_calls[inference];
        let is_new = match call.response_item_ids.len() <= SEARCHED {
            true => !call.tool_call_ids_started_by_response.contains(tool),
            false => self.large(inference, call).tools.insert(tool.clone()),
        };
        if is_new {
            graph.object_mut(inference).tool_call_ids_started_by_response.push(tool.clone());
        }
    }

    fn large(&mut self, inference: &InferenceCallId, call: &InferenceCall) -> &mut Large {
        self.large.entry(inference.clone()).or_insert_with(|| Large {
            items: call.response_item_ids.iter().copied().collect(),
            tools: call.tool_call_ids_started_by_response.iter().cloned().collect(),
        })
    }
}

/// Returns the inference calls whose responses showed an item.
pub(super) fn inferences(graph: &Graph, item: ItemId) -> impl Iterator<Item = &InferenceCallId> {
    graph.conversation_items[&item].produced_by.iter().filter_map(|producer| match producer {
        ProducerRef::Inference { inference_call_id } => Some(inference_call_id),
        _ => None,
    })
}
