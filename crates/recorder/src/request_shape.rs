//! The shape that a request needs to be useful: where its conversation is.

use std::{borrow::Cow, fmt};

use rollout_trace_schema::WireApi;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Where the requests of an API hold the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestShape {
    /// The name of the field.
    pub(crate) list: &'static str,
    /// The name of the object that may hold the field.
    pub(crate) wrapper: Option<&'static str>,
}

impl RequestShape {
    /// The shape of the Responses API.
    pub(crate) const RESPONSES: Self = Self { list: "input", wrapper: None };

    /// Returns the shape of the requests of an API, or `None` if the API is not known.
    pub(crate) fn of(api: &WireApi) -> Option<Self> {
        match api {
            WireApi::Responses => Some(Self::RESPONSES),
            WireApi::Messages | WireApi::ChatCompletions => Some(Self { list: "messages", wrapper: None }),
            WireApi::GenerateContent => Some(Self { list: "contents", wrapper: Some("request") }),
            _ => None,
        }
    }

    /// Returns whether JSON text has the field, and in it a conversation: an array of items, or a text.
    pub(crate) fn is_in(self, request: &[u8]) -> bool {
        let mut search = Search { shape: self, found: false };
        // The search stops at the conversation, because the rest is most of a request. To the parser, stopping is an error.
        let _ = serde_json::Deserializer::from_slice(request).deserialize_map(&mut search);
        search.found
    }
}

/// A request whose conversation is being looked for.
struct Search {
    shape: RequestShape,
    found: bool,
}

/// The value of the field that holds the conversation.
struct Conversation<'s>(&'s mut Search);

/// The value of the field that may hold the conversation.
struct Wrapper<'s>(&'s mut Search);

#[derive(Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

impl<'de> Visitor<'de> for &mut Search {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = fields.next_key()? {
            if name == self.shape.list {
                return fields.next_value_seed(Conversation(self));
            }
            if Some(&*name) == self.shape.wrapper {
                fields.next_value_seed(Wrapper(self))?;
                continue;
            }
            fields.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Conversation<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> DeserializeSeed<'de> for Wrapper<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self(search) = self;
        search.shape.wrapper = None;
        deserializer.deserialize_map(search)
    }
}

impl<'de> Visitor<'de> for Conversation<'_> {
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

    #[track_caller]
    fn check(api: &WireApi, request: &str, expected: bool) {
        let shape = RequestShape::of(api).expect("the API is known");
        assert_eq!(shape.is_in(request.as_bytes()), expected, "{request}");
    }

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
            check(&WireApi::Responses, request, expected);
        }
    }

    #[test]
    fn each_api_has_its_own_field() {
        for api in [WireApi::Messages, WireApi::ChatCompletions] {
            check(&api, r#"{"model":"m","messages":[]}"#, true);
            check(&api, r#"{"model":"m","input":[]}"#, false);
        }
        for (request, expected) in [
            (r#"{"contents":[]}"#, true),
            (r#"{"model":"m","request":{"tools":[],"contents":[]}}"#, true),
            (r#"{"request":{},"contents":[]}"#, true),
            (r#"{"request":{"request":{"contents":[]}}}"#, false),
            (r#"{"request":[],"model":"m"}"#, false),
        ] {
            check(&WireApi::GenerateContent, request, expected);
        }
    }
}
