//! What only the end of the evidence decides.

use std::collections::BTreeMap;

use rollout_trace_model::{DiagnosticCode, ObjectRef, OperationKind, RecordingStatus};
use rollout_trace_schema::{ExecutionStatus, Seq, ThreadId};

use crate::{cells::Cells, graph::Graph, report::Report};

/// Reports the code cells that are not in the graph because no response showed their source.
///
/// Source: reduction, section 11.2.
pub(crate) fn report_waiting_cells(report: &mut Report, cells: &Cells) {
    for cell in cells.waiting() {
        let message =
            format!("{cell} ran, but no response showed the call that holds its source; it is not in the graph");
        report.end(DiagnosticCode::CodeCellWithoutSource, vec![cell], message);
    }
}

/// Lists and reports the objects that were still running when the evidence ended.
///
/// Source: reduction, section 13.2.
pub(crate) fn list_cut_off(graph: &mut Graph, report: &mut Report) {
    if graph.evidence.is_some() {
        end_imported(graph);
        graph.rollout_mut().cut_off = running(graph);
        return;
    }
    let open = running(graph);
    let has_ended = graph.status != ExecutionStatus::Running || graph.ended_at_unix_ms.is_some();
    let is_unclosed =
        graph.recording_complete == Some(false) || graph.recording_status == Some(RecordingStatus::Unclosed);
    if graph.reading_stopped && (!has_ended || is_unclosed) {
        let message = "the log was not read to its end, so how the rollout and its recording ended is unknown";
        report.end(DiagnosticCode::TraceStopsEarly, Vec::new(), message);
    } else if !has_ended {
        let message = "the trace stops before the rollout ended: it is still being written, or its writer was stopped";
        report.end(DiagnosticCode::TraceStopsEarly, Vec::new(), message);
    } else if is_unclosed {
        let message = "the trace has no end marker, so something may be missing at its end";
        report.end(DiagnosticCode::TraceStopsEarly, Vec::new(), message);
    }
    if !open.is_empty() {
        let ids: Vec<_> = open.iter().map(id).collect();
        let message = format!("{} still running when the trace ended: {}", count(open.len()), ids.join(", "));
        report.end(DiagnosticCode::RunningAtEnd, ids, message);
    }
    graph.rollout_mut().cut_off = open;
}

/// Ends what no session file says the end of: a thread runs only if its last turn does. When it ended is not known.
///
/// Source: imports, section 1.
fn end_imported(graph: &mut Graph) {
    let mut last: BTreeMap<ThreadId, (Seq, bool)> = BTreeMap::new();
    for turn in graph.codex_turns.values() {
        let this = (turn.execution.started_seq, turn.execution.is_running());
        let last = last.entry(turn.thread_id.clone()).or_insert(this);
        *last = this.max(*last);
    }
    let threads: Vec<ThreadId> = graph.threads.keys().cloned().collect();
    for thread in threads {
        if !last.get(&thread).is_some_and(|(_, is_running)| *is_running) {
            graph.object_mut(&thread).execution.status = ExecutionStatus::Completed;
        }
    }
    let root = graph.threads.get(&graph.root_thread_id).map(|thread| thread.execution.status.clone());
    let trace = graph.rollout_mut();
    trace.status = root.unwrap_or(ExecutionStatus::Completed);
    (trace.recording_complete, trace.recording_status) = (None, None);
}

fn running(graph: &Graph) -> Vec<ObjectRef> {
    let mut open = Vec::new();
    let threads = graph.threads.values();
    let threads =
        threads.filter(|thread| thread.execution.is_running() && thread.execution.status == ExecutionStatus::Running);
    open.extend(threads.map(|thread| ObjectRef::Thread(thread.thread_id.clone())));
    let turns = graph.codex_turns.values().filter(|turn| turn.execution.is_running());
    open.extend(turns.map(|turn| ObjectRef::CodexTurn(turn.codex_turn_id.clone())));
    let calls = graph.inference_calls.values().filter(|call| call.execution.is_running());
    open.extend(calls.map(|call| ObjectRef::InferenceCall(call.inference_call_id.clone())));
    let tools = graph.tool_calls.values().filter(|call| call.execution.is_running());
    open.extend(tools.map(|call| ObjectRef::ToolCall(call.tool_call_id.clone())));
    let cells = graph.code_cells.values().filter(|cell| cell.execution.is_running());
    open.extend(cells.map(|cell| ObjectRef::CodeCell(cell.code_cell_id.clone())));
    // A running write to stdin is represented by its tool call, which is listed above.
    let operations = graph.terminal_operations.values();
    let commands =
        operations.filter(|operation| operation.execution.is_running() && operation.kind == OperationKind::ExecCommand);
    open.extend(commands.map(|operation| ObjectRef::TerminalOperation(operation.operation_id)));
    let requests = graph.compaction_requests.values().filter(|request| request.execution.is_running());
    open.extend(requests.map(|request| ObjectRef::CompactionRequest(request.compaction_request_id.clone())));
    open
}

fn count(objects: usize) -> String {
    if objects == 1 { "1 object was".to_owned() } else { format!("{objects} objects were") }
}

fn id(object: &ObjectRef) -> String {
    match object {
        ObjectRef::Thread(id) => id.to_string(),
        ObjectRef::CodexTurn(id) => id.to_string(),
        ObjectRef::InferenceCall(id) => id.to_string(),
        ObjectRef::ToolCall(id) => id.to_string(),
        ObjectRef::CodeCell(id) => id.to_string(),
        ObjectRef::TerminalOperation(id) => id.to_string(),
        ObjectRef::CompactionRequest(id) => id.to_string(),
        ObjectRef::ConversationItem(id) => id.to_string(),
        ObjectRef::TerminalSession(id) => id.to_string(),
        ObjectRef::Compaction(id) => id.to_string(),
        ObjectRef::InteractionEdge(id) => id.to_string(),
        ObjectRef::RawPayload(id) => id.to_string(),
        ObjectRef::Rollout => "rollout".to_owned(),
    }
}
