//! Results of tool calls that no model saw.

use rollout_trace_model::{CodeCell, ItemId, Requester, ToolCall, map::HashSet};
use rollout_trace_reducer::Json;
use rollout_trace_schema::Seq;

use super::{UnseenCode, UnseenRow, delivered, is_of_model, later_calls};
use crate::{Certainty, Rollout, facts::readable_text, gaps::gaps, item_words::beginning, tool_name::tool_name};

pub(super) fn rows(rollout: &Rollout<'_>, compacted: &HashSet<ItemId>) -> Vec<UnseenRow> {
    let graph = rollout.graph();
    let calls = graph.tool_calls.values();
    let rows = calls.filter_map(|call| match &call.requester {
        Requester::CodeCell { code_cell_id } => kept(rollout, call, graph.code_cells.get(code_cell_id)?),
        _ if is_of_model(call) => undelivered(rollout, call, compacted),
        _ => None,
    });
    rows.collect()
}

/// Returns the result of a model's call that no request carried.
fn undelivered(rollout: &Rollout<'_>, call: &ToolCall, compacted: &HashSet<ItemId>) -> Option<UnseenRow> {
    let outputs = &call.model_visible_output_item_ids;
    if !delivered(rollout, outputs).is_empty() || outputs.iter().any(|output| compacted.contains(output)) {
        return None;
    }
    let mut ids = vec![call.tool_call_id.to_string()];
    let since = call.execution.ended_seq.unwrap_or(call.execution.started_seq);
    let later = later_calls(rollout, &call.thread_id, since);
    let (certainty, name) = (Certainty::Recorded, tool_name(&call.kind));
    let row = match &call.raw_result_payload_id {
        Some(payload) => {
            let words = if later > 0 { "later requests went without it" } else { "no request came after it" };
            ids.extend(outputs.iter().map(ItemId::to_string));
            let row = UnseenRow::new(UnseenCode::ResultNotDelivered, certainty, ids, format!("{name}: {words}"));
            let bytes = rollout.document(payload, text_of_result).map(|text| text.len() as u64);
            UnseenRow { bytes, ..row.shown_by(result_seq(rollout, call), Some(payload)) }
        }
        None => {
            let invocation = call.raw_invocation_payload_id.as_ref();
            let started = rollout.facts().naming(call.execution.started_seq, invocation);
            UnseenRow::new(UnseenCode::CallNotAnswered, certainty, ids, format!("{name} gave no result"))
                .shown_by(Some(started), invocation)
        }
    };
    Some(UnseenRow { later_calls: Some(later), ..row })
}

/// Returns the result of a script's call that the script did not show.
fn kept(rollout: &Rollout<'_>, call: &ToolCall, cell: &CodeCell) -> Option<UnseenRow> {
    let payload = call.raw_result_payload_id.as_ref()?;
    let text = rollout.document(payload, text_of_result)?;
    let stripped = text.trim();
    if matches!(stripped, "" | "{}" | "[]") {
        return None;
    }
    let waits = cell.wait_tool_call_ids.iter().filter_map(|id| rollout.graph().tool_calls.get(id));
    let waits = waits.flat_map(|call| &call.model_visible_output_item_ids);
    let seen = delivered(rollout, cell.output_item_ids.iter().chain(waits));
    let shown: Vec<_> = seen.iter().map(|item| rollout.readable_text(*item)).collect();
    let quoted = serde_json::to_string(stripped).ok()?;
    let escaped = quoted.get(1..quoted.len() - 1)?;
    if shown.iter().any(|shown| shown.contains(stripped) || shown.contains(escaped)) {
        return None;
    }
    let missing: u64 = gaps(&text, shown.iter().map(|text| &**text)).iter().map(|gap| gap.len() as u64).sum();
    let whole = text.len() as u64;
    let ids = vec![call.tool_call_id.to_string(), cell.code_cell_id.to_string()];
    let note = format!("{} gave the script \"{}\"", tool_name(&call.kind), beginning(stripped));
    let row = UnseenRow::new(UnseenCode::CellValueNotShown, Certainty::Matched, ids, note);
    let bytes = if missing > 0 { missing } else { whole };
    Some(UnseenRow {
        bytes: Some(bytes),
        of_bytes: Some(whole),
        ..row.shown_by(result_seq(rollout, call), Some(payload))
    })
}

/// Returns the event that names the result of a call.
fn result_seq(rollout: &Rollout<'_>, call: &ToolCall) -> Option<Seq> {
    Some(rollout.facts().naming(call.execution.ended_seq?, call.raw_result_payload_id.as_ref()))
}

/// Returns the text of the result of a tool call.
fn text_of_result(result: &Json<'_>) -> Option<String> {
    if let Some(item) = result.get("response_item") {
        return Some(readable_text(item));
    }
    let value = result.get("value").or_else(|| result.get("error"))?;
    let output = value.text("output").or_else(|| value.as_str());
    Some(output.map_or_else(|| value.to_spelled_text(), str::to_owned))
}
