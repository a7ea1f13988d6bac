//! A graph holds whatever an official state holds.

mod common;
mod differences;

use differences::differences;
use rollout_trace_model::{RolloutTrace, json_schema};

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn official_states_are_read_and_written_without_loss() {
    for (name, expected) in common::official_states() {
        let graph: RolloutTrace = serde_json::from_value(expected.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut found = Vec::new();
        differences(&expected, &serde_json::to_value(&graph).unwrap(), "$", &mut found);
        assert_eq!(found, [] as [String; 0], "{name}");
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn official_states_are_valid_by_the_schema_and_so_is_what_we_write() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for (name, state) in common::official_states() {
        let graph: RolloutTrace = serde_json::from_value(state.clone()).unwrap();
        for state in [&state, &serde_json::to_value(&graph).unwrap()] {
            let found: Vec<_> = validator.iter_errors(state).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert_eq!(found, [] as [String; 0], "{name}");
        }
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn official_states_have_sound_links() {
    for (name, state) in common::official_states() {
        let graph: RolloutTrace = serde_json::from_value(state).unwrap();
        assert_eq!(graph.check_links(), [] as [String; 0], "{name}");
    }
}
