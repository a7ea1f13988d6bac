//! What a request of the Responses API must have to be of use.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};

/// Returns whether JSON text has a field `input` that carries a conversation: an array of items, or a text.
pub(crate) fn has_input(request: &[u8]) -> bool {
    serde_json::from_slice::<Request>(request).is_ok()
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "input")]
    _input: Input,
}

struct Input;

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or a text")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Input, E> {
        Ok(Input)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Input)
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
            (r#"{"input":"hello"}"#, true),
            (r#"{"messages":[]}"#, false),
            (r#"{"input":null}"#, false),
            (r#"{"input":{"0":1}}"#, false),
            (r#"{"body":{"input":[]}}"#, false),
            (r#"[{"input":[]}]"#, false),
            (r#"{"input":["#, false),
            ("", false),
        ] {
            assert_eq!(has_input(request.as_bytes()), expected, "{request}");
        }
    }
}
