//! Joins tool calls and code cells with the conversation items that call and answer, whichever come first.
//!
//! Source: reduction, sections 5.12, 9.2 and 9.3.

mod again;
mod foreign;
mod started;
mod uses;

use std::collections::BTreeSet;

use rollout_trace_model::{CodeCellId, DiagnosticCode, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::{InferenceCallId, ModelVisibleCallId, Seq, ThreadId, ToolCallId};

pub(crate) use self::foreign::Showing;
use self::{
    foreign::Foreign,
    started::{Started, inferences},
    uses::{CallUse, Part, PartPlace, Uses},
};
use crate::{
    context::Context,
    fingerprint::Fingerprint,
    graph::Graph,
    map::{HashMap, HashSet},
    origin::{Appearance, Origin},
};

/// A call id belongs to its thread, because a forked thread begins with copies of its parent's calls.
type CallKey = (ThreadId, ModelVisibleCallId);

/// The uses of each call id of a thread.
///
/// A provider may restart its numbering in each response, and then one id names several calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    uses: HashMap<CallKey, Uses>,
    foreign: Foreign,
    started: Started,
}

/// Returns whether items of this kind make calls.
pub(crate) fn is_call(kind: &ItemKind) -> bool {
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
        let part = Part { is_shown, ..Part::new(item_id, item.kind.clone(), content) };
        self.foreign.note_item(origin.thread, &call_id, item_id);
        if is_call(&part.kind) {
            self.link_call_item(cx, origin, &call_id, part);
        } else if is_output(&part.kind) {
            self.link_output_item(cx, origin, &call_id, part);
        }
    }

    fn link_call_item(&mut self, cx: &mut Context<'_>, origin: &Origin<'_>, call_id: &ModelVisibleCallId, part: Part) {
        let elsewhere = self.elsewhere(origin.thread, call_id);
        let uses = self.uses.entry((origin.thread.clone(), call_id.clone())).or_default();
        // If no event says which tool calls there are, each response makes its own.
        let is_another = cx.rules.tools_are_unobserved()
            && origin.response_of().is_some()
            && uses.last().is_some_and(|last| last.made_by.is_some() && last.made_by.as_ref() != origin.response_of());
        let place = if is_another { None } else { again::place_of_call(cx.graph, uses, origin, &part) };
        let mut runtime = None;
        let place = place.unwrap_or_else(|| {
            if let Some(last) = uses.last() {
                let is_renumbered = match origin.response_of() {
                    Some(_) => last.made_by.as_ref() != origin.response_of(),
                    // The responses to the requests before may not have been observed.
                    None => cx.rules.tools_are_unobserved() && last.has_outputs(),
                };
                let (code, why) = if is_renumbered {
                    (
                        DiagnosticCode::CallIdRenumbered,
                        "names another call in a later response; the graph has both calls",
                    )
                } else {
                    (DiagnosticCode::CallIdReused, "occurs again with other content; the graph has both, as two calls")
                };
                cx.report.event(code, &[call_id, &part.item], format!("call id {call_id} {why}"));
            }
            runtime = again::take_runtime(cx.graph, &mut self.started, uses, origin);
            uses.push()
        });
        let call = uses.get_mut(place);
        if let Some(runtime) = runtime {
            again::give_runtime(cx.graph, call, runtime, &part);
        }
        if call.made_by.is_none() {
            call.made_by = origin.response_of().cloned();
        }
        call.inherit(elsewhere);
        let item = part.item;
        let in_tool = call.tool.is_some();
        if let Some(tool) = &call.tool {
            cx.graph.object_mut(tool).model_visible_call_item_ids.push(item);
            self.started.note_item(cx.graph, tool, item);
            self.started.list(cx.graph, tool, origin.response_of());
        }
        uses.add_call(place, Part { in_tool, is_recent: in_tool, ..part });
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
        let last = uses.last_index().unwrap_or_else(|| uses.push());
        let known = uses.with_output(part.content);
        let place = known.filter(|_| uses.get_mut(last).has_outputs()).unwrap_or(last);
        let call = uses.get_mut(place);
        call.inherit(elsewhere);
        let is_rewritten = !cx.rules.outputs_may_repeat()
            && call.cell.is_none()
            && call.has_output_of(&part.kind)
            && known != Some(place);
        if is_rewritten {
            let message = format!(
                "the output of call {call_id} occurs again with other content, as in a trimmed history; \
                 it is a separate item"
            );
            cx.report.event(DiagnosticCode::OutputRewritten, &[call_id, &part.item], message);
        }
        let place = uses.add_output(place, part);
        list_output(cx, uses, place);
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
        let known = uses.and_then(|uses| {
            let place = uses.find(item)?;
            Some((uses, place))
        });
        match known {
            Some((uses, place)) => {
                uses.show(place);
                list_output(cx, uses, place);
            }
            None => self.link_output_item(cx, origin, call_id, Part::new(item, kind.clone(), content)),
        }
    }

    /// Returns whether the model was shown an output under this call id after an event.
    pub(crate) fn is_answered_after(&self, thread: &ThreadId, call_id: &ModelVisibleCallId, seq: Seq) -> bool {
        let uses = self.uses.get(&(thread.clone(), call_id.clone()));
        uses.is_some_and(|uses| uses.iter().any(|call| call.answered.is_some_and(|answered| answered > seq)))
    }

    /// Joins a new tool call with the items of its call. The graph already has the tool call. `is_again` says that what
    /// was shown so far belongs to an earlier call.
    pub(crate) fn link_tool(
        &mut self,
        cx: &mut Context<'_>,
        call_id: &ModelVisibleCallId,
        tool: &ToolCallId,
        is_again: bool,
    ) {
        let thread = cx.graph.tool_calls[tool].thread_id.clone();
        let key = (thread, call_id.clone());
        self.note_owner(&key);
        self.disinherit(cx.graph, &key);
        let uses = self.uses.entry(key).or_default();
        if let Some(first) = uses.last().and_then(|last| last.tool.clone()) {
            split_call(cx, uses, &mut self.started, (call_id, &first));
        }
        if uses.last().is_none_or(|call| call.tool.is_some() || (is_again && call.answered.is_some())) {
            uses.push();
        }
        let Some(call) = uses.last_mut() else { return };
        call.tool = Some(tool.clone());
        if cx.rules.exec_is_tool_call() {
            cx.graph.object_mut(tool).started_code_cell_id = call.cell.clone();
        }
        for part in call.calls_mut() {
            (part.in_tool, part.is_recent) = (true, true);
            cx.graph.object_mut(tool).model_visible_call_item_ids.push(part.item);
            self.started.note_item(cx.graph, tool, part.item);
        }
        for part in call.outputs_mut() {
            add_tool_output(cx.graph, tool, part);
        }
        self.started.list(cx.graph, tool, None);
    }

    /// Joins a code cell with its tool call and its outputs. The graph already has the cell.
    ///
    /// Source: reduction, section 11.4.
    pub(crate) fn link_cell(&mut self, cx: &mut Context<'_>, id: &CodeCellId) {
        let cell = &cx.graph.code_cells[id];
        let source = cell.source_item_id;
        let key = (cell.thread_id.clone(), cell.model_visible_call_id.clone());
        self.note_owner(&key);
        self.disinherit(cx.graph, &key);
        let uses = self.uses.entry(key).or_default();
        let place = uses.find(source).expect("the source of a code cell is an item of its call");
        let call = uses.get_mut(place.at);
        call.cell = Some(id.clone());
        if let Some(tool) = &call.tool
            && cx.rules.exec_is_tool_call()
        {
            cx.graph.object_mut(tool).started_code_cell_id = Some(id.clone());
        }
        for part in call.outputs_mut().into_iter().filter(|part| part.kind == ItemKind::CustomToolCallOutput) {
            part.in_cell = false;
            add_cell_output(cx.graph, id, part);
        }
    }

    /// Gives the calls with an id that reduction made another id.
    pub(crate) fn rename(
        &mut self,
        graph: &mut Graph,
        thread: &ThreadId,
        made: &ModelVisibleCallId,
        call_id: ModelVisibleCallId,
    ) {
        let Some(renamed) = self.uses.remove(&(thread.clone(), made.clone())) else { return };
        for tool in renamed.tools() {
            graph.object_mut(tool).model_visible_call_id = Some(call_id.clone());
        }
        let has_tool = renamed.tools().next().is_some();
        let key = (thread.clone(), call_id);
        self.uses.entry(key.clone()).or_default().append(renamed);
        if has_tool {
            self.note_owner(&key);
        }
    }

    /// Returns the latest item with source code under this call id.
    pub(crate) fn source_item(&self, thread: &ThreadId, call_id: &ModelVisibleCallId) -> Option<ItemId> {
        self.uses.get(&(thread.clone(), call_id.clone()))?.last()?.source()
    }

    /// Lists the tool calls of a thread at the responses that started them, if a request is known to show their call
    /// items. `is_shown` says that of an item in the live snapshot, and returns `None` for every other item.
    ///
    /// Source: reduction, section 9.3.
    pub(crate) fn list_tools_of_shown_calls(
        &mut self,
        graph: &mut Graph,
        thread: &ThreadId,
        is_shown: impl Fn(ItemId) -> Option<bool>,
    ) {
        for item in self.started.list_shown(graph, thread, is_shown) {
            if let Some((uses, place)) = self.use_of(graph, item) {
                uses.part_mut(place).is_recent = false;
            }
        }
    }

    /// Forgets the tool calls of a thread whose call items a full request does not show.
    pub(crate) fn forget_calls_not_shown(&mut self, thread: &ThreadId) {
        self.started.forget_pending(thread);
    }

    /// Lists the tool call of a call item that a payload shows again at each inference call whose response holds an item
    /// of the same tool call.
    ///
    /// Source: reduction, section 9.3.
    pub(crate) fn sight_call(&mut self, graph: &mut Graph, origin: &Origin<'_>, item_id: ItemId) {
        let Some((uses, place)) = self.use_of(graph, item_id) else { return };
        let Some(tool) = uses.get(place.at).tool.clone() else { return };
        let part = uses.part_mut(place);
        if part.in_tool && !std::mem::replace(&mut part.is_recent, true) {
            self.started.note_return(&tool, item_id);
        }
        self.started.list(graph, &tool, origin.response_of());
    }

    /// Notes that a response shows an item.
    pub(crate) fn note_answer(&mut self, graph: &Graph, item_id: ItemId, inference: &InferenceCallId) {
        let Some((uses, place)) = self.use_of(graph, item_id) else { return };
        if uses.part_mut(place).in_tool
            && let Some(tool) = uses.get_mut(place.at).tool.clone()
        {
            self.started.note_answer(graph, &tool, item_id, inference);
        }
    }

    /// Forgets what is known about a response that another one replaces.
    pub(crate) fn forget_response(&mut self, inference: &InferenceCallId) {
        self.started.forget_response(inference);
    }

    /// Returns the uses of the call id of a call item, and where the item is.
    fn use_of(&mut self, graph: &Graph, item_id: ItemId) -> Option<(&mut Uses, PartPlace)> {
        let item = &graph.conversation_items[&item_id];
        let call_id = item.call_id.clone().filter(|_| is_call(&item.kind))?;
        let uses = self.uses.get_mut(&(item.thread_id.clone(), call_id))?;
        let place = uses.find(item_id)?;
        Some((uses, place))
    }

    /// Joins the items of `foreign` that a payload shows again with their tool call and code cell. `place_if_shown`
    /// returns the place in the live snapshot of an item that the payload is known to show.
    ///
    /// Source: reduction, section 9.2.
    pub(crate) fn link_foreign(
        &mut self,
        cx: &mut Context<'_>,
        origin: &Origin<'_>,
        showing: Showing<'_>,
        place_if_shown: impl Fn(ItemId) -> Option<u32>,
    ) {
        for item_id in self.foreign.take_seen(origin.thread, showing, place_if_shown) {
            let Some(call_id) = cx.graph.conversation_items[&item_id].call_id.clone() else { continue };
            let elsewhere = self.elsewhere(origin.thread, &call_id);
            let Some(uses) = self.uses.get_mut(&(origin.thread.clone(), call_id)) else { continue };
            let Some(place) = uses.find(item_id) else { continue };
            uses.get_mut(place.at).inherit(elsewhere);
            let part = uses.part_mut(place);
            if is_output(&part.kind) {
                part.is_shown = true;
                list_output(cx, uses, place);
                continue;
            }
            let Some(tool) = uses.get(place.at).tool.clone() else { continue };
            let part = uses.part_mut(place);
            if !part.in_tool {
                (part.in_tool, part.is_recent) = (true, true);
                cx.graph.object_mut(&tool).model_visible_call_item_ids.push(item_id);
                self.started.note_item(cx.graph, &tool, item_id);
                self.started.list(cx.graph, &tool, origin.response_of());
            }
        }
    }

    /// Returns how many items of a thread wait to be seen again, and how many of them its live snapshot may hold.
    pub(crate) fn waiting(&self, thread: &ThreadId) -> (usize, usize) {
        self.foreign.waiting(thread)
    }

    fn note_owner(&mut self, (thread, call_id): &CallKey) {
        let Self { uses, foreign, .. } = self;
        foreign.note_owner(thread, call_id, |other, item| {
            let Some(uses) = uses.get(&(other.clone(), call_id.clone())) else { return false };
            uses.find(item).is_some_and(|place| uses.get(place.at).is_free())
        });
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
        let owner = self.foreign.owner(thread, call_id)?;
        let call = self.uses.get(&(owner.clone(), call_id.clone()))?.last()?;
        Some((call.tool.clone(), call.cell.clone()))
    }

    /// Separates a call from the tool call and code cell of another thread, because this thread turns out to have its
    /// own.
    fn disinherit(&mut self, graph: &mut Graph, key: &CallKey) {
        let Some(call) = self.uses.get_mut(key).and_then(Uses::last_mut) else { return };
        let tool = call.tool.clone().filter(|id| graph.tool_calls[id].thread_id != key.0);
        let cell = call.cell.clone().filter(|id| graph.code_cells[id].thread_id != key.0);
        if tool.is_some() || cell.is_some() {
            release(graph, &mut self.started, call, (tool, cell));
        }
    }
}

