//! JSON objects whose members keep their order and their text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Value, value::RawValue};

/// A JSON object, read no deeper than its members.
///
/// The text of each member is kept, because the order of keys inside of it is part of what the model saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Object<'a> {
    /// Reads an object. Returns `None` if the text is not one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Reads an object from a value. Returns `None` if the value is not one.
    pub(crate) fn of(value: &'a RawValue) -> Option<Self> {
        Self::parse(value.get())
    }

    /// Returns a member that is not null. If a name occurs twice, the last member counts.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        let member = self.0.iter().rev().find(|(key, _)| key == name);
        member.map(|(_, value)| &**value).filter(|value| value.get() != "null")
    }

    /// Returns the names of the members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Returns a member that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.read(name)
    }

    /// Returns a member that can be read as a `T`.
    pub(crate) fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Returns a member that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Object<'_>> {
        Object::of(self.get(name)?)
    }

    /// Returns the elements of a member that is an array.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&RawValue>> {
        elements(self.get(name)?)
    }

    /// Returns the members that are strings, in their order.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.iter().filter_map(|(_, value)| serde_json::from_str(value.get()).ok()).collect()
    }

    /// Returns a member that is a whole number.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.read(name)
    }

    /// Returns whether a member is `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.read(name).unwrap_or(false)
    }

    /// Sets a member, at its place or else at the end.
    pub(crate) fn set(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        let value = Cow::Owned(raw(value));
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some(member) => member.1 = value,
            None => self.0.push((Cow::Borrowed(name), value)),
        }
    }

    /// Sets the members of another object, too.
    pub(crate) fn merge<'b: 'a>(&mut self, other: &'b Object<'_>) {
        for (name, value) in &other.0 {
            self.remove(name);
            self.0.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        }
    }

    /// Returns the object with texts of its own.
    pub(crate) fn into_owned(self) -> Object<'static> {
        let owned = |(name, value): (Cow<'_, str>, Cow<'_, RawValue>)| {
            (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned()))
        };
        Object(self.0.into_iter().map(owned).collect())
    }

    /// Removes a member.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// Returns the object as text.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("an object of texts is serializable")
    }
}

/// Returns the elements of an array. Returns `None` if the value is not one.
pub(crate) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// Returns a value as JSON text.
pub(crate) fn raw(value: &(impl Serialize + ?Sized)) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("values of strings and numbers are serializable")
}

/// Returns JSON text with sorted keys and without white space, which does not depend on how the value was written.
pub(crate) fn canonical(value: &Value) -> String {
    value.to_string()
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                /// A key, borrowed if it has no escapes.
                #[derive(Deserialize)]
                struct Key<'k>(#[serde(borrow)] Cow<'k, str>);

                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, Cow::Borrowed(value)));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_text() {
        let text = r#"{"z":1.50,"a":{"y":2, "b":"é"},"n":null}"#;
        let mut object = Object::parse(text).unwrap();
        assert_eq!(object.to_text(), text);
        assert!(object.get("n").is_none());
        object.set("n", "x");
        object.set("new", &[1, 2]);
        object.remove("z");
        assert_eq!(object.to_text(), r#"{"a":{"y":2, "b":"é"},"n":"x","new":[1,2]}"#);
        assert!(Object::parse("[]").is_none());
    }
}
