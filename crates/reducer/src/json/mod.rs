//! JSON as payloads hold it: key order and numbers kept, lone surrogates survived, depth bounded.

mod fields;
mod quick;
mod write;

use std::{borrow::Cow, fmt};

use rollout_trace_evidence::pair_surrogates;
use serde::de::IgnoredAny;

pub(crate) use fields::Fields;
use quick::Refused;

/// A JSON value, which takes from the text that it was parsed from what stands there as it is. Of keys that come twice the last
/// value counts, in the place of the first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// The number's text, which may say more than a machine calculates with.
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Self>),
    Object(Fields<'a>),
}

impl<'a> Json<'a> {
    /// Parses a document, forgiving what real producers get wrong: a byte order mark, bytes that are not UTF-8, and
    /// surrogate escapes without their other half, which become U+FFFD.
    ///
    /// Says beside the value whether bytes had to be replaced.
    pub(crate) fn parse(bytes: &'a [u8], max_nesting: usize) -> Result<(Self, bool), JsonError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        // Looking for what has to be replaced is slow, and there is hardly ever anything.
        let replaced = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok((Self::parse_forgiving(text, max_nesting)?, false)),
            Err(_) => String::from_utf8_lossy(bytes),
        };
        Ok((Json::parse_forgiving(&replaced, max_nesting)?.into_owned(), true))
    }

    fn parse_forgiving(text: &'a str, max_nesting: usize) -> Result<Self, JsonError> {
        let paired = match quick::parse(text, max_nesting) {
            Ok(value) => return Ok(value),
            Err(Refused::TooDeep) => return Err(JsonError::TooDeep(max_nesting)),
            Err(Refused::NoValue) => pair_surrogates(text),
        };
        match quick::parse(&paired, max_nesting) {
            Ok(value) => Ok(value.into_owned()),
            Err(Refused::TooDeep) => Err(JsonError::TooDeep(max_nesting)),
            Err(Refused::NoValue) => Err(JsonError::Syntax(serde_json::from_str::<IgnoredAny>(&paired).err())),
        }
    }

    /// The same value, which needs no text any more.
    pub(crate) fn into_owned<'b>(self) -> Json<'b> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(number) => Json::Number(owned(number)),
            Self::String(text) => Json::String(owned(text)),
            Self::Array(items) => Json::Array(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(Fields(fields)) => Json::Object(Fields(
                fields.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect(),
            )),
        }
    }

    /// Parses the value that a text begins with, if it needs no forgiving. Gives also how long it is.
    pub(crate) fn parse_first(text: &'a str, max_nesting: usize) -> Option<(Self, usize)> {
        quick::parse_first(text, max_nesting).ok()
    }

    /// Parses the JSON text that a call carries as its arguments: valid JSON or not JSON at all, as its tool would see it.
    pub(crate) fn parse_arguments(text: &'a str) -> Option<Self> {
        quick::parse(text, DEPTH_OF_SERDE_JSON).ok()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    /// The same value as if its own field `name` were not there.
    pub(crate) fn without(&self, name: &str) -> Cow<'_, Self> {
        match self {
            Self::Object(Fields(fields)) if fields.iter().any(|(own, _)| own == name) => {
                Cow::Owned(Self::Object(Fields(fields.iter().filter(|(own, _)| own != name).cloned().collect())))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// The field's text; none if it is absent or something else.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// An id that some producers write as a string and others as a number.
    pub(crate) fn id_text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Self::String(text) => Some(text.to_string()),
            Self::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// How deep `serde_json` parses unasked.
const DEPTH_OF_SERDE_JSON: usize = 127;

/// Why a document is no value.
#[derive(Debug)]
pub(crate) enum JsonError {
    /// It is not JSON, and what `serde_json` has to say of it.
    Syntax(Option<serde_json::Error>),
    TooDeep(usize),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(Some(error)) => error.fmt(f),
            Self::Syntax(None) => f.write_str("it is not JSON"),
            Self::TooDeep(limit) => write!(f, "it nests deeper than the limit of {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json<'_> {
        Json::parse(text.as_bytes(), 64).expect("valid").0
    }

    #[test]
    fn keys_keep_their_order_and_the_last_value_counts() {
        assert_eq!(parse(r#"{"b":1,"a":2,"b":3}"#).to_text(), r#"{"b":3,"a":2}"#);
    }

    #[test]
    fn numbers_are_what_stands_there() {
        for (text, kept) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("1.10", "1.10"),
            ("1e2", "1e+2"),
            ("1E-02", "1e-02"),
            ("1e400", "1e+400"),
            ("-9223372036854775809", "-9223372036854775809"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ] {
            assert_eq!(parse(text), Json::Number(kept.into()));
            assert_eq!(parse(&format!("[{text}]")).to_text(), format!("[{kept}]"));
        }
        assert_eq!(parse("-12").as_i64(), Some(-12));
        assert_eq!(parse("1.0").as_i64(), None);
    }

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_kept() {
        assert_eq!(
            parse(r#""\ud83d\ude00 \ud83d x \ude00 \\ud83d \ud83d\ud83d\ude00""#).as_str(),
            Some("😀 \u{FFFD} x \u{FFFD} \\ud83d \u{FFFD}😀")
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(nested(64).as_bytes(), 64).is_ok());
        assert!(matches!(Json::parse(nested(65).as_bytes(), 64), Err(JsonError::TooDeep(64))));
        assert!(matches!(Json::parse(nested(1_000_000).as_bytes(), 64), Err(JsonError::TooDeep(64))));
    }

    #[test]
    fn a_byte_order_mark_and_bad_bytes_are_survived() {
        assert_eq!(
            Json::parse(b"\xEF\xBB\xBF\"a\xFFb\"", 64).expect("valid"),
            (Json::String("a\u{FFFD}b".into()), true)
        );
    }

    #[test]
    fn arguments_are_json_or_not() {
        assert!(Json::parse_arguments(r#"{"a":1}"#).is_some());
        assert!(Json::parse_arguments(r#""\ud83d""#).is_none());
        assert!(Json::parse_arguments("ls -l").is_none());
    }
}
