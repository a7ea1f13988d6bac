//! The example's session, in each layout.

use rollout_trace_recorder::PayloadLayout;
use rollout_trace_schema::{SchemaVersion, packed::PACKED_LAYOUT};

use crate::{
    support::{LAYOUTS, ROOT_THREAD, Recorded, in_memory, options, reduced},
    traced_agent::run_session,
};

fn record(layout: PayloadLayout) -> Recorded {
    let (trace, sink) = in_memory(options(layout));
    run_session(&trace);
    drop(trace);
    Recorded::of(&sink)
}

#[test]
fn the_example_records_everything_in_the_order_of_codex() {
    let recorded = record(PayloadLayout::Files);
    assert_eq!(
        recorded.types()[..6],
        [
            "rollout_started",
            "thread_started",
            "protocol_event_observed",
            "codex_turn_started",
            "history_item_accepted",
            "inference_started"
        ]
    );
    assert!(recorded.types().ends_with(&["thread_ended", "rollout_ended", "recording_completed"]));
    // Only events that do not occur in the example, or in schema 2, are missing.
    let missing = rollout_trace_schema::EventPayload::KNOWN.iter().filter(|name| !recorded.types().contains(name));
    assert_eq!(
        missing.collect::<Vec<_>>(),
        [&"thread_resumed", &"inference_cancelled", &"code_cell_wait_target_resolved", &"other"]
    );
}

#[test]
fn nothing_is_written_that_other_readers_refuse() {
    for layout in LAYOUTS {
        let recorded = record(layout);
        for (event, seq) in recorded.events.iter().zip(1..) {
            assert_eq!((event.seq, event.schema_version), (seq, SchemaVersion::V2.number()));
            assert_eq!(event.rollout_id.as_str(), ROOT_THREAD);
            assert!(event.thread_id.as_ref().is_none_or(|id| uuid::Uuid::parse_str(id.as_str()).is_ok()));
            assert!(event.payload.misfit().is_none());
        }
        let mut ids: Vec<String> = recorded.references().iter().map(|r| r.raw_payload_id.to_string()).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "each payload is referred to once");
        assert_eq!(recorded.documents().len(), all);
        for started in recorded.of_type("tool_call_runtime_started") {
            assert!(started["kind"].is_object(), "schema 2 requires it: {started}");
        }
    }
}

#[test]
fn both_layouts_record_the_same_session() {
    let [packed, files] = LAYOUTS.map(record);
    assert_eq!(packed.bundle.manifest().and_then(|m| m.payload_layout.as_deref()), Some(PACKED_LAYOUT));
    assert_eq!(files.bundle.manifest().and_then(|m| m.payload_layout.as_deref()), None);
    assert_eq!(packed.events, files.events);
    for reference in files.references() {
        let (one, other) = (packed.document(&reference), files.document(&reference));
        assert_eq!(one.expect("a document"), other.expect("a document"), "{reference}");
    }
    let ([packed, bad], [files, _]) = (reduce(&packed), reduce(&files));
    assert_eq!(bad, "[]");
    assert_eq!(packed, files);
}

fn reduce(recorded: &Recorded) -> [String; 2] {
    let (state, bad) = reduced(&recorded.bundle);
    [state.to_string(), format!("{bad:?}")]
}

#[test]
fn readable_reasoning_is_in_the_trace_and_not_in_the_request() {
    let recorded = record(PayloadLayout::Packed);
    let documents = recorded.documents();
    let response = documents.iter().find(|document| document["output_items"].is_array()).expect("a response");
    assert_eq!(response["output_items"][0]["content"][0]["text"], "I shall look.");
    let requests = documents.iter().filter(|document| document["input"].is_array());
    assert!(
        requests
            .flat_map(|request| request["input"].as_array())
            .flatten()
            .all(|item| { item["type"] != "reasoning" || item.get("content").is_none() })
    );
}
