//! Parsing JSON that has no defects.
//!
//! A reduction spends most of its time in text that is full of escapes, which a general parser such as `serde_json`
//! reads three times. Such a parser would also turn numbers into machine numbers, and lose how they were written.

use std::borrow::Cow;

use rollout_trace_schema::json_text::{
    Cursor, Expected, JsonTextError, JsonTextReason, Nesting, plain_len, read_escape,
};

use super::{Fields, Json, fields::FieldsBuilder};

type Result<T, E = JsonTextError> = std::result::Result<T, E>;

/// Parses the value that a text begins with. Also returns the length of the value's text.
pub(super) fn parse_first(text: &str, nesting: Nesting) -> Result<(Json<'_>, usize)> {
    let mut parser = Parser::new(text);
    let value = parser.value(nesting)?;
    Ok((value, parser.cursor.offset()))
}

/// Parses a text that consists of one value.
pub(super) fn parse(text: &str, nesting: Nesting) -> Result<Json<'_>> {
    let mut parser = Parser::new(text);
    let value = parser.value(nesting)?;
    parser.cursor.end()?;
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, cursor: Cursor::new(text.as_bytes(), 0) }
    }

    /// Parses a value that is nested as deep as `nesting` says.
    fn value(&mut self, nesting: Nesting) -> Result<Json<'a>> {
        match self.cursor.peek() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{') => self.object(nesting.deeper(self.cursor.offset())?).map(Json::Object),
            Some(b'[') => self.array(nesting.deeper(self.cursor.offset())?).map(Json::Array),
            Some(b'n') => self.cursor.word(b"null").map(|()| Json::Null),
            Some(b't') => self.cursor.word(b"true").map(|()| Json::Bool(true)),
            Some(b'f') => self.cursor.word(b"false").map(|()| Json::Bool(false)),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            _ => Err(self.cursor.not(Expected::Value)),
        }
    }

    fn array(&mut self, nesting: Nesting) -> Result<Vec<Json<'a>>> {
        self.cursor.go_to(self.cursor.offset() + 1);
        let mut items = Vec::new();
        if self.cursor.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(nesting)?);
            if !self.goes_on(b']')? {
                return Ok(items);
            }
        }
    }

    fn object(&mut self, nesting: Nesting) -> Result<Fields<'a>> {
        self.cursor.go_to(self.cursor.offset() + 1);
        let mut fields = FieldsBuilder::default();
        if self.cursor.take(b'}') {
            return Ok(fields.finish());
        }
        loop {
            if self.cursor.peek() != Some(b'"') {
                return Err(self.cursor.not(Expected::Name));
            }
            let name = self.string()?;
            self.cursor.expect(b':')?;
            fields.add(name, self.value(nesting)?);
            if !self.goes_on(b'}')? {
                return Ok(fields.finish());
            }
        }
    }

    /// Steps over the comma or the `close` after an element. Returns whether it was a comma, so that another element
    /// follows.
    fn goes_on(&mut self, close: u8) -> Result<bool> {
        let goes_on = match self.cursor.peek() {
            Some(b',') => true,
            Some(byte) if byte == close => false,
            _ => return Err(self.cursor.not(Expected::CommaOr(close))),
        };
        self.cursor.go_to(self.cursor.offset() + 1);
        Ok(goes_on)
    }

    /// Parses the string whose opening quote comes next.
    fn string(&mut self) -> Result<Cow<'a, str>> {
        let mut at = self.cursor.offset() + 1;
        let mut unescaped = String::new();
        loop {
            let rest = &self.text[at..];
            let run = &rest[..plain_len(rest.as_bytes())];
            at += run.len();
            match rest.as_bytes().get(run.len()) {
                Some(b'"') => {
                    self.cursor.go_to(at + 1);
                    if unescaped.is_empty() {
                        return Ok(Cow::Borrowed(run));
                    }
                    unescaped.push_str(run);
                    if unescaped.capacity() / 2 > unescaped.len() {
                        // There may be millions of short ones.
                        unescaped.shrink_to_fit();
                    }
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    if unescaped.is_empty() {
                        // Text with an escape is seldom short, and growing is slow.
                        unescaped.reserve(run.len() + (rest.len() - run.len()).min(1 << 10));
                    }
                    unescaped.push_str(run);
                    let (character, end) = self.escaped(at)?;
                    unescaped.push(character);
                    at = end;
                }
                // Control characters are written as escapes.
                _ => return Err(JsonTextError::not(Expected::StringRest, self.text.as_bytes(), at)),
            }
        }
    }

    /// Returns the character that an escape represents, alone or together with the next escape, and the offset after
    /// it.
    fn escaped(&self, at: usize) -> Result<(char, usize)> {
        let bytes = self.text.as_bytes();
        let (unit, end) = read_escape(bytes, at)?;
        if let Some(character) = char::from_u32(unit.into()) {
            return Ok((character, end));
        }
        let lone = JsonTextError { offset: at, reason: JsonTextReason::LoneSurrogate };
        if bytes.get(end) != Some(&b'\\') {
            return Err(lone);
        }
        let (low, end) = read_escape(bytes, end)?;
        match char::decode_utf16([unit, low]).next() {
            Some(Ok(character)) => Ok((character, end)),
            _ => Err(lone),
        }
    }

    /// Parses a number, as it is written.
    fn number(&mut self) -> Result<Cow<'a, str>> {
        Ok(Cow::Borrowed(&self.text[self.cursor.number()?]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rollout_trace_schema::json_text::pair_surrogates;

    use super::*;

    /// The value that `serde_json` parses, within the range of its numbers.
    fn as_serde_json(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(text).ok()
    }

    /// Texts that are nearly JSON.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "\\n",
            "\\u00e9",
            "\\ud83d",
            "\\ude00",
            "\\u12",
            "\n",
            " ",
            "é",
            "null",
            "true",
            "fals",
            "-7",
            "0",
            "01",
            "12",
            "1.5",
            "1e400",
            "-1E-3",
            "18446744073709551616",
            ".5",
            "a",
            "\"a\":",
            "\"b\",",
            "[]",
            "{}",
            "\u{1}",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn accepts_what_serde_json_accepts(text in text()) {
            match (parse(&text, Nesting::new(99)), serde_json::from_str::<&serde_json::value::RawValue>(&text)) {
                (Ok(value), Ok(_)) => prop_assert_eq!(as_serde_json(&value.to_text()), as_serde_json(&text)),
                (taken, raw) => {
                    // Raw values may have halves of surrogate pairs.
                    let has_half = matches!(pair_surrogates(&text), Cow::Owned(_));
                    prop_assert_eq!(taken.is_ok(), raw.is_ok() && !has_half, "{}", text);
                }
            }
        }

        #[test]
        fn every_value_is_parsed(
            value in any::<bool>().prop_map(serde_json::Value::from).prop_recursive(4, 32, 4, |inner| prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::hash_map(".*", inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
                any::<String>().prop_map(serde_json::Value::from),
                any::<i64>().prop_map(serde_json::Value::from),
                any::<f64>().prop_map(serde_json::Value::from),
            ]),
            after in prop::sample::select(vec!["", ",", "]", " ", "}"]),
        ) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let parsed = parse(&text, Nesting::new(9)).unwrap();
                prop_assert_eq!(parsed.to_text(), value.to_string());
                let longer = format!("{text}{after}");
                prop_assert_eq!(parse_first(&longer, Nesting::new(9)), Ok((parsed, text.len())));
            }
        }
    }
}
