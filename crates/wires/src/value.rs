//! JSON values that keep the order of their keys.

use std::{collections::HashMap, fmt};

use rollout_trace_schema::json_text::pair_surrogates;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

/// A JSON value that keeps the order of its keys, because a response object is evidence.
///
/// Of fields with the same name the last value counts, at the place of the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Null.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// Parses a text. Halves of surrogate pairs, which streams may cut, become U+FFFD.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).or_else(|_| serde_json::from_str(&pair_surrogates(text))).ok()
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    pub(crate) fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Returns the value of a field, or `None` if the field is absent or the value is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.fields().iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Returns the fields of an object. No other value has any.
    pub fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// Returns the elements of an array. No other value has any.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) => elements,
            _ => &[],
        }
    }

    /// Returns a field that is a string.
    pub(crate) fn str_at(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns a field that is not null.
    pub(crate) fn some_at(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| !value.is_null())
    }

    /// Returns a field, which is added as null if there is none. A value that is no object becomes one.
    pub(crate) fn entry(&mut self, name: &str) -> &mut Self {
        if !self.is_object() {
            *self = Self::object();
        }
        let Self::Object(fields) = self else { unreachable!("made an object above") };
        let place = match fields.iter().position(|(own, _)| own == name) {
            Some(place) => place,
            None => {
                fields.push((name.to_owned(), Self::Null));
                fields.len() - 1
            }
        };
        &mut fields[place].1
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, name: &str, value: Self) {
        *self.entry(name) = value;
    }

    /// Sets a field, unless it has a value that is not empty.
    pub(crate) fn set_once(&mut self, name: &str, value: &Self) {
        let field = self.entry(name);
        if field.is_blank() {
            *field = value.clone();
        }
    }

    /// Appends to a text. Any other value becomes the text.
    pub(crate) fn append(&mut self, more: &str) {
        match self {
            Self::String(text) => text.push_str(more),
            other => *other = Self::text(more),
        }
    }

    /// Appends an element to an array. Any other value becomes an array of the element.
    pub(crate) fn push(&mut self, element: Self) {
        match self {
            Self::Array(elements) => elements.push(element),
            other => *other = Self::Array(vec![element]),
        }
    }

    /// Returns the element of an array at a place, after adding empty objects up to it. A value that is no array becomes
    /// one. Returns `None` for a place far beyond the end, which no stream has.
    pub(crate) fn element(&mut self, place: usize) -> Option<&mut Self> {
        if !matches!(self, Self::Array(_)) {
            *self = Self::Array(Vec::new());
        }
        let Self::Array(elements) = self else { unreachable!("made an array above") };
        if place > elements.len() + MOST_SKIPPED {
            return None;
        }
        while elements.len() <= place {
            elements.push(Self::object());
        }
        elements.get_mut(place)
    }

    /// Returns whether the value says nothing: null, 0, or an empty text, array or object.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) => false,
            Self::Number(number) => number.as_f64() == Some(0.0),
            Self::String(text) => text.is_empty(),
            Self::Array(elements) => elements.is_empty(),
            Self::Object(fields) => fields.is_empty(),
        }
    }
}

/// How many places a stream may skip in an array.
const MOST_SKIPPED: usize = 64;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::text(text))
            }

            fn visit_string<E>(self, text: String) -> Result<Value, E> {
                Ok(Value::String(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
                let mut array = Vec::new();
                while let Some(element) = elements.next_element()? {
                    array.push(element);
                }
                Ok(Value::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
                let mut object = Vec::new();
                // An object may have more fields than can be searched one by one.
                let mut places = HashMap::new();
                while let Some((name, value)) = fields.next_entry::<String, Value>()? {
                    match places.get(&name) {
                        Some(&place) => object[place] = (name, value),
                        None => {
                            places.insert(name.clone(), object.len());
                            object.push((name, value));
                        }
                    }
                }
                Ok(Value::Object(object))
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
}
