//! A graph holds whatever an official state holds.

mod common;

use rollout_trace_model::{RolloutTrace, json_schema};
use serde_json::{Map, Value};

const MAPS: [&str; 12] = [
    "threads",
    "codex_turns",
    "conversation_items",
    "inference_calls",
    "code_cells",
    "tool_calls",
    "terminal_sessions",
    "terminal_operations",
    "compactions",
    "compaction_requests",
    "interaction_edges",
    "raw_payloads",
];
const ABSENT_IF_NONE: [&str; 5] =
    ["accepted_seq", "accepted_at_unix_ms", "responses_item_id", "started_code_cell_id", "agent_message"];

/// Lists the facts of `expected` that `actual` lacks, by the rules of the conformance cases.
fn differences(expected: &Value, actual: &Value, path: &str, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => object_differences(expected, actual, path, found),
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(left, right, &format!("{path}[{index}]"), found);
            }
        }
        _ if expected != actual => found.push(format!("{path}: expected {expected}, got {actual}")),
        _ => {}
    }
}

fn object_differences(expected: &Map<String, Value>, actual: &Map<String, Value>, path: &str, found: &mut Vec<String>) {
    for key in actual.keys().filter(|key| !expected.contains_key(*key)) {
        if ABSENT_IF_NONE.contains(&key.as_str()) || MAPS.iter().any(|map| path == format!("$.{map}")) {
            found.push(format!("{path}.{key}: should not be there"));
        }
    }
    for (key, value) in expected {
        match actual.get(key) {
            None => found.push(format!("{path}.{key}: missing")),
            Some(other) => differences(value, other, &format!("{path}.{key}"), found),
        }
    }
}

#[test]
fn official_states_are_read_and_written_without_loss() {
    for (name, expected) in common::official_states() {
        let graph: RolloutTrace = serde_json::from_value(expected.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut found = Vec::new();
        differences(&expected, &serde_json::to_value(&graph).unwrap(), "$", &mut found);
        assert_eq!(found, [] as [String; 0], "{name}");
    }
}

#[test]
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
fn official_states_have_sound_links() {
    for (name, state) in common::official_states() {
        let graph: RolloutTrace = serde_json::from_value(state).unwrap();
        assert_eq!(graph.check_links(), [] as [String; 0], "{name}");
    }
}
