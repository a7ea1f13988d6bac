//! Joins tool calls and code cells with the conversation items that call and answer, whichever come first.
//!
//! Source: reduction, sections 5.12, 9.2 and 9.3.

use std::collections::{BTreeSet, HashMap};

use rollout_trace_model::{CodeCellId, DiagnosticCode, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::{InferenceCallId, ModelVisibleCallId, ThreadId, ToolCallId};

use crate::{
    context::Context,
    fingerprint::Fingerprint,
    graph::Graph,
    origin::{Appearance, Origin},
};

/// A call id belongs to its thread, because a forked thread begins with copies of its parent's calls.
type CallKey = (ThreadId, ModelVisibleCallId);

/// The uses of each call id of a thread, in order.
///
/// A provider may restart its numbering in each response, and then one id names several calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    uses: HashMap<CallKey, Vec<CallUse>>,
    /// The threads in which a tool call or a code cell has each call id.
    owners: HashMap<ModelVisibleCallId, Vec<ThreadId>>,
    /// The threads that show items with each call id.
    showing: HashMap<ModelVisibleCallId, Vec<ThreadId>>,
    /// The items of each thread that were seen before a tool call or code cell with their call id started in another
    /// thread. They are linked to it when they are seen again.
    foreign: HashMap<ThreadId, Vec<ItemId>>,
}

/// One use of a call id: a call and all that belongs to it.
#[derive(Debug, Default)]
struct CallUse {
    calls: Vec<Part>,
    outputs: Vec<Part>,
    tool: Option<ToolCallId>,
    cell: Option<CodeCellId>,
    /// The inference call whose response made the call, if that was seen.
    made_by: Option<InferenceCallId>,
}

/// One item of a call.
#[derive(Clone, Debug)]
struct Part {
    item: ItemId,
    kind: ItemKind,
    content: Fingerprint,
    /// Whether a payload has shown it to the model. Otherwise it was only accepted.
    is_shown: bool,
}

impl CallUse {
    /// Joins a call that was copied from another thread with its tool call and code cell there, if it has none here.
    fn inherit(&mut self, elsewhere: Option<(Option<ToolCallId>, Option<CodeCellId>)>) {
        if let Some((tool, cell)) = elsewhere
            && (self.tool.is_none() && self.cell.is_none())
        {
            self.tool = tool;
            self.cell = cell;
        }
    }

    fn shows(parts: &[Part], kind: &ItemKind, content: Fingerprint) -> bool {
        parts.iter().any(|part| part.kind == *kind && part.content == content)
    }
}

fn is_call(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::FunctionCall | ItemKind::CustomToolCall)
}

/// Returns whether items of this kind answer calls.
pub(crate) fn is_output(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput)
}

impl Calls {
    /// Joins a new item with the tool call or code cell that it calls or answers. `content` is the item's fingerprint.
    pub(crate) fn link_item(
        &mut self,
        cx: &mut Context<'_>,
        origin: &Origin<'_>,
        item_id: ItemId,
        content: Fingerprint,
    ) {
        let item = &cx.graph.conversation_items[&item_id];
        let Some(call_id) = item.call_id.clone() else { return };
        let is_shown = origin.appearance != Appearance::Accepted;
        let part = Part { item: item_id, kind: item.kind.clone(), content, is_shown };
        let showing = self.showing.entry(call_id.clone()).or_default();
        if !showing.contains(origin.thread) {
            showing.push(origin.thread.clone());
        }
        if is_call(&part.kind) {
            self.link_call_item(cx, origin, &call_id, part);
        } else if is_output(&part.kind) {
            self.link_output_item(cx, origin, &call_id, part);
        }
    }

