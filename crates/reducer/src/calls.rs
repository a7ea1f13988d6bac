//! Joining tool calls, code cells and the conversation items that call and answer, whichever comes first.

use std::collections::HashMap;

use rollout_trace_model::{CodeCellId, DiagnosticCode, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::{InferenceCallId, ModelVisibleCallId, SchemaVersion, ThreadId, ToolCallId};

use crate::{at::At, conversation::Origin, fingerprint::Fingerprint, reducer::Reducer};

/// The uses of each call id of a thread, in order.
///
/// A provider may number its calls anew in each response, so that one id names several calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    uses: HashMap<(ThreadId, ModelVisibleCallId), Vec<CallUse>>,
    /// The threads in which a tool call or a code cell bears each call id.
    owners: HashMap<ModelVisibleCallId, Vec<ThreadId>>,
}

impl Calls {
    fn note_owner(&mut self, thread: &ThreadId, call_id: &ModelVisibleCallId) {
        let owners = self.owners.entry(call_id.clone()).or_default();
        if !owners.contains(thread) {
            owners.push(thread.clone());
        }
    }

    /// The tool call and the code cell that bear a call id in another thread, if they do in one only: a thread may begin with
    /// its parent's items.
    fn elsewhere(
        &self,
        thread: &ThreadId,
        call_id: &ModelVisibleCallId,
    ) -> Option<(Option<ToolCallId>, Option<CodeCellId>)> {
        let [owner] = self.owners.get(call_id)?.as_slice() else { return None };
        let call = self.uses.get(&(owner.clone(), call_id.clone()))?.last()?;
        (owner != thread).then(|| (call.tool.clone(), call.cell.clone()))
    }
}

/// What belongs to one call.
#[derive(Debug, Default)]
struct CallUse {
    calls: Vec<Part>,
    outputs: Vec<Part>,
    tool: Option<ToolCallId>,
    cell: Option<CodeCellId>,
    /// The response that made the call, if it was seen to.
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

impl Reducer {
    /// Joins a new item with what it calls or answers.
    pub(crate) fn link_call(&mut self, at: &At, origin: &Origin<'_>, item_id: ItemId) {
        let item = &self.trace.conversation_items[&item_id];
        let Some(call_id) = item.call_id.clone() else { return };
        let part = Part {
            item: item_id,
            kind: item.kind.clone(),
            content: self.conversations.facts(item_id).identity.content,
        };
        if is_call(&part.kind) {
            self.link_call_item(at, origin, &call_id, part);
        } else if is_output(&part.kind) {
            self.link_output_item(at, origin, &call_id, part);
        }
    }

