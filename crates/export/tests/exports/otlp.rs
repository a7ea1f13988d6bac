//! What holds of all spans.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace::model::RolloutTrace;
use serde_json::Value;

/// Returns the spans of all lines.
pub(crate) fn spans(text: &str) -> Vec<Value> {
    let mut spans = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        let [resource] = line["resourceSpans"].as_array().expect("it has spans").as_slice() else {
            panic!("one resource")
        };
        let [scope] = resource["scopeSpans"].as_array().expect("it has spans").as_slice() else { panic!("one scope") };
        let own = scope["spans"].as_array().expect("it has spans");
        assert!(!own.is_empty() && own.len() <= 500, "a line can be sent");
        spans.extend(own.iter().cloned());
    }
    spans
}

/// Returns the attributes of a span, link or event.
pub(crate) fn attributes(of: &Value) -> BTreeMap<String, Value> {
    let list = of["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let pairs: Vec<_> =
        list.iter().map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone())).collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "each attribute is there once");
    map
}

pub(crate) fn check(text: &str, graph: &RolloutTrace) {
    let spans = spans(text);
    let ids: BTreeMap<_, _> = spans.iter().map(|span| (span["spanId"].as_str().unwrap(), span)).collect();
    assert_eq!(ids.len(), spans.len(), "ids are unique");
    let objects = graph.threads.len()
        + graph.codex_turns.len()
        + graph.inference_calls.len()
        + graph.compaction_requests.len()
        + graph.tool_calls.len()
        + graph.code_cells.len();
    let has_root = graph.threads.contains_key(&graph.root_thread_id);
    assert_eq!(spans.len(), objects + usize::from(!has_root), "each object has a span");
    let mut events = 0;
    let mut links = 0;
    for span in &spans {
        let time = |key: &str| span[key].as_str().expect("it is a string").parse::<u64>().expect("it is a number");
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"));
        assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
        if let Some(parent) = span.get("parentSpanId") {
            assert!(ids.contains_key(parent.as_str().unwrap()), "the parent is there");
        }
        for link in span["links"].as_array().into_iter().flatten() {
            assert!(ids.contains_key(link["spanId"].as_str().unwrap()), "the linked span is there");
            links += usize::from(attributes(link)["rollout_trace.link"]["stringValue"] == "edge");
        }
        events += span["events"].as_array().map_or(0, Vec::len);
        let own = attributes(span);
        let needed: &[&str] = match own.get("gen_ai.operation.name").and_then(|value| value["stringValue"].as_str()) {
            Some("chat") => &["gen_ai.provider.name", "gen_ai.request.model"],
            Some("execute_tool") => &["gen_ai.tool.name", "gen_ai.tool.call.id"],
            Some("invoke_agent") => &["gen_ai.agent.name", "gen_ai.agent.id"],
            _ => &["openinference.span.kind"],
        };
        assert!(needed.iter().all(|key| own.contains_key(*key)), "{} has what its operation needs", span["name"]);
    }
    check_no_cycles(&ids);
    let markers: usize = graph.threads.values().map(|thread| thread.markers.len()).sum();
    let least = graph.diagnostics.len() + markers + graph.markers.len() + graph.compactions.len();
    assert!(events >= least + graph.terminal_operations.len(), "everything that happened is an event");
    let of_rollout = spans.iter().map(attributes).find(|own| own.contains_key("rollout_trace.trace_id"));
    let of_rollout = of_rollout.expect("a span describes the rollout");
    let lost: usize =
        of_rollout["rollout_trace.edges_without_both_ends"]["intValue"].as_str().unwrap().parse().unwrap();
    assert_eq!(links + lost, graph.interaction_edges.len(), "an edge is a link or counted");
}

fn check_no_cycles(ids: &BTreeMap<&str, &Value>) {
    for start in ids.keys() {
        let mut seen = BTreeSet::new();
        let mut at = Some(*start);
        while let Some(id) = at {
            assert!(seen.insert(id), "span {id} is part of itself");
            at = ids[id].get("parentSpanId").and_then(Value::as_str);
        }
    }
}
