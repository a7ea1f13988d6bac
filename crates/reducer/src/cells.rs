//! Code cells.
//!
//! Source: reduction, section 11.

use rollout_trace_model::{CodeCell, CodeCellId, DiagnosticCode, Execution, ItemId};
use rollout_trace_schema::{
    CellStatus, CodeCellEnded, CodeCellInitialResponse, CodeCellStarted, CodexTurnEnded, CodexTurnId, ExecutionStatus,
    ModelVisibleCallId, PayloadRef, RawPayloadId, RuntimeCellId, Seq, ThreadId, ToolCallId, UnixMillis,
};

use crate::{at::At, calls::Calls, context::Context, graph::Graph, map::HashMap, turns};

/// A call id of a thread.
type CallKey = (ThreadId, ModelVisibleCallId);

/// What is remembered about code cells beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    /// The newest cell of each runtime id of a thread.
    by_runtime_id: HashMap<(ThreadId, String), CodeCellId>,
    /// The cells whose source item has not been seen. A cell often starts before the response that contains its source
    /// is complete.
    ///
    /// Source: reduction, section 11.2.
    waiting: HashMap<CodeCellId, WaitingCell>,
    /// The waiting cells of each call, in the order of their starts.
    waiting_for: HashMap<CallKey, Vec<CodeCellId>>,
    /// The calls for which cells wait and which the event that is being applied shows, with the items that show them.
    shown: HashMap<CallKey, Vec<ItemId>>,
    /// The newest cell of each call and runtime id of a thread.
    by_call_and_runtime_id: HashMap<(CallKey, RuntimeCellId), CodeCellId>,
    /// How many cells each call id names.
    named: HashMap<ModelVisibleCallId, u32>,
    /// The cells of each turn.
    by_turn: HashMap<CodexTurnId, Vec<CodeCellId>>,
}

/// A cell whose source item has not been seen, and what happened to it meanwhile.
#[derive(Debug)]
struct WaitingCell {
    cell: CodeCell,
    events: Vec<CellEvent>,
}

#[derive(Debug)]
struct CellEvent {
    seq: Seq,
    time: UnixMillis,
    kind: CellEventKind,
    status: CellStatus,
    payload: Option<RawPayloadId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellEventKind {
    InitialResponse,
    Ended,
    /// The end of its turn ended the cell.
    EndedByTurn,
}

impl CellEvent {
    fn new(at: &At, kind: CellEventKind, status: &CellStatus, payload: Option<&PayloadRef>) -> Self {
        Self {
            seq: at.seq,
            time: at.time,
            kind,
            status: status.clone(),
            payload: payload.map(|reference| reference.raw_payload_id.clone()),
        }
    }
}

impl Cells {
    pub(crate) fn started(&mut self, cx: &mut Context<'_>, calls: &mut Calls, event: &CodeCellStarted) {
        let thread = turns::thread_of_event(cx, &event.runtime_cell_id);
        let Some(id) = self.new_id(cx, &thread, event) else { return };
        let cell = CodeCell {
            code_cell_id: id.clone(),
            model_visible_call_id: event.model_visible_call_id.clone(),
            thread_id: thread.clone(),
            codex_turn_id: cx.at.turn.clone(),
            source_item_id: ItemId(0),
            output_item_ids: Vec::new(),
            runtime_cell_id: Some(event.runtime_cell_id.clone()),
            execution: Execution::started(cx.at.time, cx.at.seq),
            runtime_status: CellStatus::Starting,
            initial_response_at_unix_ms: None,
            initial_response_seq: None,
            initial_response_status: None,
            raw_initial_response_payload_id: None,
            raw_result_payload_id: None,
            yielded_at_unix_ms: None,
            yielded_seq: None,
            source_js: event.source_js.clone(),
            nested_tool_call_ids: Vec::new(),
            wait_tool_call_ids: Vec::new(),
        };
        let source = calls.source_item(&thread, &event.model_visible_call_id);
        let waiting = WaitingCell { cell, events: Vec::new() };
        match source {
            Some(source) => self.start(cx, calls, waiting, source),
            None => {
                let call = (thread, event.model_visible_call_id.clone());
                self.waiting_for.entry(call).or_default().push(id.clone());
                self.waiting.insert(id, waiting);
            }
        }
    }

    /// Notes that a payload shows an item with source code, for which cells may wait.
    pub(crate) fn note_source(&mut self, graph: &Graph, source: ItemId) {
        let item = &graph.conversation_items[&source];
        let Some(call_id) = item.call_id.clone() else { return };
        let call = (item.thread_id.clone(), call_id);
        if self.waiting_for.contains_key(&call) {
            self.shown.entry(call).or_default().push(source);
        }
    }