    fn link_call_item(&mut self, at: &At, origin: &Origin<'_>, call_id: &ModelVisibleCallId, part: Part) {
        let elsewhere = self.calls.elsewhere(origin.thread, call_id);
        let uses = self.calls.uses.entry((origin.thread.clone(), call_id.clone())).or_default();
        let shown_by = uses.iter().rposition(|call| CallUse::shows(&call.calls, &part.kind, part.content));
        let place = shown_by.or_else(|| {
            // A call that something else was known of before its item.
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
                self.report.at(at, code, &[call_id, &part.item], format!("the call id {call_id} {why}"));
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
        let tool = call.tool.clone();
        if let Some(tool) = tool {
            let tool = self.trace.tool_calls.get_mut(&tool).expect("a joined tool call is in the graph");
            tool.model_visible_call_item_ids.push(part.item);
        }
        if origin.response_of.is_none() {
            self.list_started_tools(part.item);
        }
        if part.kind == ItemKind::CustomToolCall {
            self.start_waiting_cells(origin.thread, call_id, part.item);
        }
    }

    fn link_output_item(&mut self, at: &At, origin: &Origin<'_>, call_id: &ModelVisibleCallId, part: Part) {
        let version = self.version;
        let elsewhere = self.calls.elsewhere(origin.thread, call_id);
        let uses = self.calls.uses.entry((origin.thread.clone(), call_id.clone())).or_default();
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
        let is_rewritten = version == SchemaVersion::V1
            && call.cell.is_none()
            && call.outputs.iter().any(|other| other.kind == part.kind)
            && !CallUse::shows(&call.outputs, &part.kind, part.content);
        call.outputs.push(part.clone());
        let (tool, cell) = (call.tool.clone(), call.cell.clone());
        if is_rewritten {
            let message = format!(
                "the output of call {call_id} comes again with other content, as when history is trimmed; it is an item of its own"
            );
            self.report.at(at, DiagnosticCode::OutputRewritten, &[call_id, &part.item], message);
        }
        if let Some(tool) = tool {
            self.add_tool_output(&tool, part.item);
        }
        if let Some(cell) = cell
            && part.kind == ItemKind::CustomToolCallOutput
        {
            self.add_cell_output(&cell, part.item);
        }
    }

    fn add_tool_output(&mut self, tool: &ToolCallId, item: ItemId) {
        let call = self.trace.tool_calls.get_mut(tool).expect("a joined tool call is in the graph");
        call.model_visible_output_item_ids.push(item);
        self.add_producer(item, ProducerRef::Tool { tool_call_id: tool.clone() });
    }

    fn add_cell_output(&mut self, cell: &CodeCellId, item: ItemId) {
        let code_cell = self.trace.code_cells.get_mut(cell).expect("a joined code cell is in the graph");
        code_cell.output_item_ids.push(item);
        self.add_producer(item, ProducerRef::CodeCell { code_cell_id: cell.clone() });
    }

    /// Joins a tool call that starts with the items that are there. The call is in the graph already.
    pub(crate) fn link_tool(&mut self, at: &At, thread: &ThreadId, call_id: &ModelVisibleCallId, tool: &ToolCallId) {
        self.calls.note_owner(thread, call_id);
        self.disinherit(thread, call_id);
        let uses = self.calls.uses.entry((thread.clone(), call_id.clone())).or_default();
        if let Some(other) = uses.last().and_then(|call| call.tool.clone()) {
            self.split_call(at, thread, call_id, &other);
        }
        let uses = self.calls.uses.entry((thread.clone(), call_id.clone())).or_default();
        if uses.last().is_none_or(|call| call.tool.is_some()) {
            uses.push(CallUse::default());
        }
        let call = uses.last_mut().expect("there is one by now");
        call.tool = Some(tool.clone());
        let calls: Vec<_> = call.calls.iter().map(|part| part.item).collect();
        let outputs: Vec<_> = call.outputs.iter().map(|part| part.item).collect();
        let cell = call.cell.clone();
        let tool_call = self.trace.tool_calls.get_mut(tool).expect("a starting tool call is in the graph");
        tool_call.model_visible_call_item_ids.extend(&calls);
        if self.version >= SchemaVersion::V2 {
            tool_call.started_code_cell_id = cell;
        }
        for item in outputs {
            self.add_tool_output(tool, item);
        }
        for item in calls {
            self.list_started_tools(item);
        }
    }

    /// Parts a call from what it was joined with in another thread: it turns out to be this thread's own.
    fn disinherit(&mut self, thread: &ThreadId, call_id: &ModelVisibleCallId) {
        let Some(call) = self.calls.uses.get_mut(&(thread.clone(), call_id.clone())).and_then(|uses| uses.last_mut())
        else {
            return;
        };
        let is_own = |item: &ItemId| call.calls.iter().chain(&call.outputs).any(|part| part.item == *item);
        let mut foreign = Vec::new();
        if let Some(id) = &call.tool
            && let Some(tool) = self.trace.tool_calls.get_mut(id).filter(|tool| tool.thread_id != *thread)
        {
            tool.model_visible_call_item_ids.retain(|item| !is_own(item));
            tool.model_visible_output_item_ids.retain(|item| !is_own(item));
            foreign.push(ProducerRef::Tool { tool_call_id: id.clone() });
        }
        if let Some(id) = &call.cell
            && let Some(cell) = self.trace.code_cells.get_mut(id).filter(|cell| cell.thread_id != *thread)
        {
            cell.output_item_ids.retain(|item| !is_own(item));
            foreign.push(ProducerRef::CodeCell { code_cell_id: id.clone() });
        }
        if foreign.is_empty() {
            return;
        }
        call.tool = None;
        call.cell = None;
        for part in &call.outputs {
            let item = self.trace.conversation_items.get_mut(&part.item).expect("a joined item is in the graph");
            item.produced_by.retain(|producer| !foreign.contains(producer));
        }
    }

    /// Makes room for a second tool call with one call id: what was seen of the id after the first tool call had ended is
    /// another call's.
    fn split_call(&mut self, at: &At, thread: &ThreadId, call_id: &ModelVisibleCallId, first: &ToolCallId) {
        let ended = self.trace.tool_calls[first].execution.ended_seq;
        let uses = self.calls.uses.entry((thread.clone(), call_id.clone())).or_default();
        let last = uses.last_mut().expect("it holds the first tool call");
        let items = &self.trace.conversation_items;
        let is_later = |part: &Part| {
            let item = &items[&part.item];
            let is_answered = item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::Inference { .. }));
            is_answered && ended.is_some_and(|ended| item.first_seen_seq > ended)
        };
        let calls: Vec<_> = last.calls.extract_if(.., |part| is_later(part)).collect();
        if calls.is_empty() {
            let message =
                format!("a second tool call names the call id {call_id}, which {first} bears; each keeps what it has");
            self.report.at(at, DiagnosticCode::CallIdReused, &[call_id, first], message);
            return;
        }
        let message = format!("the call id {call_id} names another call in a later response; the two are told apart");
        self.report.at(at, DiagnosticCode::CallIdRenumbered, &[call_id, first], message);
        let first_call = self.trace.tool_calls.get_mut(first).expect("a joined tool call is in the graph");
        first_call.model_visible_call_item_ids.retain(|item| calls.iter().all(|part| part.item != *item));
        // Nor did the responses that made the later call start the first.
        let kept = first_call.model_visible_call_item_ids.clone();
        for inference in self.trace.inference_calls.values_mut() {
            let made = |item: &ItemId| inference.response_item_ids.contains(item);
            if calls.iter().any(|part| made(&part.item)) && !kept.iter().any(made) {
                inference.tool_call_ids_started_by_response.retain(|tool| tool != first);
            }
        }
        uses.push(CallUse { calls, ..CallUse::default() });
    }

