//! JSON as payloads hold it: key order kept, lone surrogates survived, depth bounded.

mod fields;
mod quick;

use std::{borrow::Cow, cell::Cell, fmt};

use rollout_trace_bundle::pair_surrogates;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

pub(crate) use fields::Fields;
use fields::FieldsBuilder;

/// A JSON value, which takes from the text that it was parsed from what stands there as it is. Of keys that come twice the last
/// value counts, in the place of the first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
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
        if let Some(value) = quick::parse(text, max_nesting) {
            return Ok(value);
        }
        Self::parse_strict(text, max_nesting).or_else(|error| match pair_surrogates(text) {
            Cow::Owned(paired) => Json::parse_strict(&paired, max_nesting).map(Json::into_owned),
            Cow::Borrowed(_) => Err(error),
        })
    }

    /// The same value, which needs no text any more.
    pub(crate) fn into_owned<'b>(self) -> Json<'b> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(number) => Json::Number(number),
            Self::String(text) => Json::String(owned(text)),
            Self::Array(items) => Json::Array(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(Fields(fields)) => Json::Object(Fields(
                fields.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect(),
            )),
        }
    }

    /// Parses the value that a text begins with, if it needs no forgiving. Gives also how long it is.
    pub(crate) fn parse_first(text: &'a str, max_nesting: usize) -> Option<(Self, usize)> {
        quick::parse_first(text, max_nesting)
    }

    fn parse_strict(text: &'a str, max_nesting: usize) -> Result<Self, JsonError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // The seed counts instead, so that the limit can be set.
        deserializer.disable_recursion_limit();
        let too_deep = Cell::new(false);
        Nested { left: max_nesting, too_deep: &too_deep }
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|error| if too_deep.get() { JsonError::TooDeep(max_nesting) } else { JsonError::Syntax(error) })
    }

    /// Parses the JSON text that a call carries as its arguments: valid JSON or not JSON at all, as its tool would see it.
    pub(crate) fn parse_arguments(text: &'a str) -> Option<Self> {
        quick::parse(text, DEPTH_OF_SERDE_JSON).or_else(|| Self::parse_strict(text, DEPTH_OF_SERDE_JSON).ok())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
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
            Self::Number(number) => number.as_i64(),
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

    /// The compact text.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a value in memory serialises")
    }
}

/// How deep `serde_json` parses unasked.
const DEPTH_OF_SERDE_JSON: usize = 127;

/// Why a document is no value.
#[derive(Debug)]
pub(crate) enum JsonError {
    Syntax(serde_json::Error),
    TooDeep(usize),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::TooDeep(limit) => write!(f, "it nests deeper than the limit of {limit}"),
        }
    }
}

/// Reads a value that may nest so many levels more.
struct Nested<'a> {
    left: usize,
    too_deep: &'a Cell<bool>,
}

impl<'a> Nested<'a> {
    fn deeper<E: de::Error>(&self) -> Result<Nested<'a>, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| {
            self.too_deep.set(true);
            E::custom("nesting limit exceeded")
        })?;
        Ok(Nested { left, too_deep: self.too_deep })
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_string<E>(self, value: String) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json<'de>, A::Error> {
        let mut object = FieldsBuilder::default();
        while let Some(key) = fields.next_key::<Name<'de>>()? {
            object.add(key.0, fields.next_value_seed(self.deeper()?)?);
        }
        Ok(Json::Object(object.finish()))
    }
}

/// A field's name, borrowed where it can be.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter()),
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
    fn numbers_are_written_as_serde_json_writes_values() {
        for number in
            ["0", "-1", "1.0", "1e3", "0.1", "18446744073709551615", "18446744073709551616", "-9223372036854775808"]
        {
            let value: serde_json::Value = serde_json::from_str(number).expect("valid");
            assert_eq!(parse(number).to_text(), value.to_string());
        }
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