/// Separates the items of a call from its tool call and code cell, if these are they, and leaves the call without
/// either.
fn release(
    graph: &mut Graph,
    started: &mut Started,
    call: &mut CallUse,
    (tool, cell): (Option<ToolCallId>, Option<CodeCellId>),
) {
    let own: HashSet<_> = call.parts().map(|part| part.item).collect();
    let mut producers = Vec::new();
    if let Some(id) = tool {
        let tool = graph.object_mut(&id);
        tool.model_visible_call_item_ids.retain(|item| !own.contains(item));
        tool.model_visible_output_item_ids.retain(|item| !own.contains(item));
        unlist(graph, started, &id, call.calls_mut().iter().map(|part| part.item).collect());
        started.forget_items(&id, &own);
        producers.push(ProducerRef::Tool { tool_call_id: id });
    }
    if let Some(id) = cell {
        graph.object_mut(&id).output_item_ids.retain(|item| !own.contains(item));
        producers.push(ProducerRef::CodeCell { code_cell_id: id });
    }
    call.tool = None;
    call.cell = None;
    for part in call.parts_mut() {
        (part.in_tool, part.in_cell, part.is_recent) = (false, false, false);
        if is_output(&part.kind) {
            graph.object_mut(&part.item).produced_by.retain(|producer| !producers.contains(producer));
        }
    }
}

