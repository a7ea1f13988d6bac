//! Arguments as models write them: whole numbers as fractions or texts, ids as numbers.

use serde_json::{Map, Value};

/// Brings arguments into the types that a tool declares, where that changes no meaning: `300.0` and `"300"` become 300
/// where a whole number is wanted, 7 becomes `"7"` where a text is wanted. Anything else stays, and is refused later.
///
/// `type_of` returns the JSON type that an argument should have.
pub(super) fn coerce<'a>(arguments: &mut Map<String, Value>, type_of: impl Fn(&str) -> Option<&'a str>) {
    for (name, value) in arguments {
        let coerced = match type_of(name) {
            Some("integer") => integer(value).map(Value::from),
            Some("string") => value.as_number().and_then(|_| integer(value)).map(|whole| whole.to_string().into()),
            Some("boolean") => boolean(value).map(Value::from),
            _ => None,
        };
        if let Some(coerced) = coerced {
            *value = coerced;
        }
    }
}

/// The largest number below which a double represents every whole number.
const LAST_EXACT: f64 = 9_007_199_254_740_992.0;

fn integer(value: &Value) -> Option<i64> {
    let whole = |float: f64| {
        let is_whole = float.fract() == 0.0 && float.abs() < LAST_EXACT;
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough")]
        is_whole.then_some(float as i64)
    };
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
        }
        _ => None,
    }
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

    fn coerced(kind: &str, value: Value) -> Value {
        let mut arguments = Map::from_iter([("a".to_owned(), value)]);
        coerce(&mut arguments, |name| (name == "a").then_some(kind));
        arguments["a"].clone()
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
    }
}
