//! What only the end of the evidence decides.

use std::collections::{BTreeMap, HashMap, HashSet};

use rollout_trace_model::{
    ConversationItem, DiagnosticCode, InferenceCall, InferredProducer, ItemId, ModelObservation, ObjectRef,
    ObservationSource, OperationKind, RolloutTrace,
};
use rollout_trace_schema::{
    CodexTurnId, ExecutionStatus, InferenceCallId, ModelVisibleCallId, SchemaVersion, Seq, ThreadId,
};

use crate::{
    agents::{self, Agents},
    cells::Cells,
    conversation::Conversations,
    durations::add_durations,
    report::Report,
};

/// What the end of the evidence looks like.
pub(crate) struct Ending<'a> {
    pub(crate) version: SchemaVersion,
    pub(crate) ends_in_marker: bool,
    pub(crate) conversations: &'a Conversations,
    pub(crate) agents: &'a Agents,
    /// The events that last showed each call's response.
    pub(crate) answered: &'a HashMap<InferenceCallId, Seq>,
    pub(crate) cells: &'a Cells,
}

/// Completes the graph.
pub(crate) fn finish(mut trace: RolloutTrace, ending: &Ending<'_>) -> RolloutTrace {
    let mut report = Report::default();
    if ending.version >= SchemaVersion::V2 {
        trace.recording_complete = Some(ending.ends_in_marker);
    }
    list_conversations(&mut trace, ending);
    observe_operations(&mut trace);
    ending.agents.add_edges(&mut trace, &mut report, ending.conversations.superseded());
    for (item, edge_id) in agents::arrivals(&trace) {
        let item = trace.conversation_items.get_mut(&item).expect("an edge ends in a known item");
        item.inferred_producers.push(InferredProducer::Edge { edge_id });
    }
    note_last_sightings(&mut trace, ending);
    note_new_inputs(&mut trace);
    add_durations(&mut trace);
    report_waiting_cells(&mut report, ending.cells);
    note_cut_off(&mut trace, &mut report, ending);
    trace.diagnostics.extend(report.take());
    trace
}

/// Lists each thread's items: in schema 2 only those that were accepted, or that a request or compaction listed.
fn list_conversations(trace: &mut RolloutTrace, ending: &Ending<'_>) {
    let mut lists: HashMap<ThreadId, Vec<ItemId>> = HashMap::new();
    for item in trace.conversation_items.values() {
        let is_listed = ending.version == SchemaVersion::V1
            || item.accepted_seq.is_some()
            || ending.conversations.is_listed(item.item_id);
        if is_listed {
            lists.entry(item.thread_id.clone()).or_default().push(item.item_id);
        }
    }
    for (thread, items) in lists {
        if let Some(thread) = trace.threads.get_mut(&thread) {
            thread.conversation_item_ids = items;
        }
    }
}

/// Mirrors what the model saw of a tool call in the terminal operation that it was.
fn observe_operations(trace: &mut RolloutTrace) {
    for operation in trace.terminal_operations.values_mut() {
        let call = &trace.tool_calls[&operation.tool_call_id];
        if call.model_visible_call_item_ids.is_empty() && call.model_visible_output_item_ids.is_empty() {
            continue;
        }
        operation.model_observations = vec![ModelObservation {
            call_item_ids: call.model_visible_call_item_ids.clone(),
            output_item_ids: call.model_visible_output_item_ids.clone(),
            source: ObservationSource::DirectToolCall,
        }];
    }
}

/// The inference calls as they started.
fn calls_in_order(calls: &BTreeMap<InferenceCallId, InferenceCall>) -> Vec<&InferenceCall> {
    let mut calls: Vec<_> = calls.values().collect();
    calls.sort_by_key(|call| call.execution.started_seq);
    calls
}

/// One more than the highest number of an item.
fn item_numbers(items: &BTreeMap<ItemId, ConversationItem>) -> usize {
    items.last_key_value().map_or(0, |(item, _)| item.0 as usize + 1)
}

fn note_last_sightings(trace: &mut RolloutTrace, ending: &Ending<'_>) {
    let mut last: Vec<Seq> = vec![0; item_numbers(&trace.conversation_items)];
    let mut seen = |items: &[ItemId], seq: Seq| {
        for item in items {
            let known = &mut last[item.0 as usize];
            *known = seq.max(*known);
        }
    };
    for call in trace.inference_calls.values() {
        seen(&call.request_item_ids, call.execution.started_seq);
        if let Some(answered) = ending.answered.get(&call.inference_call_id) {
            seen(&call.response_item_ids, *answered);
        }
    }
    for compaction in trace.compactions.values() {
        let installed = trace.conversation_items[&compaction.marker_item_id].first_seen_seq;
        seen(&compaction.input_item_ids, installed);
    }
    for item in trace.conversation_items.values_mut() {
        item.last_seen_seq = last[item.item_id.0 as usize].max(item.first_seen_seq);
    }
}

