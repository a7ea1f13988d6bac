//! The JSON Schema of a graph describes what an official state may lack.

use rollout_trace_model::json_schema;
use serde_json::Value;

#[test]
fn no_additional_key_is_required() {
    let schema = json_schema();
    let item = &schema["$defs"]["ConversationItem"];
    let required: Vec<&str> = item["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(required.contains(&"first_seen_at_unix_ms") && required.contains(&"channel"));
    assert!(!required.contains(&"first_seen_seq"));
    assert!(item["properties"]["first_seen_seq"]["description"].as_str().unwrap().ends_with("*Ours.*"));
}