    /// Starts the cells whose call the event showed, now that it was applied as a whole. The source of each is the item
    /// that `first` returns.
    ///
    /// Source: reduction, section 11.2; bundle 3, section 4.7.
    pub(crate) fn start_shown(
        &mut self,
        cx: &mut Context<'_>,
        calls: &mut Calls,
        first: impl Fn(&[ItemId]) -> Option<ItemId>,
    ) {
        if self.shown.is_empty() {
            return;
        }
        let mut shown: Vec<_> = std::mem::take(&mut self.shown).into_iter().collect();
        shown.sort_unstable_by_key(|(_, sources)| sources[0]);
        for (call, sources) in shown {
            let cells = self.waiting_for.remove(&call).unwrap_or_default();
            let waiting: Vec<_> = cells.iter().filter_map(|id| self.waiting.remove(id)).collect();
            for waiting in waiting {
                if let Some(source) = first(&sources) {
                    self.start(cx, calls, waiting, source);
                }
            }
        }
    }

    /// Adds a cell to the graph and applies what happened to it while it waited.
    fn start(&mut self, cx: &mut Context<'_>, calls: &mut Calls, waiting: WaitingCell, source: ItemId) {
        let mut cell = CodeCell { source_item_id: source, ..waiting.cell };
        cell.nested_tool_call_ids.sort_unstable();
        let id = cell.code_cell_id.clone();
        if let Some(turn) = &cell.codex_turn_id {
            self.by_turn.entry(turn.clone()).or_default().push(id.clone());
        }
        cx.graph.insert(&id, cell);
        calls.link_cell(cx, &id);
        for event in waiting.events {
            apply(cx.graph.object_mut(&id), event);
        }
    }

    pub(crate) fn initial_response(&mut self, cx: &mut Context<'_>, event: &CodeCellInitialResponse) {
        let payload = event.response_payload.as_ref();
        let cell_event = CellEvent::new(cx.at, CellEventKind::InitialResponse, &event.status, payload);
        self.happened(cx, &event.runtime_cell_id, cell_event);
    }

    pub(crate) fn ended(&mut self, cx: &mut Context<'_>, event: &CodeCellEnded) {
        let payload = event.response_payload.as_ref();
        let cell_event = CellEvent::new(cx.at, CellEventKind::Ended, &event.status, payload);
        self.happened(cx, &event.runtime_cell_id, cell_event);
    }

    fn happened(&mut self, cx: &mut Context<'_>, runtime_id: &RuntimeCellId, event: CellEvent) {
        let thread = turns::thread_of_event(cx, runtime_id);
        let Some(id) = self.by_runtime_id.get(&(thread, runtime_id.to_string())) else {
            let message =
                format!("runtime cell {runtime_id} was never started in its thread; the event is not in the graph");
            cx.report.event(DiagnosticCode::UnknownCodeCell, &[runtime_id], message);
            return;
        };
        match self.waiting.get_mut(id) {
            Some(waiting) => waiting.events.push(event),
            None => apply(cx.graph.object_mut(id), event),
        }
    }

    /// Ends the cells that a turn leaves running. Those of a completed turn continue, because a cell that yielded
    /// outlives its turn.
    ///
    /// Source: reduction, section 3.4.
    pub(crate) fn end_of_turn(&mut self, cx: &mut Context<'_>, event: &CodexTurnEnded) {
        let status = match event.status {
            ExecutionStatus::Failed => CellStatus::Failed,
            ExecutionStatus::Cancelled | ExecutionStatus::Aborted => CellStatus::Terminated,
            _ => return,
        };
        for id in self.by_turn.get(&event.codex_turn_id).into_iter().flatten() {
            if cx.graph.code_cells[id].execution.is_running() {
                let event = CellEvent::new(cx.at, CellEventKind::EndedByTurn, &status, None);
                apply(cx.graph.object_mut(id), event);
            }
        }
    }

    /// Adds a tool call to the cell that made it. Returns `None` if there is no such cell.
    ///
    /// Source: reduction, section 9.4.
    pub(crate) fn note_nested_tool(
        &mut self,
        graph: &mut Graph,
        (thread, runtime_id): (&ThreadId, &str),
        tool: &ToolCallId,
    ) -> Option<CodeCellId> {
        let id = self.by_runtime_id.get(&(thread.clone(), runtime_id.to_owned()))?.clone();
        self.cell_mut(graph, &id)?.nested_tool_call_ids.push(tool.clone());
        Some(id)
    }

    /// Adds a `wait` to the cell that it waits for, if there is such a cell.
    ///
    /// Source: reduction, section 9.4.
    pub(crate) fn note_wait(&mut self, graph: &mut Graph, (thread, runtime_id): (&ThreadId, &str), tool: &ToolCallId) {
        let Some(id) = self.by_runtime_id.get(&(thread.clone(), runtime_id.to_owned())).cloned() else { return };
        if let Some(cell) = self.cell_mut(graph, &id) {
            cell.wait_tool_call_ids.push(tool.clone());
        }
    }

