//! The JSON Schemas in the repository match the types.

use std::{fs, path::Path};

use rollout_trace_answers::{json_schema, state_schema};
use serde_json::Value;

fn check_committed(name: &str, current: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, format!("{current:#}\n")).expect("the schema can be written");
    }
    let committed: Value = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!(
        committed == *current,
        "docs/{name} is not current: run `UPDATE_SCHEMA=1 cargo test -p rollout-trace-answers --test schema`"
    );
}

#[test]
fn the_committed_schema_of_answers_is_current() {
    check_committed("answers.schema.json", &json_schema());
}

#[test]
fn the_committed_schema_of_states_is_current() {
    check_committed("state.schema.json", &state_schema());
}

#[test]
fn the_keys_of_facts_change_nothing_else_in_the_schema_of_states() {
    let (without, with) = (rollout_trace_model::json_schema(), state_schema());
    let (without, with) = (without["$defs"].as_object().unwrap(), with["$defs"].as_object().unwrap());
    for (name, definition) in without {
        assert_eq!(definition["required"], with[name]["required"], "{name}");
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            assert_eq!(*property, with[name]["properties"][key], "{name}.{key}");
        }
    }
    for (name, key) in [
        ("ConversationItem", "origin"),
        ("InferenceCall", "request"),
        ("ToolCall", "files"),
        ("CodexTurn", "begun_by"),
        ("AgentThread", "display_name"),
    ] {
        let property = &with[name]["properties"][key];
        assert!(without[name]["properties"].get(key).is_none(), "{name}.{key}");
        let description = property["description"].as_str().unwrap();
        assert!(
            description.contains("--with-facts") && description.ends_with("*Ours.*"),
            "{name}.{key}: {description}"
        );
    }
}

#[test]
fn each_answer_says_which_question_it_answers() {
    let schema = json_schema();
    let answers = schema["anyOf"].as_array().unwrap();
    assert!(answers.len() > 10);
    for answer in answers {
        let name = answer["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let question = &schema["$defs"][name]["properties"]["question"]["const"];
        assert!(question.is_string(), "{name}: {question}");
    }
}