    fn link_call_item(&mut self, cx: &mut Context<'_>, origin: &Origin<'_>, call_id: &ModelVisibleCallId, part: Part) {
        let elsewhere = self.elsewhere(origin.thread, call_id);
        let uses = self.uses.entry((origin.thread.clone(), call_id.clone())).or_default();
        let shown_by = uses.iter().rposition(|call| CallUse::shows(&call.calls, &part.kind, part.content));
        let place = shown_by.or_else(|| {
            // The last use may have a tool call, a code cell or an output, but no call item of this kind yet.
            let last = uses.last()?;
            (!last.calls.iter().any(|other| other.kind == part.kind)).then(|| uses.len() - 1)
        });
        let place = place.unwrap_or_else(|| {
            if let Some(last) = uses.last() {
                let (code, why) = if origin.response_of().is_some() && last.made_by.as_ref() != origin.response_of() {
                    (
                        DiagnosticCode::CallIdRenumbered,
                        "names another call in a later response; the graph has both calls",
                    )
                } else {
                    (DiagnosticCode::CallIdReused, "occurs again with other content; the graph has both, as two calls")
                };
                cx.report.event(code, &[call_id, &part.item], format!("call id {call_id} {why}"));
            }
            uses.push(CallUse::default());
            uses.len() - 1
        });
        let call = &mut uses[place];
        if call.made_by.is_none() {
            call.made_by = origin.response_of().cloned();
        }
        call.inherit(elsewhere);
        call.calls.push(part.clone());
        if let Some(tool) = &call.tool {
            cx.graph.object_mut(tool).model_visible_call_item_ids.push(part.item);
        }
        self.list_started_tools(cx.graph, part.item);
    }

    fn link_output_item(
        &mut self,
        cx: &mut Context<'_>,
        origin: &Origin<'_>,
        call_id: &ModelVisibleCallId,
        part: Part,
    ) {
        let elsewhere = self.elsewhere(origin.thread, call_id);
        let uses = self.uses.entry((origin.thread.clone(), call_id.clone())).or_default();
        if uses.is_empty() {
            uses.push(CallUse::default());
        }
        let last = uses.len() - 1;
        let place = if uses[last].outputs.is_empty() {
            last
        } else {
            let shown_by = uses.iter().rposition(|call| CallUse::shows(&call.outputs, &part.kind, part.content));
            shown_by.unwrap_or(last)
        };
        let call = &mut uses[place];
        call.inherit(elsewhere);
        let is_rewritten = !cx.rules.outputs_may_repeat()
            && call.cell.is_none()
            && call.outputs.iter().any(|other| other.kind == part.kind)
            && !CallUse::shows(&call.outputs, &part.kind, part.content);
        call.outputs.push(part.clone());
        if is_rewritten {
            let message = format!(
                "the output of call {call_id} occurs again with other content, as in a trimmed history; \
                 it is a separate item"
            );
            cx.report.event(DiagnosticCode::OutputRewritten, &[call_id, &part.item], message);
        }
        list_output(cx.graph, call, &part);
    }

    /// Lists an accepted output at its tool call and code cell, now that a payload shows it to the model. `call_id` is
    /// the one that the payload shows, which may differ from the accepted one.
    ///
    /// Source: bundle 3, section 4.6.
    pub(crate) fn show_output(
        &mut self,
        cx: &mut Context<'_>,
        origin: &Origin<'_>,
        call_id: &ModelVisibleCallId,
        (item, kind, content): (ItemId, &ItemKind, Fingerprint),
    ) {
        let uses = self.uses.get_mut(&(origin.thread.clone(), call_id.clone()));
        let known = uses.into_iter().flatten().find_map(|call| {
            let place = call.outputs.iter().position(|part| part.item == item)?;
            Some((call, place))
        });
        match known {
            Some((call, place)) => {
                let mut part = call.outputs.remove(place);
                part.is_shown = true;
                call.outputs.push(part.clone());
                list_output(cx.graph, call, &part);
            }
            None => {
                let part = Part { item, kind: kind.clone(), content, is_shown: true };
                self.link_output_item(cx, origin, call_id, part);
            }
        }
    }

