//! Compares a graph with an official state by the rules of the conformance cases.

use serde_json::{Map, Value};

/// The maps of the graph that must not have more entries than the official ones.
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

/// The keys that an official state omits on purpose.
const ABSENT_IF_NONE: [&str; 5] =
    ["accepted_seq", "accepted_at_unix_ms", "responses_item_id", "started_code_cell_id", "agent_message"];

/// Lists the facts of `expected` that `actual` lacks, by the rules of the conformance cases.
pub(crate) fn differences(expected: &Value, actual: &Value, path: &str, found: &mut Vec<String>) {
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
