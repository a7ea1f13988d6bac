//! Arguments as models write them: whole numbers as fractions or texts, ids as numbers.

use serde_json::{Number, Value};

/// Brings arguments into the types that a schema declares, where that changes no meaning: `300.0` and `"300"` become 300
/// where a whole number is wanted, 7 becomes `"7"` where a text is wanted. Anything else stays, and is refused later.
pub(super) fn coerce(value: &mut Value, schema: &Value) {
    let schema = alternative(schema);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                coerce(value, &schema["properties"][name]);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| coerce(element, &schema["items"])),
        _ => {
            let coerced = match declared_type(schema) {
                Some("integer") => integer(value).map(Value::from),
                Some("number") => number(value).map(Value::from),
                Some("string") => value.as_number().and_then(id).map(Value::from),
                Some("boolean") => boolean(value).map(Value::from),
                _ => None,
            };
            if let Some(coerced) = coerced {
                *value = coerced;
            }
        }
    }
}

/// Returns the only schema among alternatives that allows more than null, or the schema itself if it has none.
fn alternative(schema: &Value) -> &Value {
    let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|name| schema[name].as_array());
    let mut others = alternatives.into_iter().flatten().filter(|schema| schema["type"] != "null");
    match (others.next(), others.next()) {
        (Some(only), None) => only,
        _ => schema,
    }
}

/// Returns the type that a schema declares, or `None` if it declares several besides null.
fn declared_type(schema: &Value) -> Option<&str> {
    let declared = &schema["type"];
    if declared.is_string() {
        return declared.as_str();
    }
    let mut types = declared.as_array()?.iter().filter_map(Value::as_str).filter(|name| *name != "null");
    let first = types.next();
    if types.next().is_none() { first } else { None }
}

/// The largest number below which a double represents every whole number.
const LAST_EXACT: f64 = 9_007_199_254_740_992.0;

fn integer(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => whole(number),
        Value::String(text) => {
            let text = text.trim();
            let small = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
            small.ok().or_else(|| whole(&Number::from_f64(text.parse().ok()?)?))
        }
        _ => None,
    }
}

/// Returns a number without a fraction, or `None` if it has one or is not exact.
fn whole(number: &Number) -> Option<Number> {
    if !number.is_f64() {
        return Some(number.clone());
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < LAST_EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough")]
    Some(Number::from(float as i64))
}

fn number(value: &Value) -> Option<Number> {
    let text = value.as_str()?.trim();
    integer(value).or_else(|| Number::from_f64(text.parse().ok()?))
}

fn id(number: &Number) -> Option<String> {
    whole(number).map(|number| number.to_string())
}

fn boolean(value: &Value) -> Option<bool> {
    let text = value.as_str()?.trim();
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_schema(schema: &Value, mut value: Value) -> Value {
        coerce(&mut value, schema);
        value
    }

    fn coerced(kind: &str, value: Value) -> Value {
        let schema = json!({"properties": {"a": {"type": kind}}});
        with_schema(&schema, json!({"a": value}))["a"].clone()
    }

    #[test]
    fn unambiguous_values_are_accepted() {
        for value in [json!(300), json!(300.0), json!("300"), json!(" 300.0 "), json!(3e2), json!("3e2")] {
            assert_eq!(coerced("integer", value.clone()), json!(300), "{value}");
        }
        for value in [json!(7), json!(7.0), json!("7")] {
            assert_eq!(coerced("string", value.clone()), json!("7"), "{value}");
        }
        assert_eq!(coerced("integer", json!(-0.0)), json!(0));
        assert_eq!(coerced("integer", json!(u64::MAX)), json!(u64::MAX));
        assert_eq!(coerced("integer", json!(u64::MAX.to_string())), json!(u64::MAX));
        assert_eq!(coerced("string", json!(u64::MAX)), json!(u64::MAX.to_string()));
        assert_eq!(coerced("number", json!("2.5")), json!(2.5));
        assert_eq!(coerced("number", json!("2")), json!(2));
        assert_eq!(coerced("boolean", json!("True")), json!(true));
        assert_eq!(coerced("boolean", json!("false")), json!(false));
    }

    #[test]
    fn other_values_stay_as_they_are() {
        let values = [
            json!(1.5),
            json!("1.5"),
            json!("one"),
            json!(""),
            json!(true),
            json!([1]),
            Value::Null,
            json!(1e300),
            json!("inf"),
        ];
        for value in values {
            assert_eq!(coerced("integer", value.clone()), value);
        }
        for value in [json!(1.5), json!("1.0"), json!(true), json!({}), Value::Null] {
            assert_eq!(coerced("string", value.clone()), value);
        }
        for value in [json!(1), json!("yes"), json!("")] {
            assert_eq!(coerced("boolean", value.clone()), value);
        }
        for value in [json!(1.5), json!(2.0), json!("NaN"), json!("x"), json!(true)] {
            assert_eq!(coerced("number", value.clone()), value);
        }
    }

    #[test]
    fn schemas_nest_and_may_allow_null() {
        let optional = json!({"anyOf": [{"type": "integer"}, {"type": "null"}]});
        assert_eq!(with_schema(&optional, json!("3")), json!(3));
        assert_eq!(with_schema(&json!({"type": ["null", "integer"]}), json!(3.0)), json!(3));
        let either = json!({"oneOf": [{"type": "integer"}, {"type": "string"}]});
        for schema in [either, json!({"type": ["string", "integer"]}), json!({}), json!(true), Value::Null] {
            assert_eq!(with_schema(&schema, json!("3")), json!("3"), "{schema}");
        }
        let deep = json!({"properties": {"list": {"items": {"properties": {"id": {"type": "string"}}}}}});
        assert_eq!(
            with_schema(&deep, json!({"list": [{"id": 1, "x": 2.0}]})),
            json!({"list": [{"id": "1", "x": 2.0}]})
        );
    }
}
