//! Joining tool calls, code cells and the conversation items that call and answer, whichever comes first.
//!
//! Source: reduction, sections 5.12, 9.2 and 9.3.

use std::collections::{BTreeSet, HashMap};

use rollout_trace_model::{CodeCellId, DiagnosticCode, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::{InferenceCallId, ModelVisibleCallId, SchemaVersion, ThreadId, ToolCallId};

use crate::{context::Context, fingerprint::Fingerprint, graph::Graph, origin::Origin};

/// A call id belongs to its thread: a forked thread begins with its parent's calls.
type CallKey = (ThreadId, ModelVisibleCallId);

/// The uses of each call id of a thread, in order.
///
/// A provider may number its calls anew in each response, so that one id names several calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    uses: HashMap<CallKey, Vec<CallUse>>,
    /// The threads in which a tool call or a code cell has each call id.
    owners: HashMap<ModelVisibleCallId, Vec<ThreadId>>,
}

/// What belongs to one call.
#[derive(Debug, Default)]
struct CallUse {
    calls: Vec<Part>,
    outputs: Vec<Part>,
    tool: Option<ToolCallId>,
    cell: Option<CodeCellId>,
    /// The response that made the call, if one was seen to.
    made_by: Option<InferenceCallId>,
}

/// One item of a call.
#[derive(Clone, Debug)]
struct Part {
    item: ItemId,
    kind: ItemKind,
    content: Fingerprint,
}