/// Removes a tool call from the lists of the responses that made only calls which are no longer its own.
fn unlist(graph: &mut Graph, started: &mut Started, tool: &ToolCallId, moved: Vec<ItemId>) {
    let responses: BTreeSet<_> = moved.iter().flat_map(|&item| inferences(graph, item)).cloned().collect();
    let kept = graph.tool_calls[tool].model_visible_call_item_ids.clone();
    for inference in responses {
        let mut made = |item: &ItemId| started.holds(graph, &inference, *item);
        if moved.iter().any(&mut made) && !kept.iter().any(&mut made) {
            started.unlist(graph, &inference, tool);
        }
    }
}

/// Splits the last use of a call id for a second tool call. The call items that responses showed after the first tool
/// call ended belong to the second call, and move to a use of their own.
fn split_call(
    cx: &mut Context<'_>,
    uses: &mut Uses,
    started: &mut Started,
    (call_id, first): (&ModelVisibleCallId, &ToolCallId),
) {
    let ended = cx.graph.tool_calls[first].execution.ended_seq;
    let items = &cx.graph.conversation_items;
    let moved = uses.split_last(|part| {
        let item = &items[&part.item];
        let is_answer = item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::Inference { .. }));
        is_answer && ended.is_some_and(|ended| item.first_seen_seq > ended)
    });
    if moved.is_empty() {
        let message =
            format!("a second tool call has call id {call_id}, which belongs to {first}; each keeps its own items");
        cx.report.event(DiagnosticCode::CallIdReused, &[call_id, first], message);
        return;
    }
    let message = format!("call id {call_id} names another call in a later response; the graph has both calls");
    cx.report.event(DiagnosticCode::CallIdRenumbered, &[call_id, first], message);
    let moved_set: HashSet<_> = moved.iter().copied().collect();
    cx.graph.object_mut(first).model_visible_call_item_ids.retain(|item| !moved_set.contains(item));
    started.forget_items(first, &moved_set);
    // The responses that made the later call did not start the first tool call.
    unlist(cx.graph, started, first, moved);
}

