//! The spans of OTLP as plain data.

use serde_json::Value;

use super::ids::{SpanId, TraceId};

/// A span.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// In nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Attributes,
    pub(super) events: Vec<Event>,
    pub(super) links: Vec<Link>,
    pub(super) status: Status,
}

/// What a span is for those who follow it across processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Client = 3,
}

/// How a span ended.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) code: StatusCode,
    pub(super) message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusCode {
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// Something that happened during a span.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: u64,
    pub(super) name: &'static str,
    pub(super) attributes: Attributes,
}

/// A span that another one is related to.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) span_id: SpanId,
    pub(super) attributes: Attributes,
}

/// Attributes, each once, in the order of their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(std::collections::BTreeMap<&'static str, Attribute>);

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Bool(bool),
    Int(i64),
}

impl Attributes {
    /// Adds an attribute.
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<Attribute>) {
        self.0.insert(key, value.into());
    }

    /// Adds an attribute, unless there is no value.
    pub(super) fn set_some(&mut self, key: &'static str, value: Option<impl Into<Attribute>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Attribute>) -> Self {
        self.set(key, value);
        self
    }

    /// Adds an attribute, unless there is no value.
    pub(super) fn with_some(mut self, key: &'static str, value: Option<impl Into<Attribute>>) -> Self {
        self.set_some(key, value);
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Attribute)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Attribute {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Attribute {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&Value> for Attribute {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Bool(value) => Self::Bool(*value),
            value => value.as_i64().map_or_else(|| Self::Text(value.to_string()), Self::Int),
        }
    }
}
