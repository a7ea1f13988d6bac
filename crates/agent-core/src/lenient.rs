//! JSON as some providers and servers write it.

use serde_json::Value;

/// A text in which mistakes have been mended, each at the cost of one character or value: half of a surrogate pair becomes
/// U+FFFD, as any decoder of text would do, a control character in a string its escape, an unknown escape the text that it
/// is, and a number that JSON does not have `null`. JSON without such mistakes is unchanged.
#[derive(Debug)]
pub(crate) struct Mended {
    pub(crate) text: String,
    /// The halves of surrogate pairs that were replaced, in order.
    pub(crate) halves: Vec<u16>,
    /// Whether it was a guess what the text means: it has unknown escapes or numbers.
    pub(crate) is_guess: bool,
}

/// Parses a JSON document, mended if need be. Returns `None` if the text is no JSON document.
pub(crate) fn parse(text: &str) -> Option<Value> {
    parse_with_halves(text).map(|(value, _)| value)
}

/// Parses a JSON document, and also returns the halves of surrogate pairs that were replaced, in order.
pub(crate) fn parse_with_halves(text: &str) -> Option<(Value, Vec<u16>)> {
    // Nearly every document is valid.
    if let Ok(value) = serde_json::from_str(text) {
        return Some((value, Vec::new()));
    }
    let mended = Mended::of(text);
    Some((serde_json::from_str(&mended.text).ok()?, mended.halves))
}

/// Parses a JSON document that must not be guessed.
pub(crate) fn parse_unambiguous(text: &str) -> Option<Value> {
    let mended = Mended::of(text);
    if mended.is_guess { None } else { serde_json::from_str(&mended.text).ok() }
}

/// Returns the place of the quote that ends a string, or the end of the text. The text begins after the first quote.
pub(crate) fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.unwrap_or(text.len())
}

impl Mended {
    pub(crate) fn of(text: &str) -> Self {
        let mut mended = Self { text: String::with_capacity(text.len()), halves: Vec::new(), is_guess: false };
        let mut rest = text;
        while let Some(at) = rest.find('"') {
            let (between, string) = (&rest[..at], &rest[at + 1..]);
            let end = end_of_string(string);
            mended.push_values(between);
            mended.text.push('"');
            mended.push_string(&string[..end]);
            rest = &string[end..];
            if !rest.is_empty() {
                mended.text.push('"');
                rest = &rest[1..];
            }
        }
        mended.push_values(rest);
        mended
    }

    /// Adds text from between strings.
    fn push_values(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['N', 'I']) {
            let (before, word) = rest.split_at(at);
            let known = ["NaN", "Infinity"].into_iter().find(|known| word.starts_with(known));
            match known {
                Some(known) => {
                    self.is_guess = true;
                    self.text.push_str(before.strip_suffix(['-', '+']).unwrap_or(before));
                    self.text.push_str("null");
                    rest = &word[known.len()..];
                }
                None => {
                    self.text.push_str(before);
                    self.text.push_str(&word[..1]);
                    rest = &word[1..];
                }
            }
        }
        self.text.push_str(rest);
    }

    /// Adds the text of a string.
    fn push_string(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c == '\\' || c < ' ') {
            let (before, special) = rest.split_at(at);
            self.text.push_str(before);
            let length = match special.as_bytes() {
                [b'\\', b'u', ..] => self.push_unicode_escape(special),
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => {
                    self.text.push_str(&special[..2]);
                    2
                }
                [b'\\', ..] => self.push_backslash(),
                [control, ..] => {
                    self.text.push_str(&format!("\\u{control:04x}"));
                    1
                }
                [] => 0,
            };
            rest = &special[length..];
        }
        self.text.push_str(rest);
    }

    /// Adds an escape `\uXXXX`, or a pair of them, from the beginning of a text. Returns its length.
    fn push_unicode_escape(&mut self, text: &str) -> usize {
        let length = match (code_unit(text), text.get(6..).and_then(code_unit)) {
            (None, _) => return self.push_backslash(),
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(half @ 0xd800..=0xdfff), _) => {
                self.halves.push(half);
                self.text.push('\u{fffd}');
                return 6;
            }
            (Some(_), _) => 6,
        };
        self.text.push_str(&text[..length]);
        length
    }

    /// Adds a backslash that begins no escape. Returns its length.
    fn push_backslash(&mut self) -> usize {
        self.is_guess = true;
        self.text.push_str("\\\\");
        1
    }
}

/// Returns the code unit of an escape such as `\ud83d` at the beginning of a text.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn half_a_surrogate_pair_costs_one_character() {
        for (text, expected) in [
            (r#""hi \ud83d""#, "hi \u{fffd}"),
            (r#""\ude00!""#, "\u{fffd}!"),
            (r#""\ud83d\ude00 \ud83dx""#, "\u{1f600} \u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n\\ud83d \" \ude00""#, "\u{fffd}\n\\ud83d \" \u{fffd}"),
            (r#""\uD83D\u0041""#, "\u{fffd}A"),
            ("\"a\tb\nc\"", "a\tb\nc"),
        ] {
            assert_eq!(parse(text), Some(expected.into()), "{text}");
            assert_eq!(parse_unambiguous(text), Some(expected.into()), "{text}");
        }
        assert_eq!(parse_with_halves(r#"["\ud83d", "\ude00"]"#).unwrap().1, [0xd83d, 0xde00]);
    }

    #[test]
    fn a_guess_is_marked() {
        for (text, expected) in [
            (r#""C:\dir \x41 \u12""#, json!(r"C:\dir \x41 \u12")),
            (r#"[NaN, -Infinity, Infinity, "NaN", 1]"#, json!([null, null, null, "NaN", 1])),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
            assert_eq!(parse_unambiguous(text), None, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        for text in ["", "ping", "{", r#"{"a": "#, "\"\\ud83d", "\"\\", "\"\\u", "\"\\ud8", "\"\\é", "[1,]"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in r#"[\\"u{}:,d8cNI\x00é 0-9]{0,40}"#) {
            parse(&text);
        }

        #[test]
        fn valid_json_is_unchanged(text in any::<String>()) {
            let value = json!([text, {text.clone(): null}]);
            prop_assert_eq!(Mended::of(&value.to_string()).text, value.to_string());
        }
    }
}