/// Lists an output at its tool call and code cell, if the model was shown it. The tool call is its producer in any
/// case.
fn list_output(cx: &mut Context<'_>, uses: &mut Uses, place: PartPlace) {
    let (graph, seq) = (&mut *cx.graph, cx.at.seq);
    if uses.part_mut(place).is_shown {
        uses.get_mut(place.at).answered.get_or_insert(seq);
    }
    let call = uses.get_mut(place.at);
    let (tool, cell) = (call.tool.clone(), call.cell.clone());
    let part = uses.part_mut(place);
    match tool {
        Some(tool) if part.is_shown => add_tool_output(graph, &tool, part),
        Some(tool_call_id) => add_producer(graph, part.item, ProducerRef::Tool { tool_call_id }),
        None => {}
    }
    if let Some(cell) = cell
        && part.is_shown
        && part.kind == ItemKind::CustomToolCallOutput
    {
        add_cell_output(graph, &cell, part);
    }
}

fn add_tool_output(graph: &mut Graph, tool: &ToolCallId, part: &mut Part) {
    if !std::mem::replace(&mut part.in_tool, true) {
        graph.object_mut(tool).model_visible_output_item_ids.push(part.item);
    }
    add_producer(graph, part.item, ProducerRef::Tool { tool_call_id: tool.clone() });
}

fn add_cell_output(graph: &mut Graph, cell: &CodeCellId, part: &mut Part) {
    if !std::mem::replace(&mut part.in_cell, true) {
        graph.object_mut(cell).output_item_ids.push(part.item);
    }
    add_producer(graph, part.item, ProducerRef::CodeCell { code_cell_id: cell.clone() });
}

/// Adds a producer to an item, unless the item already has it.
pub(crate) fn add_producer(graph: &mut Graph, item: ItemId, producer: ProducerRef) {
    if !graph.conversation_items[&item].produced_by.contains(&producer) {
        graph.object_mut(&item).produced_by.push(producer);
    }
}
