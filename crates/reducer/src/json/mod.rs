//! JSON values of payloads. A value keeps the order of its keys and the digits of its numbers. Parsing tolerates lone
//! surrogates and bounds the depth.

mod fields;
mod quick;
mod write;

use std::borrow::Cow;

use rollout_trace_schema::json_text::{BYTE_ORDER_MARK, JsonTextError, JsonTextReason, Nesting, pair_surrogates};

pub use fields::Fields;

/// A JSON value, which borrows from the text that it was parsed from. Of fields with the same name the last value
/// counts, at the place of the first.
///
/// ```
/// use rollout_trace_reducer::Json;
///
/// let (value, _) = Json::parse(br#"{"name": "ls", "limits": [1.50, 2]}"#, 16)?;
/// assert_eq!(value.text("name"), Some("ls"));
/// assert_eq!(value.to_spelled_text(), r#"{"name":"ls","limits":[1.50,2]}"#);
/// # Ok::<(), rollout_trace_schema::json_text::JsonTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// The text of the number as it is written, which may be more exact than a machine number.
    Number(Cow<'a, str>),
    /// A string, without escapes.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Fields<'a>),
}

impl<'a> Json<'a> {
    /// Parses a document, and tolerates what real producers get wrong: a byte order mark, bytes that are not UTF-8, and
    /// surrogate escapes without their other half, which become U+FFFD.
    ///
    /// Also returns whether bytes had to be replaced.
    ///
    /// # Errors
    ///
    /// The document is not JSON, or nests deeper than `max_nesting`.
    pub fn parse(bytes: &'a [u8], max_nesting: usize) -> Result<(Self, bool), JsonTextError> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let nesting = Nesting::new(max_nesting);
        // Looking for bytes that must be replaced is slow, and there is hardly ever one.
        let replaced = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok((Self::parse_text(text, nesting)?, false)),
            Err(_) => String::from_utf8_lossy(bytes),
        };
        Ok((Json::parse_text(&replaced, nesting)?.into_owned(), true))
    }

    /// Parses a text that is nested as deep as `nesting` says, and tolerates surrogate escapes without their other
    /// half.
    pub(crate) fn parse_text(text: &'a str, nesting: Nesting) -> Result<Self, JsonTextError> {
        match quick::parse(text, nesting) {
            Err(JsonTextError { reason: JsonTextReason::LoneSurrogate, .. }) => {
                quick::parse(&pair_surrogates(text), nesting).map(Json::into_owned)
            }
            parsed => parsed,
        }
    }

    /// Returns the same value, which borrows nothing.
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

    /// Parses the value that a text begins with, unless it has a defect. Also returns the length of the value's text.
    pub(crate) fn parse_first(text: &'a str, nesting: Nesting) -> Option<(Self, usize)> {
        quick::parse_first(text, nesting).ok()
    }

    /// Parses the JSON text that a call carries as its arguments. No defect is tolerated, because the tool that reads
    /// the arguments tolerates none.
    pub fn parse_arguments(text: &'a str) -> Option<Self> {
        quick::parse(text, Nesting::new(DEPTH_OF_SERDE_JSON)).ok()
    }

    /// Returns the value of a field, or `None` if the field is absent or the value is no object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    /// Returns the value without its field `name`.
    pub(crate) fn without(&self, name: &str) -> Cow<'_, Self> {
        match self {
            Self::Object(Fields(fields)) if fields.iter().any(|(own, _)| own == name) => {
                Cow::Owned(Self::Object(Fields(fields.iter().filter(|(own, _)| own != name).cloned().collect())))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Returns the value without some of its fields.
    pub fn without_all(&self, names: &[&str]) -> Cow<'_, Self> {
        match self {
            Self::Object(Fields(fields)) if fields.iter().any(|(own, _)| names.contains(&&**own)) => {
                let others = fields.iter().filter(|(own, _)| !names.contains(&&**own));
                Cow::Owned(Self::Object(Fields(others.cloned().collect())))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Adds a field that an object does not have.
    pub(crate) fn insert(&mut self, name: &'static str, value: String) {
        if let Self::Object(Fields(fields)) = self {
            fields.push((Cow::Borrowed(name), Self::String(Cow::Owned(value))));
        }
    }

    /// Returns the text of a field, or `None` if the field is absent or not a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number, if it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.parse().ok(),
            _ => None,
        }
    }

    /// Returns the elements of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns whether the value is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Returns an id, which some producers write as a string and others as a number.
    pub(crate) fn id_text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Self::String(text) => Some(text.to_string()),
            Self::Number(number) => Some(plain_number(number).into_owned()),
            _ => None,
        }
    }
}

/// Returns a number in the form in which equal numbers are compared and shown: an exponent has an `e` and a sign, and
/// `-0` is `0`.
pub(crate) fn plain_number(number: &str) -> Cow<'_, str> {
    if number == "-0" {
        return Cow::Borrowed("0");
    }
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return Cow::Borrowed(number) };
    let sign = if exponent.starts_with('-') { '-' } else { '+' };
    Cow::Owned(format!("{mantissa}e{sign}{}", exponent.trim_start_matches(['-', '+'])))
}

/// The depth to which `serde_json` parses by default, and so the depth to which a tool reads its arguments.
///
/// Arguments are text inside a document and not a document, so the nesting rule does not apply to them.
const DEPTH_OF_SERDE_JSON: usize = 127;

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
    fn numbers_keep_their_digits() {
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
            assert_eq!(parse(text), Json::Number(text.into()));
            assert_eq!(parse(&format!("[{text}]")).to_text(), format!("[{kept}]"));
            assert_eq!(parse(&format!("[{text}]")).to_spelled_text(), format!("[{text}]"));
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
        assert!(matches!(
            Json::parse(nested(65).as_bytes(), 64),
            Err(JsonTextError { reason: JsonTextReason::TooDeep { limit: 64 }, offset: 64 })
        ));
        assert!(matches!(
            Json::parse(nested(1_000_000).as_bytes(), 64),
            Err(JsonTextError { reason: JsonTextReason::TooDeep { limit: 64 }, offset: 64 })
        ));
    }

    #[test]
    fn a_byte_order_mark_and_bad_bytes_are_tolerated() {
        assert_eq!(
            Json::parse(b"\xEF\xBB\xBF\"a\xFFb\"", 64).expect("valid"),
            (Json::String("a\u{FFFD}b".into()), true)
        );
    }

    #[test]
    fn arguments_with_a_defect_are_not_parsed() {
        assert!(Json::parse_arguments(r#"{"a":1}"#).is_some());
        assert!(Json::parse_arguments(r#""\ud83d""#).is_none());
        assert!(Json::parse_arguments("ls -l").is_none());
    }
}
