//! Parsing JSON that needs no forgiving.
//!
//! Most of the time of reduction goes by in text that is full of escapes, which a parser for all of `serde` reads three times over.
//! This one takes what it surely understands and leaves everything else, errors too, to `serde_json`.

use std::borrow::Cow;

use serde_json::Number;

use super::{Fields, Json, fields::FieldsBuilder};

/// Parses the value that a text begins with. Gives also how long it is. None: it is none, or one that somebody else shall look at.
pub(super) fn parse_first(text: &str, max_nesting: usize) -> Option<(Json<'_>, usize)> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(max_nesting)?;
    Some((value, parser.at))
}

/// Parses a text that is one value.
pub(super) fn parse(text: &str, max_nesting: usize) -> Option<Json<'_>> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(max_nesting)?;
    parser.skip_space();
    (parser.at == text.len()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Parses a value that may nest so many levels more.
    fn value(&mut self, left: usize) -> Option<Json<'a>> {
        self.skip_space();
        match self.peek()? {
            b'"' => self.string().map(Json::String),
            b'{' => self.object(left.checked_sub(1)?).map(Json::Object),
            b'[' => self.array(left.checked_sub(1)?).map(Json::Array),
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            _ => self.number().map(Json::Number),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            value
        })
    }

    /// Whether another element comes, where `close` ends them and commas stand between them.
    fn goes_on(&mut self, first: bool, close: u8) -> Option<bool> {
        self.skip_space();
        if self.peek()? == close {
            self.at += 1;
            return Some(false);
        }
        if !first {
            self.take(b',')?;
            self.skip_space();
        }
        Some(true)
    }

    fn array(&mut self, left: usize) -> Option<Vec<Json<'a>>> {
        self.at += 1;
        let mut items = Vec::new();
        while self.goes_on(items.is_empty(), b']')? {
            items.push(self.value(left)?);
        }
        Some(items)
    }

    fn object(&mut self, left: usize) -> Option<Fields<'a>> {
        self.at += 1;
        let mut fields = FieldsBuilder::default();
        let mut first = true;
        while self.goes_on(first, b'}')? {
            first = false;
            let name = self.string()?;
            self.skip_space();
            self.take(b':')?;
            fields.add(name, self.value(left)?);
        }
        Some(fields.finish())
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let mut unescaped = String::new();
        loop {
            let rest = &self.text[self.at..];
            let run = &rest[..plain_len(rest.as_bytes())];
            self.at += run.len();
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' if unescaped.is_empty() => return Some(Cow::Borrowed(run)),
                b'"' => {
                    unescaped.push_str(run);
                    return Some(Cow::Owned(unescaped));
                }
                b'\\' => {
                    if unescaped.is_empty() {
                        // Text with an escape is seldom short, and growing is slow.
                        unescaped.reserve(run.len() + (rest.len() - run.len()).min(1 << 10));
                    }
                    unescaped.push_str(run);
                    unescaped.push(self.escaped()?);
                }
                // Control characters are written as escapes.
                _ => return None,
            }
        }
    }

    /// The character that an escape stands for. Those that are halves of one are left to others.
    fn escaped(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'n' => '\n',
            b'"' => '"',
            b'\\' => '\\',
            b't' => '\t',
            b'r' => '\r',
            b'/' => '/',
            b'b' => '\x08',
            b'f' => '\x0c',
            b'u' => {
                let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
                let digit = |code: u32, byte: &u8| Some(code << 4 | char::from(*byte).to_digit(16)?);
                self.at += 4;
                char::from_u32(digits.iter().try_fold(0, digit)?)?
            }
            _ => return None,
        })
    }

    fn number(&mut self) -> Option<Number> {
        let rest = &self.text[self.at..];
        let len =
            rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        self.at += len;
        serde_json::from_str(&rest[..len]).ok()
    }
}

/// How many bytes come before a quotation mark, a backslash or a control character.
fn plain_len(text: &[u8]) -> usize {
    let mut words = text.chunks_exact(8);
    let mut len = 0;
    for word in &mut words {
        match plain_in(word) {
            8 => len += 8,
            plain => return len + plain,
        }
    }
    len + words.remainder().iter().take_while(is_plain).count()
}

/// How many of 8 bytes come before such a one.
fn plain_in(word: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let word = u64::from_le_bytes(word.try_into().expect("a word of 8 bytes"));
    // A subtraction borrows into the highest bit of a byte that is smaller. It may go on to borrow from the next byte, which is then
    // marked wrongly, but never the first one.
    let is_less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let is_equal = |byte: u8| is_less(word ^ (ONES * u64::from(byte)), 1);
    let marked = (is_less(word, b' ') | is_equal(b'"') | is_equal(b'\\')) & HIGHEST;
    marked.trailing_zeros() as usize / 8
}

fn is_plain(byte: &&u8) -> bool {
    !matches!(byte, b'"' | b'\\' | ..b' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands where in JSON, and what does not.
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
            "-0",
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
        fn plain_bytes(text: Vec<u8>) {
            let expected = text.iter().take_while(is_plain).count();
            prop_assert_eq!(plain_len(&text), expected);
        }

        #[test]
        fn what_is_taken_is_what_serde_json_makes_of_it(text in text(), nesting in 0..5_usize) {
            if let Some(value) = parse(&text, nesting) {
                prop_assert_eq!(Some(value), Json::parse_strict(&text, nesting).ok());
            }
        }

        #[test]
        fn whole_values_are_taken(
            value in any::<bool>().prop_map(serde_json::Value::from).prop_recursive(4, 32, 4, |inner| prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::hash_map(".*", inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
                any::<String>().prop_map(serde_json::Value::from),
                any::<i64>().prop_map(serde_json::Value::from),
                any::<f64>().prop_map(serde_json::Value::from),
            ]),
            behind in prop::sample::select(vec!["", ",", "]", " ", "}"]),
        ) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let expected = Json::parse_strict(&text, 9).unwrap();
                prop_assert_eq!(parse(&text, 9), Some(expected.clone()));
                let longer = format!("{text}{behind}");
                prop_assert_eq!(parse_first(&longer, 9), Some((expected, text.len())));
            }
        }
    }
}
