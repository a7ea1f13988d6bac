//! The JSON Schema in the repository matches the types.

use std::{fs, path::Path};

use rollout_trace_answers::json_schema;
use serde_json::Value;

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/answers.schema.json");
    let current = json_schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, format!("{current:#}\n")).unwrap();
    }
    let committed: Value = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!(
        committed == current,
        "docs/answers.schema.json is not current: run `UPDATE_SCHEMA=1 cargo test -p rollout-trace-answers --test schema`"
    );
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
