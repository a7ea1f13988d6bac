//! JSON as damaged files and careless producers have it.

use std::borrow::Cow;

use rollout_trace_evidence::pair_surrogates;
use serde_json::Value;
use thiserror::Error;

/// The depth that `serde_json` parses unasked.
const USUAL_NESTING: usize = 127;

/// Why a text is no JSON value.
#[derive(Debug, Error)]
pub(crate) enum JsonError {
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    #[error("it nests deeper than the limit of {limit}")]
    TooDeep { limit: usize },
}

/// A value, and whether bytes had to be replaced to read it.
pub(crate) struct Lenient {
    pub(crate) value: Value,
    pub(crate) not_utf8: bool,
}

/// Parses a value although it may hold bytes that are not UTF-8, surrogate escapes without their other half, and deep
/// nesting.
pub(crate) fn parse(bytes: &[u8], max_nesting: usize) -> Result<Lenient, JsonError> {
    if nests_deeper(bytes, max_nesting) {
        return Err(JsonError::TooDeep { limit: max_nesting });
    }
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
    // The depth was checked before.
    deserializer.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Whether arrays and objects nest deeper than the limit, told by one pass that does not recurse.
pub(crate) fn nests_deeper(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Whether a limit is tighter than the one that `serde_json` keeps on its own.
pub(crate) fn is_unusual(max_nesting: usize) -> bool {
    max_nesting < USUAL_NESTING
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
        assert!(parse(&nested(512), 512).is_ok());
        assert!(matches!(parse(&nested(513), 512), Err(JsonError::TooDeep { limit: 512 })));
        assert!(!nests_deeper(br#""[[[[\"[[[[""#, 1));
    }

    #[test]
    fn not_utf8() {
        let lenient = parse(b"\"a\xFFb\"", 10).unwrap();
        assert_eq!((lenient.value.as_str(), lenient.not_utf8), (Some("a\u{fffd}b"), true));
    }
}
