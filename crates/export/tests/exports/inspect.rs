//! What holds of every eval log.

use std::collections::BTreeSet;

use rollout_trace::model::RolloutTrace;
use serde_json::Value;

pub(crate) fn check(text: &str, graph: &RolloutTrace) {
    let log: Value = serde_json::from_str(text).expect("it is JSON");
    let [sample] = log["samples"].as_array().unwrap().as_slice() else { panic!("a rollout is one sample") };
    let pool = sample["events_data"]["messages"].as_array().unwrap();
    assert_eq!(pool.len(), graph.conversation_items.len(), "each item is there once");
    let roles = ["system", "user", "assistant", "tool"];
    assert!(pool.iter().all(|message| roles.contains(&message["role"].as_str().unwrap())));
    let events = sample["events"].as_array().unwrap();
    let times: Vec<_> = events.iter().map(|event| event["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "events come in order");
    let mut open = BTreeSet::new();
    let (mut calls, mut tools) = (0, 0);
    for event in events {
        match event["event"].as_str().unwrap() {
            "span_begin" => assert!(open.insert(event["id"].as_str().unwrap()), "a span begins once"),
            "span_end" => assert!(open.remove(event["id"].as_str().unwrap()), "a span that ends has begun"),
            "model" => {
                calls += 1;
                check_request(event, pool, graph);
            }
            "tool" => {
                tools += 1;
                assert!(event["arguments"].is_object());
            }
            "compaction" | "info" => {}
            other => panic!("there are no events {other}"),
        }
    }
    assert!(open.is_empty(), "each span ends");
    assert_eq!((calls, tools), (graph.inference_calls.len(), graph.tool_calls.len()));
    assert_eq!(log["eval"]["metadata"]["diagnostics"].as_u64(), Some(graph.diagnostics.len() as u64));
}

/// The request that a reader rebuilds is the one in the graph.
fn check_request(event: &Value, pool: &[Value], graph: &RolloutTrace) {
    assert_eq!(event["input"], serde_json::json!([]));
    let mut rebuilt = Vec::new();
    for range in event["input_refs"].as_array().unwrap() {
        let [start, end] = [0, 1].map(|side| range[side].as_u64().unwrap() as usize);
        rebuilt.extend(pool[start..end].iter().map(|message| message["id"].as_str().unwrap().to_owned()));
    }
    let call = &graph.inference_calls[event["uuid"].as_str().unwrap()];
    let known = call.request_item_ids.iter().filter(|item| graph.conversation_items.contains_key(item));
    assert_eq!(rebuilt, known.map(|item| item.to_string()).collect::<Vec<_>>());
}
