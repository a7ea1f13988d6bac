//! The JSON Schema of a graph.

use schemars::{
    Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::Value;

use crate::RolloutTrace;

const ABOUT: &str = "\
Everything that a trace bundle proves about its rollout: the conversation that the models saw, call by call, and \
the runtime work that explains it. A superset of the official state that tools for Codex read: every official key \
keeps its name, place and meaning. A key whose description ends with *Ours.* is an addition to the official state; \
like every key with a default, it is not required. More keys may be added.";

/// Returns the JSON Schema (draft 2020-12) of `state.json`.
///
/// The schema in the repository, `docs/state.schema.json`, also has the keys that `rollout_trace_answers` adds. The states
/// of the official reducers are valid as well.
///
/// ```
/// let schema = rollout_trace_model::json_schema();
/// assert_eq!(schema["title"], "Reduced rollout trace (state.json)");
/// assert!(schema["properties"]["threads"].is_object());
/// ```
#[must_use]
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

/// Removes the keys with a default from the required keys.
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
