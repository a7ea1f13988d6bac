//! The shape that a request of the Responses API needs to be useful.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Returns whether JSON text has a field `input` that carries a conversation: an array of items, or a text.
pub(crate) fn has_input(request: &[u8]) -> bool {
    let mut search = InputSearch { found: false };
    // The search stops at `input`, because the rest is most of a request. To the parser, stopping is an error.
    let _ = serde_json::Deserializer::from_slice(request).deserialize_map(&mut search);
    search.found
}

/// A request whose field `input` is being looked for.
struct InputSearch {
    found: bool,
}

/// The value of the field `input`.
struct InputValue<'s>(&'s mut InputSearch);

#[derive(Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

impl<'de> Visitor<'de> for &mut InputSearch {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = fields.next_key()? {
            if name == "input" {
                return fields.next_value_seed(InputValue(self));
            }
            fields.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for InputValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InputValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or a text")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.0.found = true;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.0.found = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_an_array_or_a_text_at_the_top() {
        for (request, expected) in [
            (r#"{"model":"m","input":[{"type":"message"}],"stream":true}"#, true),
            (r#"{"input":[]}"#, true),
            (r#"{"\u0069nput":"hello"}"#, true),
            (r#"{"messages":[]}"#, false),
            (r#"{"input":null}"#, false),
            (r#"{"input":{"0":1}}"#, false),
            (r#"{"body":{"input":[]}}"#, false),
            (r#"[{"input":[]}]"#, false),
            (r#"{"model":["input":[]}"#, false),
            ("", false),
        ] {
            assert_eq!(has_input(request.as_bytes()), expected, "{request}");
        }
    }
}
