//! Reading events in the exact form in which writers write them.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{EventPayload, RawEvent};
use crate::{CodexTurnId, RolloutId, ThreadId, json_text::plain_len};

/// The field that distinguishes payloads.
const TAG: &str = "type";

impl RawEvent {
    /// Reads an event from its line. Returns what [`Deserialize`] would return, in a fraction of the time.
    ///
    /// [`Deserialize`] accepts the fields in any order and form. Writers always use one order and form, which is read
    /// directly.
    ///
    /// # Errors
    ///
    /// The text is not an event.
    pub fn from_json(text: &[u8]) -> serde_json::Result<Self> {
        // Checks all strings of the line at once.
        let Ok(line) = std::str::from_utf8(text) else { return serde_json::from_slice(text) };
        Envelope(line).event().map_or_else(|| serde_json::from_str(line), Ok)
    }
}

/// The unread rest of a line whose fields are in the order of [`RawEvent`], with nothing between them and no escapes
/// before the payload.
struct Envelope<'a>(&'a str);

impl<'a> Envelope<'a> {
    fn event(&mut self) -> Option<RawEvent> {
        self.take("{\"schema_version\":")?;
        let schema_version = self.number()?;
        self.take(",\"seq\":")?;
        let seq = self.number()?;
        self.take(",\"wall_time_unix_ms\":")?;
        let wall_time_unix_ms = self.number()?;
        self.take(",\"rollout_id\":")?;
        let rollout_id = RolloutId::from(self.string()?);
        self.take(",\"thread_id\":")?;
        let thread_id = self.string_or_null()?.map(ThreadId::from);
        self.take(",\"codex_turn_id\":")?;
        let codex_turn_id = self.string_or_null()?.map(CodexTurnId::from);
        self.take(",\"payload\":")?;
        let TypeFirst(payload) = serde_json::from_str(self.0.strip_suffix('}')?).ok()?;
        let (source, evidence) = (None, None);
        Some(RawEvent {
            schema_version,
            seq,
            wall_time_unix_ms,
            rollout_id,
            thread_id,
            codex_turn_id,
            payload,
            source,
            evidence,
        })
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn number<T: FromStr>(&mut self) -> Option<T> {
        let len = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        // JSON has no numbers that begin with zeros.
        if digits.starts_with('0') && digits != "0" { None } else { digits.parse().ok() }
    }

    fn string(&mut self) -> Option<&'a str> {
        let string = self.0.strip_prefix('"')?;
        let (text, rest) = string.split_at(plain_len(string.as_bytes()));
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    fn string_or_null(&mut self) -> Option<Option<&'a str>> {
        if self.take("null").is_some() { Some(None) } else { self.string().map(Some) }
    }
}

/// A payload whose first field is its type.
struct TypeFirst(EventPayload);

impl<'de> Deserialize<'de> for TypeFirst {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TypeFirstVisitor)
    }
}

/// Text that is only compared. A bare [`Cow`] would always be deserialized as a copy.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct TypeFirstVisitor;

impl<'de> Visitor<'de> for TypeFirstVisitor {
    type Value = TypeFirst;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event whose type comes first")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<TypeFirst, A::Error> {
        match fields.next_key::<Text<'de>>()? {
            Some(Text(name)) if name == TAG => {}
            _ => return Err(de::Error::custom("the type does not come first")),
        }
        let Text(name) = fields.next_value()?;
        EventPayload::of_type(&name, MapAccessDeserializer::new(Untagged(fields))).map(TypeFirst)
    }
}

/// The fields after the type. A second field with the name of the type is an error.
struct Untagged<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Untagged<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(NoTag(seed))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

/// Reads the name of a field, which must not be that of the type.
struct NoTag<K>(K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for NoTag<K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for NoTag<K> {
    type Value = K::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<K::Value, E> {
        if name == TAG {
            return Err(E::duplicate_field(TAG));
        }
        self.0.deserialize(name.into_deserializer())
    }
}
