//! The ids of a graph in the order of their first appearance.

use rollout_trace_schema::ToolSummary;
use serde_json::Value;

use crate::{Body, BodyPart, Execution, RolloutTrace, TerminalRequest, TerminalResult, ThreadOrigin};

/// The kind of process ids, which are terminal ids in schema 1.
pub(super) const PROCESS: &str = "process";
/// The kind of chunk ids, which name pieces of output.
pub(super) const CHUNK: &str = "chunk";

/// Returns the ids in a graph with their kinds, in causal order and with repetitions.
pub(super) fn ids(graph: &RolloutTrace) -> Vec<(&'static str, &str)> {
    let mut ids: Vec<(&'static str, &str)> = vec![("trace", &graph.trace_id)];
    thread_ids(graph, &mut ids);
    call_ids(graph, &mut ids);
    for item in graph.conversation_items.values() {
        ids.extend(item.responses_item_id.iter().map(|id| ("item", id.as_str())));
        ids.extend(item.call_id.iter().map(|id| ("call", id.as_str())));
        ids.extend(item.codex_turn_id.iter().map(|id| ("turn", id.as_str())));
    }
    compaction_ids(graph, &mut ids);
    terminal_ids(graph, &mut ids);
    for message in &graph.undelivered_messages {
        ids.extend(message.tool_call_id.iter().map(|id| ("call", id.as_str())));
        ids.extend(message.target_thread_id.iter().map(|id| ("thread", id.as_str())));
    }
    ids.retain(|(_, id)| !id.is_empty());
    ids
}

fn thread_ids<'a>(graph: &'a RolloutTrace, ids: &mut Vec<(&'static str, &'a str)>) {
    for thread in by_start(graph.threads.values(), |thread| &thread.execution) {
        ids.push(("thread", &thread.thread_id));
    }
    ids.push(("thread", &graph.root_thread_id));
    ids.push(("rollout", &graph.rollout_id));
    for thread in by_start(graph.threads.values(), |thread| &thread.execution) {
        if let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin {
            ids.push(("thread", parent_thread_id));
        }
    }
    for turn in by_start(graph.codex_turns.values(), |turn| &turn.execution) {
        ids.push(("turn", &turn.codex_turn_id));
        ids.push(("thread", &turn.thread_id));
    }
}

fn call_ids<'a>(graph: &'a RolloutTrace, ids: &mut Vec<(&'static str, &'a str)>) {
    for call in by_start(graph.inference_calls.values(), |call| &call.execution) {
        ids.push(("inference", &call.inference_call_id));
        ids.push(("thread", &call.thread_id));
        ids.extend(call.codex_turn_id.iter().map(|id| ("turn", id.as_str())));
        ids.extend(call.response_id.iter().map(|id| ("response", id.as_str())));
        ids.extend(call.upstream_request_id.iter().map(|id| ("upstream", id.as_str())));
    }
    for tool in by_start(graph.tool_calls.values(), |tool| &tool.execution) {
        ids.push(("call", &tool.tool_call_id));
        ids.extend(tool.model_visible_call_id.iter().map(|id| ("call", id.as_str())));
        ids.extend(tool.mcp_call_id.iter().map(|id| ("mcp", id.as_str())));
        ids.extend(tool.code_mode_runtime_tool_id.iter().map(|id| ("runtime", id.as_str())));
        ids.push(("thread", &tool.thread_id));
        ids.extend(tool.started_by_codex_turn_id.iter().map(|id| ("turn", id.as_str())));
    }
    for cell in by_start(graph.code_cells.values(), |cell| &cell.execution) {
        ids.push(("call", &cell.model_visible_call_id));
        ids.extend(cell.runtime_cell_id.iter().map(|id| ("cell", id.as_str())));
    }
}

fn compaction_ids<'a>(graph: &'a RolloutTrace, ids: &mut Vec<(&'static str, &'a str)>) {
    let mut compactions: Vec<_> = graph.compactions.values().collect();
    compactions.sort_by_key(|compaction| compaction.marker_item_id);
    ids.extend(compactions.iter().map(|compaction| ("compaction", compaction.compaction_id.as_str())));
    for request in by_start(graph.compaction_requests.values(), |request| &request.execution) {
        ids.push(("compaction", &request.compaction_id));
        ids.push(("attempt", &request.compaction_request_id));
    }
}