    /// Joins a new tool call with the items of its call. The graph already has the tool call.
    pub(crate) fn link_tool(&mut self, cx: &mut Context<'_>, call_id: &ModelVisibleCallId, tool: &ToolCallId) {
        let thread = cx.graph.tool_calls[tool].thread_id.clone();
        let key = (thread, call_id.clone());
        self.note_owner(&key);
        self.note_foreign(&key);
        self.disinherit(cx.graph, &key);
        let uses = self.uses.entry(key).or_default();
        if let Some(last) = uses.last_mut()
            && let Some(first) = last.tool.clone()
            && let Some(later) = split_call(cx, last, call_id, &first)
        {
            uses.push(later);
        }
        if uses.last().is_none_or(|call| call.tool.is_some()) {
            uses.push(CallUse::default());
        }
        let last = uses.len() - 1;
        let call = &mut uses[last];
        call.tool = Some(tool.clone());
        let calls: Vec<_> = call.calls.iter().map(|part| part.item).collect();
        let tool_call = cx.graph.object_mut(tool);
        tool_call.model_visible_call_item_ids.extend(&calls);
        if cx.rules.exec_is_tool_call() {
            tool_call.started_code_cell_id = call.cell.clone();
        }
        for part in &call.outputs {
            add_tool_output(cx.graph, tool, part.item);
        }
        for item in calls {
            self.list_started_tools(cx.graph, item);
        }
    }

    /// Joins a code cell with its tool call and its outputs. The graph already has the cell.
    ///
    /// Source: reduction, section 11.4.
    pub(crate) fn link_cell(&mut self, cx: &mut Context<'_>, id: &CodeCellId) {
        let cell = &cx.graph.code_cells[id];
        let source = cell.source_item_id;
        let key = (cell.thread_id.clone(), cell.model_visible_call_id.clone());
        self.note_owner(&key);
        self.note_foreign(&key);
        self.disinherit(cx.graph, &key);
        let uses = self.uses.entry(key).or_default();
        let call = uses
            .iter_mut()
            .find(|call| call.calls.iter().any(|part| part.item == source))
            .expect("the source of a code cell is an item of its call");
        call.cell = Some(id.clone());
        if let Some(tool) = &call.tool
            && cx.rules.exec_is_tool_call()
        {
            cx.graph.object_mut(tool).started_code_cell_id = Some(id.clone());
        }
        for part in call.outputs.iter().filter(|part| part.kind == ItemKind::CustomToolCallOutput) {
            add_cell_output(cx.graph, id, part.item);
        }
    }

    /// Returns the latest item with source code under this call id.
    pub(crate) fn source_item(&self, thread: &ThreadId, call_id: &ModelVisibleCallId) -> Option<ItemId> {
        let last = self.uses.get(&(thread.clone(), call_id.clone()))?.last()?;
        let source = last.calls.iter().find(|part| part.kind == ItemKind::CustomToolCall)?;
        Some(source.item)
    }

    /// Returns all items that show the same call as this item.
    pub(crate) fn items_of_call(&self, graph: &Graph, item_id: ItemId) -> impl Iterator<Item = ItemId> {
        let call = self.call_of(graph, item_id);
        call.into_iter().flat_map(|call| &call.calls).map(|part| part.item)
    }

    /// Lists the tool call of this call item at each inference call whose response holds an item of the same call.
    ///
    /// Source: reduction, section 9.3.
    pub(crate) fn list_started_tools(&self, graph: &mut Graph, item_id: ItemId) {
        let Some(call) = self.call_of(graph, item_id) else { return };
        let Some(tool) = &call.tool else { return };
        // The response may hold the call as another item than this one, even in another thread.
        for item in graph.tool_calls[tool].model_visible_call_item_ids.clone() {
            for inference in inferences(graph, item) {
                let Some(inference_call) = graph.inference_calls.get(&inference) else { continue };
                // While a response is being reconciled, its `response_item_ids` are not set yet.
                if inference_call.response_item_ids.contains(&item)
                    && !inference_call.tool_call_ids_started_by_response.contains(tool)
                {
                    graph.object_mut(&inference).tool_call_ids_started_by_response.push(tool.clone());
                }
            }
        }
    }

    fn call_of(&self, graph: &Graph, item_id: ItemId) -> Option<&CallUse> {
        let item = &graph.conversation_items[&item_id];
        let call_id = item.call_id.clone().filter(|_| is_call(&item.kind))?;
        let uses = self.uses.get(&(item.thread_id.clone(), call_id))?;
        uses.iter().find(|call| call.calls.iter().any(|part| part.item == item_id))
    }