    /// Joins a code cell with its tool call, and with the answers that are there.
    pub(crate) fn link_cell(
        &mut self,
        thread: &ThreadId,
        call_id: &ModelVisibleCallId,
        source: ItemId,
        cell: &CodeCellId,
    ) {
        self.calls.note_owner(thread, call_id);
        self.disinherit(thread, call_id);
        let uses = self.calls.uses.entry((thread.clone(), call_id.clone())).or_default();
        let place = uses.iter().position(|call| call.calls.iter().any(|part| part.item == source));
        let call = &mut uses[place.expect("the source is an item of the call")];
        call.cell = Some(cell.clone());
        let tool = call.tool.clone();
        let outputs: Vec<_> = call
            .outputs
            .iter()
            .filter(|part| part.kind == ItemKind::CustomToolCallOutput)
            .map(|part| part.item)
            .collect();
        if let Some(tool) = tool
            && self.version >= SchemaVersion::V2
        {
            let tool = self.trace.tool_calls.get_mut(&tool).expect("a joined tool call is in the graph");
            tool.started_code_cell_id = Some(cell.clone());
        }
        for item in outputs {
            self.add_cell_output(cell, item);
        }
    }

    /// The latest item with source code under this call id.
    pub(crate) fn source_item(&self, thread: &ThreadId, call_id: &ModelVisibleCallId) -> Option<ItemId> {
        let last = self.calls.uses.get(&(thread.clone(), call_id.clone()))?.last()?;
        let source = last.calls.iter().find(|part| part.kind == ItemKind::CustomToolCall)?;
        Some(source.item)
    }

    /// The items that show the call which this item shows.
    pub(crate) fn items_of_call(&self, item_id: ItemId) -> Vec<ItemId> {
        let call = self.call_of(item_id);
        call.map(|call| call.calls.iter().map(|part| part.item).collect()).unwrap_or_default()
    }

    fn call_of(&self, item_id: ItemId) -> Option<&CallUse> {
        let item = &self.trace.conversation_items[&item_id];
        let call_id = item.call_id.clone().filter(|_| is_call(&item.kind))?;
        let uses = self.calls.uses.get(&(item.thread_id.clone(), call_id))?;
        uses.iter().find(|call| call.calls.iter().any(|part| part.item == item_id))
    }

    /// Has the inference calls whose responses hold this call item list the tool call that it started.
    pub(crate) fn list_started_tools(&mut self, item_id: ItemId) {
        let Some(call) = self.call_of(item_id) else { return };
        let Some(tool) = call.tool.clone() else { return };
        // A response may show a call as another item than the one that was sighted.
        let items = call.calls.iter().map(|part| &self.trace.conversation_items[&part.item]);
        for producer in items.flat_map(|item| item.produced_by.clone()).collect::<Vec<_>>() {
            if let ProducerRef::Inference { inference_call_id } = producer
                && let Some(call) = self.trace.inference_calls.get_mut(&inference_call_id)
                && !call.tool_call_ids_started_by_response.contains(&tool)
            {
                call.tool_call_ids_started_by_response.push(tool.clone());
            }
        }
    }
}
