//! TypeScript types for a JSON Schema.

use std::fmt::Write;

use rollout_trace_viewer::Kind;
use serde_json::{Map, Value};

/// Returns the definitions of a schema as exported TypeScript types, in the order of their names.
pub(crate) fn types(schema: &Value) -> String {
    let mut text = String::from(
        "// Generated from the Rust types by `UPDATE_API=1 cargo test -p rollout-trace-viewer`. Do not edit.\n\n\
         /** The names of the kinds of things, in the order of their numbers. */\n",
    );
    let kinds = Kind::ALL.map(|kind| format!("\"{}\"", kind.as_str())).join(", ");
    writeln!(text, "export const KINDS = [{kinds}] as const;").unwrap();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        text.push('\n');
        comment(&mut text, definition, "");
        match properties(definition) {
            Some(_) if parts(definition).is_empty() => {
                writeln!(text, "export interface {name} {}", object(definition, "")).unwrap();
            }
            _ => writeln!(text, "export type {name} = {};", of(definition, "")).unwrap(),
        }
    }
    text
}

fn comment(text: &mut String, schema: &Value, indent: &str) {
    let Some(description) = schema["description"].as_str() else { return };
    // An example in Rust means nothing in TypeScript.
    let description = description.split("```").next().unwrap().trim().replace("*/", "*\\/");
    match description.contains('\n') {
        false => writeln!(text, "{indent}/** {description} */").unwrap(),
        true => {
            writeln!(text, "{indent}/**").unwrap();
            for line in description.lines() {
                writeln!(text, "{}", format!("{indent} * {line}").trim_end()).unwrap();
            }
            writeln!(text, "{indent} */").unwrap();
        }
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

fn parts(schema: &Value) -> Vec<&Value> {
    let lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array());
    lists.flatten().collect()
}

fn of(schema: &Value, indent: &str) -> String {
    let alternatives = parts(schema);
    if !alternatives.is_empty() {
        let separator = if schema["allOf"].is_array() { " & " } else { " | " };
        let mut types: Vec<_> = alternatives.into_iter().map(|part| of(part, indent)).collect();
        types.dedup();
        let joined = types.join(separator);
        return match properties(schema) {
            Some(_) => format!("{} & ({joined})", object(schema, indent)),
            None => joined,
        };
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap().to_owned();
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    match &schema["type"] {
        Value::String(name) => of_type(name, schema, indent),
        Value::Array(names) => {
            names.iter().map(|name| of_type(name.as_str().unwrap(), schema, indent)).collect::<Vec<_>>().join(" | ")
        }
        _ => "unknown".to_owned(),
    }
}

fn of_type(name: &str, schema: &Value, indent: &str) -> String {
    match name {
        "string" | "boolean" | "null" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => match schema["prefixItems"].as_array() {
            Some(items) => {
                format!("[{}]", items.iter().map(|item| of(item, indent)).collect::<Vec<_>>().join(", "))
            }
            None if schema["minItems"].is_u64() && schema["minItems"] == schema["maxItems"] => {
                let length = usize::try_from(schema["minItems"].as_u64().unwrap()).unwrap();
                format!("[{}]", vec![of(&schema["items"], indent); length].join(", "))
            }
            None => format!("Array<{}>", of(&schema["items"], indent)),
        },
        "object" => match properties(schema) {
            Some(_) => object(schema, indent),
            None => {
                let keys = schema.get("propertyNames").map_or_else(|| "string".to_owned(), |keys| of(keys, indent));
                let values = schema.get("additionalProperties").filter(|values| values.is_object());
                let values = values.or_else(|| schema["patternProperties"].as_object()?.values().next());
                let values = values.map_or_else(|| "unknown".to_owned(), |values| of(values, indent));
                match keys.as_str() {
                    "string" => format!("Record<string, {values}>"),
                    keys => format!("Partial<Record<{keys}, {values}>>"),
                }
            }
        },
        other => panic!("the type {other} has no TypeScript type here"),
    }
}

fn object(schema: &Value, indent: &str) -> String {
    let mut text = String::from("{\n");
    let inner = format!("{indent}  ");
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in properties(schema).into_iter().flatten() {
        comment(&mut text, property, &inner);
        let mark = if required.contains(&name.as_str()) { "" } else { "?" };
        writeln!(text, "{inner}{name}{mark}: {};", of(property, &inner)).unwrap();
    }
    text.push_str(indent);
    text.push('}');
    text
}