fn terminal_ids<'a>(graph: &'a RolloutTrace, ids: &mut Vec<(&'static str, &'a str)>) {
    let mut sessions: Vec<_> = graph.terminal_sessions.values().collect();
    sessions.sort_by_key(|session| session.created_by_operation_id);
    for session in sessions {
        let before_number = session.terminal_id.0.split('#').next();
        ids.extend(before_number.map(|id| (PROCESS, id)));
        ids.extend(session.process_id.iter().map(|id| (PROCESS, id.as_str())));
    }
    for operation in graph.terminal_operations.values() {
        ids.extend(operation.other_process_ids.iter().map(|id| (PROCESS, id.as_str())));
        let chunk = operation.result.as_ref().and_then(|result| result.chunk_id.as_deref());
        ids.extend(chunk.map(|id| (CHUNK, id)));
    }
}

/// Returns objects in the order of their start.
fn by_start<'a, T>(objects: impl Iterator<Item = &'a T>, execution: impl Fn(&T) -> &Execution) -> Vec<&'a T> {
    let mut objects: Vec<&T> = objects.collect();
    objects.sort_by_key(|object| execution(object).started_seq);
    objects
}

/// Calls `see` with every text of a graph that may contain an id, in causal order.
pub(super) fn for_each_text<'a>(graph: &'a RolloutTrace, see: &mut dyn FnMut(&'a str)) {
    for item in graph.conversation_items.values() {
        body_texts(&item.body, see);
    }
    for tool in by_start(graph.tool_calls.values(), |tool| &tool.execution) {
        if let ToolSummary::Generic { input_preview, output_preview, .. } = &tool.summary {
            input_preview.iter().chain(output_preview).for_each(|text| see(text));
        }
    }
    for operation in graph.terminal_operations.values() {
        match &operation.request {
            TerminalRequest::ExecCommand { display_command, cwd, .. } => {
                see(display_command);
                see(cwd);
            }
            TerminalRequest::WriteStdin { stdin, .. } => see(stdin),
        }
        if let Some(TerminalResult { stdout, stderr, formatted_output, .. }) = &operation.result {
            see(stdout);
            see(stderr);
            formatted_output.iter().for_each(|text| see(text));
        }
    }
    for call in by_start(graph.inference_calls.values(), |call| &call.execution) {
        call.error.iter().chain(&call.cancel_reason).for_each(|text| see(text));
    }
    for request in by_start(graph.compaction_requests.values(), |request| &request.execution) {
        request.error.iter().for_each(|text| see(text));
    }
    let threads = by_start(graph.threads.values(), |thread| &thread.execution);
    for marker in threads.iter().flat_map(|thread| &thread.markers).chain(&graph.markers) {
        marker.summary.iter().for_each(|text| see(text));
        json_texts(&marker.metadata, see);
    }
    for diagnostic in &graph.diagnostics {
        diagnostic.ids.iter().for_each(|text| see(text));
        see(&diagnostic.message);
    }
    let mut edges: Vec<_> = graph.interaction_edges.values().collect();
    edges.sort_by_key(|edge| (&edge.carried_item_ids, &edge.carried_raw_payload_ids));
    edges.iter().for_each(|edge| see(&edge.edge_id));
}

fn body_texts<'a>(body: &'a Body, see: &mut dyn FnMut(&'a str)) {
    for part in &body.parts {
        match part {
            BodyPart::Text { text } | BodyPart::Summary { text } => see(text),
            BodyPart::Encoded { value, .. } => see(value),
            BodyPart::Json { summary, .. } => see(summary),
            BodyPart::Code { source, .. } => see(source),
            BodyPart::PayloadRef { .. } => {}
        }
    }
}

fn json_texts<'a>(value: &'a Value, see: &mut dyn FnMut(&'a str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(values) => values.iter().for_each(|value| json_texts(value, see)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            see(key);
            json_texts(value, see);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
