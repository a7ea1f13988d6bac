//! Tests on a small graph whose times and links are changed.

use rollout_trace_model::{
    Anchor, InteractionEdge, InteractionKind, ItemId, Marker, MarkerKind, ProducerRef, RolloutTrace,
};
use rollout_trace_schema::{InferenceCallId, Seq, UnixMillis};
use serde_json::{Value, json};

use super::{Clock, End, Relations};

/// Returns a graph with one call, which shows item 1 and answers with item 2, and another one, which shows both.
fn graph() -> RolloutTrace {
    let mut state: Value = serde_json::from_str(include_str!("../../../model/tests/example.state.json")).unwrap();
    let execution = |seq: u64| {
        json!({
            "started_at_unix_ms": seq, "started_seq": seq, "ended_at_unix_ms": null, "ended_seq": null,
            "status": "running",
        })
    };
    let item = |id: &str, seq: u64, role: &str| {
        json!({
            "item_id": id, "thread_id": "thread-1", "codex_turn_id": null, "first_seen_at_unix_ms": seq,
            "first_seen_seq": seq, "last_seen_seq": seq, "role": role, "channel": null, "kind": "message",
            "body": { "parts": [] }, "call_id": null, "produced_by": [],
        })
    };
    let call = |id: &str, seq: u64, request: &[&str], response: &[&str]| {
        json!({
            "inference_call_id": id, "thread_id": "thread-1", "codex_turn_id": null, "execution": execution(seq),
            "model": "m", "provider_name": "p", "response_id": null, "upstream_request_id": null,
            "request_item_ids": request, "response_item_ids": response, "tool_call_ids_started_by_response": [],
            "usage": null, "raw_request_payload_id": null, "raw_response_payload_id": null,
        })
    };
    let (first, second) = ("conversation_item:1", "conversation_item:2");
    state["conversation_items"] = json!({ first: item(first, 4, "user"), second: item(second, 5, "assistant") });
    state["inference_calls"] =
        json!({ "b": call("b", 4, &[first], &[second]), "a": call("a", 6, &[first, second], &[]) });
    serde_json::from_value(state).unwrap()
}

/// Returns the clock of a graph that has nothing but events with these times.
fn clock(times: &[(Seq, UnixMillis)]) -> Clock {
    let mut graph = graph();
    graph.threads.clear();
    graph.codex_turns.clear();
    graph.inference_calls.clear();
    graph.tool_calls.clear();
    graph.conversation_items.clear();
    graph.started_at_unix_ms = 7;
    let marker = |(seq, at_unix_ms): (Seq, UnixMillis)| Marker {
        seq,
        at_unix_ms,
        codex_turn_id: None,
        kind: MarkerKind::Other,
        name: "mark".to_owned(),
        summary: None,
        raw_payload_ids: Vec::new(),
        metadata: serde_json::Value::Null,
    };
    graph.markers = times.iter().copied().map(marker).collect();
    Clock::of(&graph)
}

#[test]
fn events_of_one_millisecond_keep_their_order() {
    let clock = clock(&[(1, 10), (2, 10), (3, 10), (5, 12)]);
    assert_eq!([1, 2, 3, 5].map(|seq| clock.at(seq)), [10_000, 10_001, 10_002, 12_000]);
    assert_eq!((clock.at(0), clock.at(4), clock.at(9)), (10_000, 10_002, 12_000), "the last event before it counts");
    assert_eq!((clock.first(), clock.last(), clock.went_back()), (10_000, 12_000, 0));
}

#[test]
fn a_clock_that_goes_back_keeps_the_order_and_is_counted() {
    let clock = clock(&[(1, 20), (2, 19), (3, 20), (4, 5), (5, 21)]);
    assert_eq!([1, 2, 3, 4, 5].map(|seq| clock.at(seq)), [20_000, 20_001, 20_002, 20_003, 21_000]);
    // The second event is within the millisecond before the first one, which is not said to be earlier.
    assert_eq!(clock.went_back(), 2);
}

#[test]
fn times_that_no_program_could_mean_are_counted() {
    let clock = clock(&[(1, -5), (2, 3), (3, UnixMillis::MAX), (4, UnixMillis::MIN)]);
    assert_eq!((clock.at(1), clock.at(2), clock.out_of_range()), (0, 3000, 3));
    assert_eq!(clock.at(4), clock.at(3) + 1);
    assert!(clock.last() <= i64::MAX / 1000, "nanoseconds fit, too");
}

#[test]
fn without_events_the_start_of_the_rollout_is_known() {
    let clock = clock(&[]);
    assert_eq!((clock.first(), clock.at(3), clock.last()), (7000, 7000, 7000));
}

#[test]
fn makers_and_viewers() {
    let mut graph = graph();
    let (first, second) = (InferenceCallId::from("b"), InferenceCallId::from("a"));
    let relations = Relations::of(&graph);
    assert_eq!(relations.maker(ItemId(2)), Some(End::Inference(&graph.inference_calls[&first])));
    assert_eq!((relations.maker(ItemId(1)), relations.maker(ItemId(9))), (None, None));
    assert_eq!(relations.first_viewer(ItemId(1)), Some(&graph.inference_calls[&first]));
    assert_eq!(relations.first_viewer(ItemId(2)), Some(&graph.inference_calls[&second]));
    assert_eq!(relations.first_viewer(ItemId(9)), None);
    assert_eq!(relations.new_items(&first), [ItemId(1)]);
    assert_eq!(relations.new_items(&second), [], "an inference made it");
    // A producer that the graph lacks does not count.
    let lost = ProducerRef::Tool { tool_call_id: "lost".into() };
    graph.conversation_items.get_mut(&ItemId(2)).unwrap().produced_by = vec![lost];
    assert!(matches!(Relations::of(&graph).maker(ItemId(2)), Some(End::Inference(_))));
}

#[test]
fn ends_of_an_interaction() {
    let graph = graph();
    let relations = Relations::of(&graph);
    let item = |item| Anchor::ConversationItem { item_id: ItemId(item) };
    let edge = |source, target| InteractionEdge {
        edge_id: "e".into(),
        kind: InteractionKind::SendMessage,
        source,
        target,
        started_at_unix_ms: 0,
        ended_at_unix_ms: None,
        carried_item_ids: Vec::new(),
        carried_raw_payload_ids: Vec::new(),
        started_seq: 1,
        ended_seq: None,
        delivered_seq: None,
        evidence: None,
        evidence_source: None,
    };
    let thread = End::Thread(graph.threads.values().next().unwrap());
    let call = |id: &str| End::Inference(&graph.inference_calls[id]);
    let to_item = edge(item(1), item(2));
    assert_eq!((relations.source(&to_item), relations.target(&to_item)), (Some(thread), Some(call("a"))));
    let from_answer = edge(item(2), Anchor::Thread { thread_id: "thread-1".into() });
    assert_eq!((relations.source(&from_answer), relations.target(&from_answer)), (Some(call("b")), Some(thread)));
    let lost = edge(item(9), Anchor::Thread { thread_id: "lost".into() });
    assert_eq!((relations.source(&lost), relations.target(&lost)), (None, None));
}
