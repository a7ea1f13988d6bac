//! Schemas of tools' arguments, as providers accept them.
//!
//! A provider refuses a whole request because of one schema that it does not accept. Small mistakes are mended, and a
//! tool whose schema cannot be used is left out.

use serde_json::{Map, Value, json};

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Returns the schema of a tool's arguments, or why it cannot be used.
pub(crate) fn usable(schema: Option<&Value>) -> Result<Map<String, Value>, String> {
    let mut schema = match schema {
        None | Some(Value::Null) => return Err("it has no inputSchema".to_owned()),
        Some(Value::Object(schema)) => schema.clone(),
        Some(other) => return Err(format!("its inputSchema is not a schema of an object: {}", excerpt(other))),
    };
    match schema.get("type") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind == "object" => {}
        Some(Value::Array(kinds)) if kinds.iter().any(|kind| kind == "object") => {}
        Some(other) => return Err(format!("its inputSchema is of the type {}, not \"object\"", excerpt(other))),
    }
    match schema.get("properties") {
        Some(Value::Object(_)) => {}
        // Providers refuse a schema without properties, even if a tool has no arguments. Some languages write an empty
        // object as an empty list.
        None | Some(Value::Null) => drop(schema.insert("properties".to_owned(), json!({}))),
        Some(Value::Array(list)) if list.is_empty() => drop(schema.insert("properties".to_owned(), json!({}))),
        Some(other) => return Err(format!("the properties of its inputSchema are not an object: {}", excerpt(other))),
    }
    mend(&mut schema);
    schema.insert("type".to_owned(), "object".into());
    Ok(schema)
}

fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 40 { format!("{}…", text.chars().take(40).collect::<String>()) } else { text }
}

/// Mends a schema and the schemas in it. A part that is no schema becomes one that allows everything.
fn mend(schema: &mut Map<String, Value>) {
    let is_type = |kind: &Value| kind.as_str().is_some_and(|kind| TYPES.contains(&kind));
    let has_type = match schema.get("type") {
        Some(Value::Array(kinds)) => !kinds.is_empty() && kinds.iter().all(is_type),
        Some(kind) => is_type(kind),
        None => true,
    };
    if !has_type {
        schema.remove("type");
    }
    let is_list_of_names = |value: &Value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
    if schema.get("required").is_some_and(|required| !is_list_of_names(required)) {
        schema.remove("required");
    }
    if schema.get("type").is_some_and(|kind| kind == "array") {
        schema.entry("items").or_insert_with(|| json!({}));
    }
    for key in ["properties", "$defs", "definitions"] {
        match schema.get_mut(key) {
            Some(Value::Object(schemas)) => schemas.values_mut().for_each(mend_value),
            Some(_) => drop(schema.remove(key)),
            None => {}
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        match schema.get_mut(key) {
            Some(Value::Array(schemas)) if !schemas.is_empty() => schemas.iter_mut().for_each(mend_value),
            Some(_) => drop(schema.remove(key)),
            None => {}
        }
    }
    if let Some(items) = schema.get_mut("items") {
        mend_value(items);
    }
    match schema.get_mut("additionalProperties") {
        None | Some(Value::Bool(_)) => {}
        Some(value) => mend_value(value),
    }
}

fn mend_value(schema: &mut Value) {
    match schema {
        Value::Object(schema) => mend(schema),
        other => *other = json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(schema: Value) -> Value {
        usable(Some(&schema)).map_or_else(Value::String, Value::Object)
    }

    #[test]
    fn a_schema_names_its_properties() {
        let empty = json!({"type": "object", "properties": {}});
        assert_eq!(mended(json!({})), empty);
        assert_eq!(mended(json!({"type": null, "properties": null, "required": null})), empty);
        assert_eq!(mended(json!({"type": ["object", "null"], "properties": []})), empty);
        let whole = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
                           "additionalProperties": false, "$schema": "http://json-schema.org/draft-07/schema#"});
        assert_eq!(mended(whole.clone()), whole);
    }

    #[test]
    fn a_mistake_costs_only_itself() {
        let properties = |properties| mended(json!({"properties": properties}))["properties"].clone();
        assert_eq!(properties(json!({"a": "string", "b": null, "c": true})), json!({"a": {}, "b": {}, "c": {}}));
        assert_eq!(properties(json!({"a": {"type": "array"}})), json!({"a": {"type": "array", "items": {}}}));
        assert_eq!(properties(json!({"a": {"type": "str", "title": "A"}})), json!({"a": {"title": "A"}}));
        assert_eq!(
            properties(json!({"a": {"type": "object", "properties": {"b": {"type": "array", "items": 1}}}})),
            json!({"a": {"type": "object", "properties": {"b": {"type": "array", "items": {}}}}})
        );
        assert_eq!(properties(json!({"a": {"anyOf": [{"type": "x"}, 1]}})), json!({"a": {"anyOf": [{}, {}]}}));
        assert_eq!(properties(json!({"a": {"anyOf": [], "required": true}})), json!({"a": {}}));
    }

    #[test]
    fn what_is_no_schema_of_arguments_is_refused() {
        let said: Vec<_> = [
            Value::Null,
            json!(true),
            json!([]),
            json!({"type": "string"}),
            json!({"type": ["string", "null"]}),
            json!({"properties": "a"}),
            json!({"properties": [{"name": "a"}]}),
        ]
        .into_iter()
        .map(|schema| usable(Some(&schema)).unwrap_err())
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        it has no inputSchema
        its inputSchema is not a schema of an object: true
        its inputSchema is not a schema of an object: []
        its inputSchema is of the type "string", not "object"
        its inputSchema is of the type ["string","null"], not "object"
        the properties of its inputSchema are not an object: "a"
        the properties of its inputSchema are not an object: [{"name":"a"}]
        "#);
    }
}
