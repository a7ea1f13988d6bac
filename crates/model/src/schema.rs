//! The JSON Schema of a graph.

use schemars::{
    Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::Value;

use crate::RolloutTrace;

const ABOUT: &str = "\
Everything that a trace bundle proves about its rollout: what the models saw, call by call, and the runtime work that \
explains how it came about. A superset of the state that tools for Codex read: every key of theirs keeps its name, place \
and meaning. A key whose description ends in *Ours.* is an addition to that state; like every key that has a default, it \
is not required. More keys may be added.";

/// Describes `state.json` as a JSON Schema (draft 2020-12).
///
/// It is also in the repository, as `docs/state.schema.json`. A state that an official reducer wrote is valid by it.
pub fn json_schema() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(DefaultedKeysAreOptional)
        .into_generator()
        .into_root_schema_for::<RolloutTrace>();
    let mut root = schema.to_value();
    if let Value::Object(root) = &mut root {
        root.insert(
            "$id".to_owned(),
            "https://github.com/rollout-trace/rollout-trace/raw/main/docs/state.schema.json".into(),
        );
        root.insert("title".to_owned(), "Reduced rollout trace (state.json)".into());
        root.insert("description".to_owned(), ABOUT.into());
    }
    root
}

/// Takes the keys that reading does without out of what a valid state must have.
#[derive(Clone)]
struct DefaultedKeysAreOptional;

impl Transform for DefaultedKeysAreOptional {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            let defaulted: Vec<String> = properties
                .iter()
                .filter(|(_, property)| property.get("default").is_some())
                .map(|(key, _)| key.clone())
                .collect();
            if let Some(Value::Array(required)) = schema.get_mut("required") {
                required.retain(|key| !defaulted.iter().any(|name| key == name));
            }
        }
        transform_subschemas(self, schema);
    }
}
