//! Parsing JSON that needs no forgiving.
//!
//! Most of the time of reduction goes by in text that is full of escapes, which a parser for all of `serde` reads three times over.
//! It would also make of a number what a machine calculates with, and not what stands there. What is wrong with a text that is no
//! value, `serde_json` says.

use std::borrow::Cow;

use super::{Fields, Json, fields::FieldsBuilder};

/// Parses the value that a text begins with. Gives also how long it is.
pub(super) fn parse_first(text: &str, max_nesting: usize) -> Result<(Json<'_>, usize), Refused> {
    let mut parser = Parser { text, at: 0, is_too_deep: false };
    let value = parser.value(max_nesting);
    value.map(|value| (value, parser.at)).ok_or(if parser.is_too_deep { Refused::TooDeep } else { Refused::NoValue })
}

/// Parses a text that is one value.
pub(super) fn parse(text: &str, max_nesting: usize) -> Result<Json<'_>, Refused> {
    let (value, len) = parse_first(text, max_nesting)?;
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    if text.as_bytes()[len..].iter().all(is_space) { Ok(value) } else { Err(Refused::NoValue) }
}

/// Why a text is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not JSON, or has half of a surrogate pair.
    NoValue,
    /// It nests too deep.
    TooDeep,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    is_too_deep: bool,
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
            b'{' => self.deeper(left).and_then(|left| self.object(left)).map(Json::Object),
            b'[' => self.deeper(left).and_then(|left| self.array(left)).map(Json::Array),
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            _ => self.number().map(Json::Number),
        }
    }

    fn deeper(&mut self, left: usize) -> Option<usize> {
        self.is_too_deep = left == 0;
        left.checked_sub(1)
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

    /// The character that an escape stands for, or it and the next one. None for half of a pair.
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
                let unit = self.code_unit()?;
                if !(0xD800..0xDC00).contains(&unit) {
                    return char::from_u32(unit);
                }
                self.take(b'\\')?;
                self.take(b'u')?;
                let low = self.code_unit()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                char::from_u32(0x10000 + ((unit - 0xD800) << 10) + low)?
            }
            _ => return None,
        })
    }

    fn code_unit(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let digit = |unit: u32, byte: &u8| Some(unit << 4 | char::from(*byte).to_digit(16)?);
        self.at += 4;
        digits.iter().try_fold(0, digit)
    }

    /// A number as it stands there, except that the exponent has an `e` and a sign, and that there is one integer zero.
    fn number(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        _ = self.take(b'-');
        // Nothing stands behind a leading zero.
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.take(b'.').is_some() {
            is_integer = false;
            self.digits()?;
        }
        let mantissa = &self.text[start..self.at];
        if self.take(b'e').or_else(|| self.take(b'E')).is_none() {
            return Some(Cow::Borrowed(if is_integer && mantissa == "-0" { "0" } else { mantissa }));
        }
        let sign = if self.take(b'-').is_some() { '-' } else { '+' };
        _ = (sign == '+').then(|| self.take(b'+'));
        let exponent = self.at;
        self.digits()?;
        Some(Cow::Owned(format!("{mantissa}e{sign}{}", &self.text[exponent..self.at])))
    }

    fn digits(&mut self) -> Option<()> {
        let len = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += len;
        (len > 0).then_some(())
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
    use rollout_trace_evidence::pair_surrogates;

    use super::*;

    /// What `serde_json` makes of a text, as far as its numbers reach.
    fn as_serde_json(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(text).ok()
    }

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
        fn plain_bytes(text: Vec<u8>) {
            let expected = text.iter().take_while(is_plain).count();
            prop_assert_eq!(plain_len(&text), expected);
        }

        #[test]
        fn what_is_taken_is_what_serde_json_takes(text in text()) {
            match (parse(&text, 99), serde_json::from_str::<&serde_json::value::RawValue>(&text)) {
                (Ok(value), Ok(_)) => prop_assert_eq!(as_serde_json(&value.to_text()), as_serde_json(&text)),
                (taken, raw) => {
                    // Raw values may have halves of surrogate pairs.
                    let has_half = matches!(pair_surrogates(&text), Cow::Owned(_));
                    prop_assert_eq!(taken.is_ok(), raw.is_ok() && !has_half, "{}", text);
                }
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
                let parsed = parse(&text, 9).unwrap();
                prop_assert_eq!(parsed.to_text(), value.to_string());
                let longer = format!("{text}{behind}");
                prop_assert_eq!(parse_first(&longer, 9), Ok((parsed, text.len())));
            }
        }
    }
}