    /// Joins items of `foreign` with their tool call and code cell, if `is_seen` says that they have been seen again.
    ///
    /// Source: reduction, section 9.2.
    pub(crate) fn link_foreign(
        &mut self,
        cx: &mut Context<'_>,
        thread: &ThreadId,
        mut is_seen: impl FnMut(ItemId) -> bool,
    ) {
        let Some(foreign) = self.foreign.get_mut(thread) else { return };
        let seen: Vec<_> = foreign.extract_if(.., |item| is_seen(*item)).collect();
        if foreign.is_empty() {
            self.foreign.remove(thread);
        }
        for item_id in seen {
            let Some(call_id) = cx.graph.conversation_items[&item_id].call_id.clone() else { continue };
            let elsewhere = self.elsewhere(thread, &call_id);
            let uses = self.uses.get_mut(&(thread.clone(), call_id)).into_iter().flatten();
            let shows = |call: &&mut CallUse| call.calls.iter().chain(&call.outputs).any(|part| part.item == item_id);
            let Some(call) = { uses }.find(shows) else { continue };
            call.inherit(elsewhere);
            if let Some(part) = call.outputs.iter_mut().find(|part| part.item == item_id) {
                part.is_shown = true;
                let part = part.clone();
                list_output(cx.graph, call, &part);
            } else if let Some(tool) = &call.tool {
                let items = &cx.graph.tool_calls[tool].model_visible_call_item_ids;
                if !items.contains(&item_id) {
                    cx.graph.object_mut(tool).model_visible_call_item_ids.push(item_id);
                }
                self.list_started_tools(cx.graph, item_id);
            }
        }
    }

    fn note_foreign(&mut self, (owner, call_id): &CallKey) {
        for thread in self.showing.get(call_id).into_iter().flatten().filter(|thread| *thread != owner) {
            let uses = self.uses.get(&(thread.clone(), call_id.clone())).into_iter().flatten();
            let free = uses.filter(|call| call.tool.is_none() && call.cell.is_none());
            let items = free.flat_map(|call| call.calls.iter().chain(&call.outputs)).map(|part| part.item);
            self.foreign.entry(thread.clone()).or_default().extend(items);
        }
    }

    fn note_owner(&mut self, (thread, call_id): &CallKey) {
        let owners = self.owners.entry(call_id.clone()).or_default();
        if !owners.contains(thread) {
            owners.push(thread.clone());
        }
    }

    /// Returns the tool call and the code cell with a call id in another thread, if exactly one thread has any. A
    /// forked thread begins with its parent's items, which belong to the parent's tool calls.
    ///
    /// Source: reduction, section 9.2.
    fn elsewhere(
        &self,
        thread: &ThreadId,
        call_id: &ModelVisibleCallId,
    ) -> Option<(Option<ToolCallId>, Option<CodeCellId>)> {
        let [owner] = self.owners.get(call_id)?.as_slice() else { return None };
        let call = self.uses.get(&(owner.clone(), call_id.clone()))?.last()?;
        (owner != thread).then(|| (call.tool.clone(), call.cell.clone()))
    }

    /// Separates a call from the tool call and code cell of another thread, because this thread turns out to have its
    /// own.
    fn disinherit(&mut self, graph: &mut Graph, key: &CallKey) {
        let Some(call) = self.uses.get_mut(key).and_then(|uses| uses.last_mut()) else { return };
        let is_own = |item: &ItemId| call.calls.iter().chain(&call.outputs).any(|part| part.item == *item);
        let mut foreign = Vec::new();
        if let Some(id) = &call.tool
            && graph.tool_calls[id].thread_id != key.0
        {
            let tool = graph.object_mut(id);
            tool.model_visible_call_item_ids.retain(|item| !is_own(item));
            tool.model_visible_output_item_ids.retain(|item| !is_own(item));
            foreign.push(ProducerRef::Tool { tool_call_id: id.clone() });
        }
        if let Some(id) = &call.cell
            && graph.code_cells[id].thread_id != key.0
        {
            graph.object_mut(id).output_item_ids.retain(|item| !is_own(item));
            foreign.push(ProducerRef::CodeCell { code_cell_id: id.clone() });
        }
        if foreign.is_empty() {
            return;
        }
        call.tool = None;
        call.cell = None;
        for part in &call.outputs {
            graph.object_mut(&part.item).produced_by.retain(|producer| !foreign.contains(producer));
        }
    }
}

