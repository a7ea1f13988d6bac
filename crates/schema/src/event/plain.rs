//! Reading an event in one go, where it is written as writers write it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{EventPayload, RawEvent};
use crate::{CodexTurnId, RolloutId, Seq, ThreadId, UnixMillis};

/// The field that tells payloads apart.
const TAG: &str = "type";

impl RawEvent {
    /// Reads an event from its line: what [`Deserialize`] gives, in a quarter of the time.
    ///
    /// An enum that is told apart by a field is usually read twice, because the field may stand anywhere. Writers put it first.
    ///
    /// # Errors
    ///
    /// The text is no event.
    pub fn from_json(text: &[u8]) -> serde_json::Result<Self> {
        // Once for all strings in it.
        let Ok(line) = std::str::from_utf8(text) else { return serde_json::from_slice(text) };
        match serde_json::from_str::<Plain>(line) {
            Ok(event) => Ok(Self {
                schema_version: event.schema_version,
                seq: event.seq,
                wall_time_unix_ms: event.wall_time_unix_ms,
                rollout_id: event.rollout_id,
                thread_id: event.thread_id,
                codex_turn_id: event.codex_turn_id,
                payload: event.payload.0,
            }),
            Err(_) => serde_json::from_str(line),
        }
    }
}

/// A [`RawEvent`] of a known type.
#[derive(Deserialize)]
struct Plain {
    schema_version: u32,
    seq: Seq,
    wall_time_unix_ms: UnixMillis,
    rollout_id: RolloutId,
    #[serde(default)]
    thread_id: Option<ThreadId>,
    #[serde(default)]
    codex_turn_id: Option<CodexTurnId>,
    payload: TypeFirst,
}

/// A payload whose first field is its type.
struct TypeFirst(EventPayload);

impl<'de> Deserialize<'de> for TypeFirst {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TypeFirstVisitor)
    }
}

/// Text that is looked at and not kept. A bare [`Cow`] would always be copied.
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

/// The fields behind the type, among which it does not come again.
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

/// Reads a name that is not the type's.
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