impl CallUse {
    /// Joins what was copied from another thread with what it belongs to there.
    fn inherit(&mut self, elsewhere: Option<(Option<ToolCallId>, Option<CodeCellId>)>) {
        if let Some((tool, cell)) = elsewhere
            && (self.tool.is_none() && self.cell.is_none() && self.made_by.is_none())
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

fn is_output(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput)
}

impl Calls {
    /// Joins a new item, which has this content, with what it calls or answers.
    pub(crate) fn link_item(
        &mut self,
        cx: &mut Context<'_>,
        origin: &Origin<'_>,
        item_id: ItemId,
        content: Fingerprint,
    ) {
        let item = &cx.graph.conversation_items[&item_id];
        let Some(call_id) = item.call_id.clone() else { return };
        let part = Part { item: item_id, kind: item.kind.clone(), content };
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
            // Of this call, a tool call, a code cell or an output is known, and the item that makes it is not.
            let last = uses.last()?;
            (!last.calls.iter().any(|other| other.kind == part.kind)).then(|| uses.len() - 1)
        });
        let place = place.unwrap_or_else(|| {
            if let Some(last) = uses.last() {
                let (code, why) = if origin.response_of.is_some() && last.made_by.as_ref() != origin.response_of {
                    (DiagnosticCode::CallIdRenumbered, "names another call in a later response; the two are told apart")
                } else {
                    (
                        DiagnosticCode::CallIdReused,
                        "comes again with other content; both are in the graph, as two calls",
                    )
                };
                cx.report.event(code, &[call_id, &part.item], format!("the call id {call_id} {why}"));
            }
            uses.push(CallUse::default());
            uses.len() - 1
        });
        let call = &mut uses[place];
        if call.made_by.is_none() {
            call.made_by = origin.response_of.cloned();
        }
        call.inherit(elsewhere);
        call.calls.push(part.clone());
        if let Some(tool) = &call.tool {
            cx.graph.object_mut(tool).model_visible_call_item_ids.push(part.item);
        }
        if origin.response_of.is_none() {
            self.list_started_tools(cx.graph, part.item);
        }
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
        let is_rewritten = cx.is_v1()
            && call.cell.is_none()
            && call.outputs.iter().any(|other| other.kind == part.kind)
            && !CallUse::shows(&call.outputs, &part.kind, part.content);
        call.outputs.push(part.clone());
        if is_rewritten {
            let message = format!(
                "the output of call {call_id} comes again with other content, as when history is trimmed; \
                 it is an item of its own"
            );
            cx.report.event(DiagnosticCode::OutputRewritten, &[call_id, &part.item], message);
        }
        if let Some(tool) = &call.tool {
            add_tool_output(cx.graph, tool, part.item);
        }
        if let Some(cell) = &call.cell
            && part.kind == ItemKind::CustomToolCallOutput
        {
            add_cell_output(cx.graph, cell, part.item);
        }
    }

    /// Joins a tool call that starts, and that the graph already has, with the items that are there.
    pub(crate) fn link_tool(&mut self, cx: &mut Context<'_>, call_id: &ModelVisibleCallId, tool: &ToolCallId) {
        let thread = cx.graph.tool_calls[tool].thread_id.clone();
        let key = (thread, call_id.clone());
        self.note_owner(&key);
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
        if cx.version >= SchemaVersion::V2 {
            tool_call.started_code_cell_id = call.cell.clone();
        }
        for part in &call.outputs {
            add_tool_output(cx.graph, tool, part.item);
        }
        for item in calls {
            self.list_started_tools(cx.graph, item);
        }
    }

    /// Joins a code cell, which the graph already has, with its tool call and with the outputs that are there.
    ///
    /// Source: reduction, section 11.4.
    pub(crate) fn link_cell(&mut self, cx: &mut Context<'_>, id: &CodeCellId) {
        let cell = &cx.graph.code_cells[id];
        let source = cell.source_item_id;
        let key = (cell.thread_id.clone(), cell.model_visible_call_id.clone());
        self.note_owner(&key);
        self.disinherit(cx.graph, &key);
        let uses = self.uses.entry(key).or_default();
        let call = uses
            .iter_mut()
            .find(|call| call.calls.iter().any(|part| part.item == source))
            .expect("the source of a code cell is an item of its call");
        call.cell = Some(id.clone());
        if let Some(tool) = &call.tool
            && cx.version >= SchemaVersion::V2
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

    /// Returns the items that show the call which this item shows.
    pub(crate) fn items_of_call(&self, graph: &Graph, item_id: ItemId) -> impl Iterator<Item = ItemId> {
        let call = self.call_of(graph, item_id);
        call.into_iter().flat_map(|call| &call.calls).map(|part| part.item)
    }

    /// Has the inference calls whose responses hold this call item list the tool call that it started.
    ///
    /// Source: reduction, section 9.3.
    pub(crate) fn list_started_tools(&self, graph: &mut Graph, item_id: ItemId) {
        let Some(call) = self.call_of(graph, item_id) else { return };
        let Some(tool) = &call.tool else { return };
        // A response may show a call as another item than the one that was sighted.
        for part in &call.calls {
            for inference in inferences(graph, part.item) {
                let Some(inference_call) = graph.inference_calls.get(&inference) else { continue };
                if !inference_call.tool_call_ids_started_by_response.contains(tool) {
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

    fn note_owner(&mut self, (thread, call_id): &CallKey) {
        let owners = self.owners.entry(call_id.clone()).or_default();
        if !owners.contains(thread) {
            owners.push(thread.clone());
        }
    }

    /// Returns the tool call and the code cell that have a call id in another thread, if only one thread has any: a
    /// thread may begin with its parent's items.
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

    /// Parts a call from what it was joined with in another thread: it turns out to be this thread's own.
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

/// Makes room for a second tool call with one call id: what was seen of the id after the first tool call had ended
/// belongs to another call, which is returned.
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
            format!("a second tool call names the call id {call_id}, which {first} bears; each keeps what it has");
        cx.report.event(DiagnosticCode::CallIdReused, &[call_id, first], message);
        return None;
    }
    let message = format!("the call id {call_id} names another call in a later response; the two are told apart");
    cx.report.event(DiagnosticCode::CallIdRenumbered, &[call_id, first], message);
    let first_call = cx.graph.object_mut(first);
    first_call.model_visible_call_item_ids.retain(|item| calls.iter().all(|part| part.item != *item));
    // Nor did the responses that made the later call start the first.
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

/// The inference calls whose responses were seen to hold an item.
fn inferences(graph: &Graph, item: ItemId) -> Vec<InferenceCallId> {
    let producers = graph.conversation_items[&item].produced_by.iter();
    let inference = |producer: &ProducerRef| match producer {
        ProducerRef::Inference { inference_call_id } => Some(inference_call_id.clone()),
        _ => None,
    };
    producers.filter_map(inference).collect()
}

fn add_tool_output(graph: &mut Graph, tool: &ToolCallId, item: ItemId) {
    graph.object_mut(tool).model_visible_output_item_ids.push(item);
    add_producer(graph, item, ProducerRef::Tool { tool_call_id: tool.clone() });
}

fn add_cell_output(graph: &mut Graph, cell: &CodeCellId, item: ItemId) {
    graph.object_mut(cell).output_item_ids.push(item);
    add_producer(graph, item, ProducerRef::CodeCell { code_cell_id: cell.clone() });
}

/// Adds what produced an item, once.
pub(crate) fn add_producer(graph: &mut Graph, item: ItemId, producer: ProducerRef) {
    if !graph.conversation_items[&item].produced_by.contains(&producer) {
        graph.object_mut(&item).produced_by.push(producer);
    }
}
