//! Code cells.

use std::collections::HashMap;

use rollout_trace_model::{CodeCell, CodeCellId, DiagnosticCode, Execution, ItemId};
use rollout_trace_schema::{
    CellStatus, CodeCellEnded, CodeCellInitialResponse, CodeCellStarted, CodexTurnEnded, CodexTurnId, ExecutionStatus,
    ModelVisibleCallId, RawPayloadId, RuntimeCellId, Seq, ThreadId, ToolCallId, UnixMillis,
};

use crate::{at::At, reducer::Reducer};

/// What is remembered of code cells beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    /// The newest cell of each runtime id of a thread.
    by_runtime_id: HashMap<(ThreadId, String), CodeCellId>,
    /// The cells whose source item has not been seen: a cell often starts before the response that asks for it is complete.
    pub(crate) waiting: HashMap<CodeCellId, WaitingCell>,
    by_call: HashMap<(ThreadId, ModelVisibleCallId), Vec<CodeCellId>>,
    /// The cells of each turn.
    by_turn: HashMap<CodexTurnId, Vec<CodeCellId>>,
}

/// A cell whose source item has not been seen, and what happened to it meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct WaitingCell {
    cell: CodeCell,
    events: Vec<CellEvent>,
}

#[derive(Clone, Debug)]
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
    /// The turn ended and took the cell along.
    EndedByTurn,
}