    /// Returns the ids of the cells that still wait for their source item, sorted.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let mut waiting: Vec<_> = self.waiting.keys().map(ToString::to_string).collect();
        waiting.sort_unstable();
        waiting
    }

    fn cell<'a>(&'a self, graph: &'a Graph, id: &CodeCellId) -> Option<&'a CodeCell> {
        self.waiting.get(id).map(|waiting| &waiting.cell).or_else(|| graph.code_cells.get(id))
    }

    fn cell_mut<'a>(&'a mut self, graph: &'a mut Graph, id: &CodeCellId) -> Option<&'a mut CodeCell> {
        match self.waiting.get_mut(id) {
            Some(waiting) => Some(&mut waiting.cell),
            None => graph.get_mut(id),
        }
    }

    /// Returns the id of a starting cell in the graph, or `None` if the cell has started before and still runs.
    fn new_id(&mut self, cx: &mut Context<'_>, thread: &ThreadId, event: &CodeCellStarted) -> Option<CodeCellId> {
        let call = (thread.clone(), event.model_visible_call_id.clone());
        let newest = self.by_call_and_runtime_id.get(&(call.clone(), event.runtime_cell_id.clone()));
        if let Some(id) = newest
            && let Some(known) = self.cell(cx.graph, id)
            && known.execution.is_running()
            && known.initial_response_seq.is_none()
        {
            let message = format!("code cell {id} starts a second time; the first start counts");
            cx.report.event(DiagnosticCode::DuplicateStart, &[id], message);
            return None;
        }
        let name = format!("code_cell:{}", event.model_visible_call_id);
        let mut number = self.named.get(&event.model_visible_call_id).map_or(1, |named| named + 1);
        let id = loop {
            let id = CodeCellId(if number > 1 { format!("{name}#{number}") } else { name.clone() });
            if self.cell(cx.graph, &id).is_none() {
                break id;
            }
            number += 1;
        };
        self.named.insert(event.model_visible_call_id.clone(), number);
        self.by_call_and_runtime_id.insert((call, event.runtime_cell_id.clone()), id.clone());
        if number > 1 {
            let message = format!("a second code cell is named {name}; it is in the graph as {id}");
            cx.report.event(DiagnosticCode::KeyCollision, &[&name, &id], message);
        }
        let runtime_key = (thread.clone(), event.runtime_cell_id.to_string());
        if let Some(older) = self.by_runtime_id.insert(runtime_key, id.clone()) {
            let message =
                format!("runtime id {} named {older} before; from this event on it names {id}", event.runtime_cell_id);
            cx.report.event(DiagnosticCode::RuntimeCellReused, &[&older, &id], message);
        }
        Some(id)
    }
}

/// Applies an event to a cell.
///
/// Source: reduction, sections 11.5 and 11.6.
fn apply(cell: &mut CodeCell, event: CellEvent) {
    let is_response = event.kind == CellEventKind::InitialResponse;
    let has_response = cell.initial_response_status.is_some();
    if cell.initial_response_seq.is_none() || (is_response && !has_response) {
        cell.initial_response_at_unix_ms = Some(event.time);
        cell.initial_response_seq = Some(event.seq);
    }
    if is_response && !has_response {
        cell.initial_response_status = Some(event.status.clone());
        cell.raw_initial_response_payload_id = event.payload.clone();
    }
    if event.status == CellStatus::Yielded && cell.yielded_seq.is_none() {
        cell.yielded_at_unix_ms = Some(event.time);
        cell.yielded_seq = Some(event.seq);
    }
    match event.kind {
        CellEventKind::InitialResponse => {}
        CellEventKind::Ended => {
            cell.raw_result_payload_id = event.payload;
            cell.execution.end(event.time, event.seq, execution_status(&event.status));
        }
        CellEventKind::EndedByTurn => {
            cell.execution.end(event.time, event.seq, execution_status(&event.status));
        }
    }
    cell.runtime_status = event.status;
}

/// Returns the execution status of a cell with this runtime status.
///
/// Source: reduction, section 11.5.
fn execution_status(status: &CellStatus) -> ExecutionStatus {
    match status {
        CellStatus::Starting | CellStatus::Running | CellStatus::Yielded => ExecutionStatus::Running,
        CellStatus::Completed => ExecutionStatus::Completed,
        CellStatus::Failed => ExecutionStatus::Failed,
        CellStatus::Terminated => ExecutionStatus::Cancelled,
        other => ExecutionStatus::from(other.as_str()),
    }
}