/// Splits the use of a call id for a second tool call. The call items that responses showed after the first tool call
/// ended belong to the second call, which is returned. Returns `None` if there are none.
fn split_call(
    cx: &mut Context<'_>,
    call: &mut CallUse,
    call_id: &ModelVisibleCallId,
    first: &ToolCallId,
) -> Option<CallUse> {
    let ended = cx.graph.tool_calls[first].execution.ended_seq;
    let items = &cx.graph.conversation_items;
    let is_later = |part: &Part| {
        let item = &items[&part.item];
        let is_answer = item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::Inference { .. }));
        is_answer && ended.is_some_and(|ended| item.first_seen_seq > ended)
    };
    let calls: Vec<_> = call.calls.extract_if(.., |part| is_later(part)).collect();
    if calls.is_empty() {
        let message =
            format!("a second tool call has call id {call_id}, which belongs to {first}; each keeps its own items");
        cx.report.event(DiagnosticCode::CallIdReused, &[call_id, first], message);
        return None;
    }
    let message = format!("call id {call_id} names another call in a later response; the graph has both calls");
    cx.report.event(DiagnosticCode::CallIdRenumbered, &[call_id, first], message);
    let first_call = cx.graph.object_mut(first);
    first_call.model_visible_call_item_ids.retain(|item| calls.iter().all(|part| part.item != *item));
    // The responses that made the later call did not start the first tool call.
    let kept = first_call.model_visible_call_item_ids.clone();
    let responses: BTreeSet<_> = calls.iter().flat_map(|part| inferences(cx.graph, part.item)).collect();
    for inference in responses {
        let Some(inference_call) = cx.graph.get_mut(&inference) else { continue };
        let made = |item: &ItemId| inference_call.response_item_ids.contains(item);
        if calls.iter().any(|part| made(&part.item)) && !kept.iter().any(made) {
            inference_call.tool_call_ids_started_by_response.retain(|tool| tool != first);
        }
    }
    Some(CallUse { calls, ..CallUse::default() })
}

/// Returns the inference calls whose responses hold an item.
fn inferences(graph: &Graph, item: ItemId) -> Vec<InferenceCallId> {
    let producers = graph.conversation_items[&item].produced_by.iter();
    let inference = |producer: &ProducerRef| match producer {
        ProducerRef::Inference { inference_call_id } => Some(inference_call_id.clone()),
        _ => None,
    };
    producers.filter_map(inference).collect()
}

/// Lists an output at its tool call and code cell, if the model was shown it. The tool call is its producer in any
/// case.
fn list_output(graph: &mut Graph, call: &CallUse, part: &Part) {
    if let Some(tool) = &call.tool {
        if part.is_shown {
            add_tool_output(graph, tool, part.item);
        } else {
            add_producer(graph, part.item, ProducerRef::Tool { tool_call_id: tool.clone() });
        }
    }
    if let Some(cell) = &call.cell
        && part.is_shown
        && part.kind == ItemKind::CustomToolCallOutput
    {
        add_cell_output(graph, cell, part.item);
    }
}

fn add_tool_output(graph: &mut Graph, tool: &ToolCallId, item: ItemId) {
    if !graph.tool_calls[tool].model_visible_output_item_ids.contains(&item) {
        graph.object_mut(tool).model_visible_output_item_ids.push(item);
    }
    add_producer(graph, item, ProducerRef::Tool { tool_call_id: tool.clone() });
}

fn add_cell_output(graph: &mut Graph, cell: &CodeCellId, item: ItemId) {
    if !graph.code_cells[cell].output_item_ids.contains(&item) {
        graph.object_mut(cell).output_item_ids.push(item);
    }
    add_producer(graph, item, ProducerRef::CodeCell { code_cell_id: cell.clone() });
}

/// Adds a producer to an item, unless the item already has it.
pub(crate) fn add_producer(graph: &mut Graph, item: ItemId, producer: ProducerRef) {
    if !graph.conversation_items[&item].produced_by.contains(&producer) {
        graph.object_mut(&item).produced_by.push(producer);
    }
}
