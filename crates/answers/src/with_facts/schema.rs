//! The JSON Schema of a graph with what answers compute about it.

use rollout_trace_model::json_schema;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::keys::{CallKeys, ItemKeys, ThreadKeys, ToolCallKeys, TraceKeys, TurnKeys};

/// Returns the JSON Schema (draft 2020-12) of `state.json`, with the keys that only `reduce --with-facts` writes.
///
/// The repository contains the schema as `docs/state.schema.json`.
///
/// ```
/// let schema = rollout_trace_answers::state_schema();
/// assert!(schema["$defs"]["ConversationItem"]["properties"]["sizes"].is_object());
/// ```
#[must_use]
pub fn state_schema() -> Value {
    let mut schema = json_schema();
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    add_keys::<TraceKeys<'_>>(&mut generator, schema.as_object_mut());
    let Some(definitions) = schema["$defs"].as_object_mut() else { return schema };
    add_keys::<ItemKeys<'_>>(&mut generator, object(definitions, "ConversationItem"));
    add_keys::<CallKeys<'_>>(&mut generator, object(definitions, "InferenceCall"));
    add_keys::<ToolCallKeys>(&mut generator, object(definitions, "ToolCall"));
    add_keys::<TurnKeys<'_>>(&mut generator, object(definitions, "CodexTurn"));
    add_keys::<ThreadKeys<'_>>(&mut generator, object(definitions, "AgentThread"));
    for (name, definition) in generator.take_definitions(true) {
        definitions.entry(name).or_insert(definition);
    }
    schema
}

fn object<'s>(definitions: &'s mut Map<String, Value>, name: &str) -> Option<&'s mut Map<String, Value>> {
    definitions.get_mut(name)?.as_object_mut()
}

/// Adds the keys of a type to the properties of an object. None is required.
fn add_keys<T: JsonSchema>(generator: &mut SchemaGenerator, object: Option<&mut Map<String, Value>>) {
    let keys = T::json_schema(generator).to_value();
    let properties = object.and_then(|object| object.get_mut("properties")?.as_object_mut());
    if let (Some(properties), Some(keys)) = (properties, keys["properties"].as_object()) {
        properties.extend(keys.clone());
    }
}
