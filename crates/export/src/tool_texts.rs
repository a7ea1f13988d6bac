//! The arguments and results of tool calls.

use rollout_trace_answers::Rollout;
use rollout_trace_model::{ItemId, ToolCall};
use rollout_trace_reducer::Json;

use crate::item_parts;

/// Returns the arguments of a call: those that the agent core passed on, else those in the conversation.
pub(crate) fn arguments(rollout: &Rollout<'_>, call: &ToolCall) -> Option<String> {
    let invoked = call.raw_invocation_payload_id.as_ref().and_then(|id| {
        rollout.document(id, |document| {
            let payload = document.get("payload")?;
            let own = payload.get("arguments").or_else(|| payload.get("input"));
            Some(own.map_or_else(|| payload.without_all(&["type"]).to_spelled_text(), plain))
        })
    });
    invoked.or_else(|| of_items(rollout, &call.model_visible_call_item_ids))
}

/// Returns the result of a call: what its requester got, else the outputs in the conversation.
pub(crate) fn result(rollout: &Rollout<'_>, call: &ToolCall) -> Option<String> {
    let returned = call.raw_result_payload_id.as_ref().and_then(|id| {
        rollout.document(id, |document| {
            let own = match document.text("type") {
                Some("direct_response") => document.get("response_item").and_then(|item| item.get("output")),
                Some("code_mode_response") => document.get("value"),
                Some("error") => document.get("error"),
                _ => None,
            };
            Some(plain(own.unwrap_or(document)))
        })
    });
    returned.or_else(|| of_items(rollout, &call.model_visible_output_item_ids))
}

/// Returns a string as it is, and any other value as JSON.
fn plain(value: &Json<'_>) -> String {
    value.as_str().map_or_else(|| value.to_spelled_text(), str::to_owned)
}

fn of_items(rollout: &Rollout<'_>, items: &[ItemId]) -> Option<String> {
    let items = items.iter().filter_map(|id| rollout.graph().conversation_items.get(id));
    let texts: Vec<_> = items.map(|item| item_parts::text(rollout, item)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}