/// Lists for each turn what is new in its first request and comes from outside.
fn note_new_inputs(trace: &mut RolloutTrace) {
    let RolloutTrace { inference_calls, conversation_items, codex_turns, .. } = trace;
    let mut seen = vec![false; item_numbers(conversation_items)];
    let mut begun: HashSet<&CodexTurnId> = HashSet::new();
    // An answer to a call that the model made before comes from inside, also where the call was never taken up.
    let mut calls: HashSet<(&ThreadId, &ModelVisibleCallId)> = HashSet::new();
    for call in calls_in_order(inference_calls) {
        let first_of_turn = call.codex_turn_id.as_ref().filter(|turn| begun.insert(turn));
        let answers_call = |item: &ConversationItem| {
            item.call_id.as_ref().is_some_and(|call| calls.contains(&(&item.thread_id, call)))
        };
        let is_new = |item: &ItemId| {
            !seen[item.0 as usize]
                && conversation_items[item].produced_by.is_empty()
                && !answers_call(&conversation_items[item])
        };
        // Contradicting evidence may have a thread ask in another thread's turn.
        let turn =
            first_of_turn.and_then(|turn| codex_turns.get_mut(turn)).filter(|turn| turn.thread_id == call.thread_id);
        if let Some(turn) = turn {
            turn.new_input_item_ids = call.request_item_ids.iter().copied().filter(is_new).collect();
        }
        for item in call.request_item_ids.iter().chain(&call.response_item_ids) {
            if !std::mem::replace(&mut seen[item.0 as usize], true) {
                let item = &conversation_items[item];
                calls.extend(item.call_id.as_ref().map(|call| (&item.thread_id, call)));
            }
        }
    }
}

fn report_waiting_cells(report: &mut Report, cells: &Cells) {
    for cell in cells.waiting() {
        let message =
            format!("{cell} ran, but no response showed the call that holds its source; it is not in the graph");
        report.end(DiagnosticCode::CodeCellWithoutSource, vec![cell], message);
    }
}

/// Lists what had not ended when the evidence did.
fn note_cut_off(trace: &mut RolloutTrace, report: &mut Report, ending: &Ending<'_>) {
    let mut open = Vec::new();
    let threads = trace.threads.values().filter(|thread| thread.execution.is_running());
    open.extend(threads.map(|thread| ObjectRef::Thread(thread.thread_id.clone())));
    let turns = trace.codex_turns.values().filter(|turn| turn.execution.is_running());
    open.extend(turns.map(|turn| ObjectRef::CodexTurn(turn.codex_turn_id.clone())));
    let calls = trace.inference_calls.values().filter(|call| call.execution.is_running());
    open.extend(calls.map(|call| ObjectRef::InferenceCall(call.inference_call_id.clone())));
    let tools = trace.tool_calls.values().filter(|call| call.execution.is_running());
    open.extend(tools.map(|call| ObjectRef::ToolCall(call.tool_call_id.clone())));
    let cells = trace.code_cells.values().filter(|cell| cell.execution.is_running());
    open.extend(cells.map(|cell| ObjectRef::CodeCell(cell.code_cell_id.clone())));
    // A write to stdin that runs is its tool call, which is listed.
    let operations = trace.terminal_operations.values();
    let commands =
        operations.filter(|operation| operation.execution.is_running() && operation.kind == OperationKind::ExecCommand);
    open.extend(commands.map(|operation| ObjectRef::TerminalOperation(operation.operation_id)));
    let requests = trace.compaction_requests.values().filter(|request| request.execution.is_running());
    open.extend(requests.map(|request| ObjectRef::CompactionRequest(request.compaction_request_id.clone())));

    if trace.status == ExecutionStatus::Running && trace.ended_at_unix_ms.is_none() {
        let message = "the trace stops before the rollout ended: it is still being written, or its writer was stopped";
        report.end(DiagnosticCode::TraceStopsEarly, Vec::new(), message);
    } else if ending.version >= SchemaVersion::V2 && !ending.ends_in_marker {
        let message = "the trace has no end marker, so that something may be missing at its end";
        report.end(DiagnosticCode::TraceStopsEarly, Vec::new(), message);
    }
    if !open.is_empty() {
        let ids: Vec<_> = open.iter().map(object_id).collect();
        let message = format!("{} still running when the trace ended: {}", count(open.len()), ids.join(", "));
        report.end(DiagnosticCode::RunningAtEnd, ids, message);
    }
    trace.cut_off = open;
}

fn count(objects: usize) -> String {
    if objects == 1 { "1 object was".to_owned() } else { format!("{objects} objects were") }
}

fn object_id(object: &ObjectRef) -> String {
    match object {
        ObjectRef::Thread(id) => id.to_string(),
        ObjectRef::CodexTurn(id) => id.to_string(),
        ObjectRef::InferenceCall(id) => id.to_string(),
        ObjectRef::ToolCall(id) => id.to_string(),
        ObjectRef::CodeCell(id) => id.to_string(),
        ObjectRef::TerminalOperation(id) => id.to_string(),
        ObjectRef::CompactionRequest(id) => id.to_string(),
        ObjectRef::Rollout => "rollout".to_owned(),
        ObjectRef::ConversationItem(id) => id.to_string(),
        ObjectRef::TerminalSession(id) => id.to_string(),
        ObjectRef::Compaction(id) => id.to_string(),
        ObjectRef::InteractionEdge(id) => id.to_string(),
        ObjectRef::RawPayload(id) => id.to_string(),
    }
}
