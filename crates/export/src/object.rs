//! JSON objects without what says nothing.

use serde::Serialize;
use serde_json::{Map, Value};

/// A JSON object under construction, with its keys in order. Null and empty lists are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a field, unless the value is null or an empty list.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Adds a list, even if it is empty.
    pub(crate) fn with_list(mut self, key: &str, list: Vec<Value>) -> Self {
        self.0.insert(key.to_owned(), list.into());
        self
    }

    /// Adds a field, unless the value is null or an empty list.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
            self.0.insert(key.to_owned(), value);
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// Returns the tag of an enumeration that is written as an object with a `type`.
pub(crate) fn tag(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.get("type").and_then(Value::as_str).unwrap_or("unknown").to_owned()
}
