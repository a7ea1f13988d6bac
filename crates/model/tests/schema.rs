//! The JSON Schema in the repository matches the types.

use std::{fs, path::Path};

use rollout_trace_model::json_schema;
use serde_json::Value;

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/state.schema.json");
    let current = json_schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, format!("{current:#}\n")).unwrap();
    }
    let committed: Value = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!(
        committed == current,
        "docs/state.schema.json is not current: run `UPDATE_SCHEMA=1 cargo test -p rollout-trace-model --test schema`"
    );
}

#[test]
fn no_additional_key_is_required() {
    let schema = json_schema();
    let item = &schema["$defs"]["ConversationItem"];
    let required: Vec<&str> = item["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(required.contains(&"first_seen_at_unix_ms") && required.contains(&"channel"));
    assert!(!required.contains(&"first_seen_seq"));
    assert!(item["properties"]["first_seen_seq"]["description"].as_str().unwrap().ends_with("*Ours.*"));
}
