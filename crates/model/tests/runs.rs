//! A graph that is written with runs of items is the same graph.

mod graphs;

use graphs::{graph, items};
use proptest::{collection::vec, prelude::*};
use rollout_trace_model::{RolloutTrace, WithRuns, json_schema};
use serde_json::json;

#[test]
fn runs_take_the_place_of_the_items() {
    let written = serde_json::to_value(WithRuns(&graph(&[vec![1, 2, 3, 7], vec![]]))).unwrap();
    assert_eq!(written["inference_calls"]["call-0"]["request_item_runs"], json!([[1, 3], [7, 1]]));
    assert_eq!(written["inference_calls"]["call-1"]["request_item_runs"], json!([]));
    assert_eq!(written["inference_calls"]["call-0"].get("request_item_ids"), None);
}

#[test]
fn a_call_has_one_of_the_two_keys() {
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    let graph = graph(&[vec![1, 2, 3, 7]]);
    let (ids, runs) = (serde_json::to_value(&graph).unwrap(), serde_json::to_value(WithRuns(&graph)).unwrap());
    assert!(schema.is_valid(&ids) && schema.is_valid(&runs));
    let mut neither = ids.clone();
    neither["inference_calls"]["call-0"].as_object_mut().unwrap().remove("request_item_ids");
    let mut both = ids;
    both["inference_calls"]["call-0"]["request_item_runs"] =
        runs["inference_calls"]["call-0"]["request_item_runs"].clone();
    for wrong in [neither, both] {
        assert!(!schema.is_valid(&wrong));
        serde_json::from_value::<RolloutTrace>(wrong).unwrap_err();
    }
}

proptest! {
    #[test]
    fn a_graph_comes_back_from_its_runs(requests in vec(items(), 0..5)) {
        let graph = graph(&requests);
        let written = serde_json::to_string(&WithRuns(&graph)).unwrap();
        let read: RolloutTrace = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&read, &graph);
        // Everything but the one key is written as it always is, in the same order.
        let ids = serde_json::to_string(&read).unwrap();
        let without = |text: &str, key: &str| {
            let mut rest = text;
            let mut others = String::new();
            while let Some(at) = rest.find(key) {
                others += &rest[..at];
                let after = &rest[at..];
                rest = &after[after.find(",\"response_item_ids\"").unwrap()..];
            }
            others + rest
        };
        prop_assert_eq!(without(&written, "\"request_item_runs\""), without(&ids, "\"request_item_ids\""));
    }
}
