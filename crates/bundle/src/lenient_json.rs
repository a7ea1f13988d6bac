//! Parsing JSON from damaged files and careless producers.

use std::borrow::Cow;

use rollout_trace_schema::json_text::{JsonTextError, check_nesting, pair_surrogates};
use serde_json::Value;
use thiserror::Error;

/// Why a text is not a JSON value.
#[derive(Debug, Error)]
pub(crate) enum JsonError {
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    #[error("{0}")]
    TooDeep(#[from] JsonTextError),
}

/// A value, and whether bytes had to be replaced to read it.
pub(crate) struct Lenient {
    pub(crate) value: Value,
    pub(crate) not_utf8: bool,
}

/// Parses a value that may contain bytes that are not UTF-8, surrogate escapes without their other half, and deep
/// nesting.
pub(crate) fn parse(bytes: &[u8], max_nesting: usize) -> Result<Lenient, JsonError> {
    check_nesting(bytes, max_nesting)?;
    let text = String::from_utf8_lossy(bytes);
    let value = match parse_text(&text) {
        Err(error) => match pair_surrogates(&text) {
            Cow::Owned(paired) => parse_text(&paired),
            Cow::Borrowed(_) => Err(error),
        },
        value => value,
    }?;
    Ok(Lenient { value, not_utf8: matches!(text, Cow::Owned(_)) })
}

fn parse_text(text: &str) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // `check_nesting` bounds the recursion.
    deserializer.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates() {
        assert_eq!(parse(br#"{"a":"x\ud83dy"}"#, 10).unwrap().value["a"], "x\u{fffd}y");
    }

    #[test]
    fn nesting() {
        let nested = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        for depth in [1, 127, 128, 511, 512] {
            assert!(parse(&nested(depth), 512).is_ok(), "{depth}");
        }
        assert!(matches!(parse(&nested(513), 512), Err(JsonError::TooDeep(_))));
    }

    #[test]
    fn not_utf8() {
        let lenient = parse(b"\"a\xFFb\"", 10).unwrap();
        assert_eq!((lenient.value.as_str(), lenient.not_utf8), (Some("a\u{fffd}b"), true));
    }
}
