//! The documents in a trace contain the fields that its readers need.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use rollout_trace_agent_core::{TraceOptions, TraceTarget};
use rollout_trace_recorder::{PayloadLayout, ToolKind};
use serde_json::Value;

#[test]
fn the_end_of_a_closed_agent_contains_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let options = TraceOptions::new().layout(PayloadLayout::Files);
    let trace = TraceTarget::Root(folder.path().join("traces"), options);
    let scenario = include_str!("scenarios/agents.toml");
    let played = support::played("agents", scenario, &folder.path().join("work"), trace, |_| {});
    let bundle = played.bundle.unwrap();
    let graph = support::reduced(&bundle);
    let close = graph.tool_calls.values().find(|call| call.kind == ToolKind::CloseAgent).unwrap();
    let document = |place: usize| -> Value {
        let payload = &graph.raw_payloads[&close.raw_runtime_payload_ids[place]];
        serde_json::from_slice(&fs::read(bundle.join(payload.path().unwrap())).unwrap()).unwrap()
    };
    assert_eq!(document(0).get("status"), None);
    assert_eq!(document(1)["status"]["completed"], "5.");
}