impl Reducer {
    pub(crate) fn code_cell_started(&mut self, at: &At, event: &CodeCellStarted) {
        let thread = self.thread_of_event(at, &event.runtime_cell_id);
        let Some(id) = self.new_cell_id(at, &thread, event) else { return };
        let cell = CodeCell {
            code_cell_id: id.clone(),
            model_visible_call_id: event.model_visible_call_id.clone(),
            thread_id: thread.clone(),
            codex_turn_id: at.turn.clone(),
            source_item_id: ItemId(0),
            output_item_ids: Vec::new(),
            runtime_cell_id: Some(event.runtime_cell_id.clone()),
            execution: Execution::started(at.time, at.seq),
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
        let call = (thread.clone(), event.model_visible_call_id.clone());
        self.cells.by_call.entry(call).or_default().push(id.clone());
        self.cells.waiting.insert(id.clone(), WaitingCell { cell, events: Vec::new() });
        if let Some(source) = self.source_item(&thread, &event.model_visible_call_id) {
            self.start_cell(&id, source);
        }
    }

    /// Starts the cells that wait for this item.
    pub(crate) fn start_waiting_cells(&mut self, thread: &ThreadId, call_id: &ModelVisibleCallId, source: ItemId) {
        let cells = self.cells.by_call.get(&(thread.clone(), call_id.clone())).cloned().unwrap_or_default();
        for id in cells {
            if self.cells.waiting.contains_key(&id) {
                self.start_cell(&id, source);
            }
        }
    }

    /// Puts a cell into the graph and applies what happened to it while it waited.
    fn start_cell(&mut self, id: &CodeCellId, source: ItemId) {
        let WaitingCell { mut cell, events } = self.cells.waiting.remove(id).expect("the caller saw it wait");
        cell.source_item_id = source;
        let (thread, call_id) = (cell.thread_id.clone(), cell.model_visible_call_id.clone());
        if let Some(turn) = &cell.codex_turn_id {
            self.cells.by_turn.entry(turn.clone()).or_default().push(id.clone());
        }
        self.trace.code_cells.insert(id.clone(), cell);
        self.link_cell(&thread, &call_id, source, id);
        for event in events {
            self.apply_cell_event(id, event);
        }
    }

    pub(crate) fn code_cell_initial_response(&mut self, at: &At, event: &CodeCellInitialResponse) {
        let payload = event.response_payload.as_ref().map(|reference| reference.raw_payload_id.clone());
        self.cell_event(at, &event.runtime_cell_id, CellEventKind::InitialResponse, event.status.clone(), payload);
    }

    pub(crate) fn code_cell_ended(&mut self, at: &At, event: &CodeCellEnded) {
        let payload = event.response_payload.as_ref().map(|reference| reference.raw_payload_id.clone());
        self.cell_event(at, &event.runtime_cell_id, CellEventKind::Ended, event.status.clone(), payload);
    }

    fn cell_event(
        &mut self,
        at: &At,
        runtime_id: &RuntimeCellId,
        kind: CellEventKind,
        status: CellStatus,
        payload: Option<RawPayloadId>,
    ) {
        let thread = self.thread_of_event(at, runtime_id);
        let Some(id) = self.cells.by_runtime_id.get(&(thread, runtime_id.to_string())).cloned() else {
            let message = format!("runtime cell {runtime_id} was never started in its thread; what it did is lost");
            self.report.at(at, DiagnosticCode::UnknownCodeCell, &[runtime_id], message);
            return;
        };
        let event = CellEvent { seq: at.seq, time: at.time, kind, status, payload };
        match self.cells.waiting.get_mut(&id) {
            Some(waiting) => waiting.events.push(event),
            None => self.apply_cell_event(&id, event),
        }
    }

    fn apply_cell_event(&mut self, id: &CodeCellId, event: CellEvent) {
        let cell = self.trace.code_cells.get_mut(id).expect("a started cell is in the graph");
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

    /// Ends the cells that a turn leaves running, unless it completed: a yielded cell lives on.
    pub(crate) fn end_cells_of_turn(&mut self, at: &At, event: &CodexTurnEnded) {
        let status = match event.status {
            ExecutionStatus::Failed => CellStatus::Failed,
            ExecutionStatus::Cancelled | ExecutionStatus::Aborted => CellStatus::Terminated,
            _ => return,
        };
        for id in self.cells.by_turn.get(&event.codex_turn_id).cloned().unwrap_or_default() {
            if self.trace.code_cells[&id].execution.is_running() {
                let kind = CellEventKind::EndedByTurn;
                let event = CellEvent { seq: at.seq, time: at.time, kind, status: status.clone(), payload: None };
                self.apply_cell_event(&id, event);
            }
        }
    }

    /// Hangs a tool call under the cell that made it; none if there is no such cell.
    pub(crate) fn note_nested_tool(
        &mut self,
        thread: &ThreadId,
        runtime_id: &RuntimeCellId,
        tool: &ToolCallId,
    ) -> Option<CodeCellId> {
        let id = self.cells.by_runtime_id.get(&(thread.clone(), runtime_id.to_string()))?.clone();
        self.cell_mut(&id)?.nested_tool_call_ids.push(tool.clone());
        Some(id)
    }

    /// Lists a tool call by which the model waits for a cell.
    pub(crate) fn note_wait(&mut self, thread: &ThreadId, runtime_id: &str, tool: &ToolCallId) {
        let Some(id) = self.cells.by_runtime_id.get(&(thread.clone(), runtime_id.to_owned())).cloned() else { return };
        if let Some(cell) = self.cell_mut(&id) {
            cell.wait_tool_call_ids.push(tool.clone());
        }
    }

    fn cell_mut(&mut self, id: &CodeCellId) -> Option<&mut CodeCell> {
        match self.cells.waiting.get_mut(id) {
            Some(waiting) => Some(&mut waiting.cell),
            None => self.trace.code_cells.get_mut(id),
        }
    }

    /// The key under which a cell that starts is kept; none if it has started before and still runs.
    fn new_cell_id(&mut self, at: &At, thread: &ThreadId, event: &CodeCellStarted) -> Option<CodeCellId> {
        let name = format!("code_cell:{}", event.model_visible_call_id);
        let mut id = CodeCellId(name.clone());
        let mut number = 1;
        while let Some(known) = self.cell_mut(&id) {
            let is_same = known.thread_id == *thread && known.runtime_cell_id.as_ref() == Some(&event.runtime_cell_id);
            if is_same && known.execution.is_running() && known.initial_response_seq.is_none() {
                let message = format!("code cell {id} starts a second time; nothing changes");
                self.report.at(at, DiagnosticCode::DuplicateStart, &[&id], message);
                return None;
            }
            number += 1;
            id = CodeCellId(format!("{name}#{number}"));
        }
        if number > 1 {
            let message = format!("a second code cell is named {name}; it is in the graph as {id}");
            self.report.at(at, DiagnosticCode::KeyCollision, &[&name, &id], message);
        }
        let runtime_key = (thread.clone(), event.runtime_cell_id.to_string());
        if let Some(older) = self.cells.by_runtime_id.insert(runtime_key, id.clone()) {
            let message =
                format!("the runtime id {} named {older} before and names {id} from here on", event.runtime_cell_id);
            self.report.at(at, DiagnosticCode::RuntimeCellReused, &[&older, &id], message);
        }
        Some(id)
    }
}

fn execution_status(status: &CellStatus) -> ExecutionStatus {
    match status {
        CellStatus::Starting | CellStatus::Running | CellStatus::Yielded => ExecutionStatus::Running,
        CellStatus::Completed => ExecutionStatus::Completed,
        CellStatus::Failed => ExecutionStatus::Failed,
        CellStatus::Terminated => ExecutionStatus::Cancelled,
        other => ExecutionStatus::from(other.as_str()),
    }
}
