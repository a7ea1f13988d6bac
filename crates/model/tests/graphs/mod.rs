//! Graphs with requests that list any items.

use proptest::{collection::vec, prelude::*};
use rollout_trace_model::{ItemId, RolloutTrace};
use serde_json::{Value, json};

/// Makes a graph with one inference call for each list of items.
pub(crate) fn graph(requests: &[Vec<u32>]) -> RolloutTrace {
    let mut state: Value = serde_json::from_str(include_str!("../example.state.json")).expect("the example is JSON");
    for (number, items) in requests.iter().enumerate() {
        let id = format!("call-{number}");
        let items: Vec<_> = items.iter().map(|&item| ItemId(item)).collect();
        state["inference_calls"][&id] = json!({
            "inference_call_id": id, "thread_id": "thread-1", "codex_turn_id": "turn-1",
            "execution": state["codex_turns"]["turn-1"]["execution"], "model": "m", "provider_name": "p",
            "response_id": null, "upstream_request_id": null, "request_item_ids": items, "response_item_ids": [],
            "tool_call_ids_started_by_response": [], "usage": null, "raw_request_payload_id": null,
            "raw_response_payload_id": null, "error": "cut",
        });
    }
    serde_json::from_value(state).expect("it is a graph")
}

/// Lists of items as requests have them, which are mostly runs, and any others.
pub(crate) fn items() -> impl Strategy<Value = Vec<u32>> {
    let runs = vec((0u32..40, 1u32..12), 0..6)
        .prop_map(|runs| runs.into_iter().flat_map(|(first, count)| first..first + count).collect());
    prop_oneof![runs, vec(any::<u32>(), 0..8)]
}
