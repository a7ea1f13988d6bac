//! Outputs that were cut, or came after the last look.

use std::ops::Range;

use rollout_trace_model::{ItemId, OperationKind, TerminalOperation, ToolCall};
use rollout_trace_reducer::Json;
use rollout_trace_schema::ToolKind;

use super::{UnseenCode, UnseenRow, delivered, is_of_model};
use crate::{Certainty, Rollout, gaps::gaps, item_words::beginning, tool_name::tool_name};

pub(super) fn rows(rollout: &Rollout<'_>) -> Vec<UnseenRow> {
    let graph = rollout.graph();
    let operation = |id| graph.terminal_operations.get(id);
    let sessions = graph
        .terminal_sessions
        .values()
        .map(|session| session.operation_ids.iter().filter_map(operation).collect::<Vec<_>>());
    let alone = graph.terminal_operations.values().filter(|operation| operation.terminal_id.is_none());
    let processes = sessions.chain(alone.map(|operation| vec![operation]));
    let of_processes = processes.filter_map(|operations| of_process(rollout, &operations));
    let of_servers = graph.tool_calls.values().filter_map(|call| of_server(rollout, call));
    of_processes.chain(of_servers).collect()
}

/// Returns what of a process's output the model did not see. The first operation started the process, and has its whole
/// output.
fn of_process(rollout: &Rollout<'_>, operations: &[&TerminalOperation]) -> Option<UnseenRow> {
    let first = operations.first().filter(|operation| operation.kind == OperationKind::ExecCommand)?;
    let graph = rollout.graph();
    let calls: Vec<_> =
        operations.iter().filter_map(|operation| graph.tool_calls.get(&operation.tool_call_id)).collect();
    let call = graph.tool_calls.get(&first.tool_call_id).filter(|call| is_of_model(call))?;
    let stdout = &first.result.as_ref()?.stdout;
    let seen: Vec<ItemId> = calls.iter().flat_map(|call| shown_outputs(rollout, call)).collect();
    if stdout.is_empty() || seen.is_empty() {
        return None;
    }
    let found = gaps_in(rollout, stdout, &seen);
    if found.is_empty() || !is_of_runtime(rollout, first) {
        return None;
    }
    let ended = |seq| calls.iter().all(|call| call.execution.ended_seq.is_some_and(|end| end < seq));
    let is_after = matches!(&*found, [gap] if gap.end == stdout.len()) && first.execution.ended_seq.is_some_and(ended);
    let code = if is_after { UnseenCode::OutputAfterLastLook } else { UnseenCode::OutputCut };
    let ids = vec![first.operation_id.to_string(), call.tool_call_id.to_string()];
    let row = row(code, ids, &seen, stdout, &found)?;
    Some(row.shown_by(first.execution.ended_seq, first.raw_payload_ids.last()))
}

/// Returns whether a runtime payload has the output of an operation.
fn is_of_runtime(rollout: &Rollout<'_>, operation: &TerminalOperation) -> bool {
    operation.raw_payload_ids.last().is_some_and(|id| {
        rollout
            .document(id, |document| document.text("stdout").or_else(|| document.text("aggregated_output")).map(drop))
            .is_some()
    })
}

/// Returns what of the answer of an MCP server the model did not see.
fn of_server(rollout: &Rollout<'_>, call: &ToolCall) -> Option<UnseenRow> {
    if !matches!(call.kind, ToolKind::Mcp { .. }) || !is_of_model(call) {
        return None;
    }
    let seen = shown_outputs(rollout, call);
    if seen.is_empty() {
        return None;
    }
    let mut payloads = call.raw_runtime_payload_ids.iter().rev();
    let (id, text) = payloads.find_map(|id| Some((id, rollout.document(id, server_text)?)))?;
    let found = gaps_in(rollout, &text, &seen);
    let row = row(UnseenCode::OutputCut, vec![call.tool_call_id.to_string()], &seen, &text, &found)?;
    let note = format!("{}: {}", tool_name(&call.kind), row.note);
    Some(UnseenRow { note, ..row.shown_by(rollout.facts().named_by(id), Some(id)) })
}

fn server_text(document: &Json<'_>) -> Option<String> {
    let result = document.get("result")?;
    let content = result.get("Ok").unwrap_or(result).get("content")?.as_array()?;
    Some(content.iter().filter_map(|part| part.text("text")).collect())
}

/// Returns the delivered outputs of a call, without those that were seen before it began.
fn shown_outputs(rollout: &Rollout<'_>, call: &ToolCall) -> Vec<ItemId> {
    let items = &rollout.graph().conversation_items;
    let is_later = |id: &&ItemId| items.get(id).is_some_and(|item| call.execution.started_seq <= item.first_seen_seq);
    delivered(rollout, call.model_visible_output_item_ids.iter().filter(is_later))
}

fn gaps_in(rollout: &Rollout<'_>, raw: &str, seen: &[ItemId]) -> Vec<Range<usize>> {
    let texts: Vec<_> = seen.iter().map(|item| rollout.readable_text(*item)).collect();
    gaps(raw, texts.iter().map(|text| &**text))
}

fn row(code: UnseenCode, mut ids: Vec<String>, seen: &[ItemId], raw: &str, gaps: &[Range<usize>]) -> Option<UnseenRow> {
    let first = gaps.first()?;
    ids.extend(seen.iter().map(ItemId::to_string));
    Some(UnseenRow {
        bytes: Some(gaps.iter().map(|gap| gap.len() as u64).sum()),
        of_bytes: Some(raw.len() as u64),
        gaps: Some(gaps.len()),
        ..UnseenRow::new(code, Certainty::Matched, ids, beginning(&raw[first.clone()]))
    })
}
