//! JSON as some providers write it.

use serde_json::Value;

/// Parses a JSON document. Half of a surrogate pair becomes U+FFFD, as any decoder of text would do, and a control
/// character in a string stands for itself. Returns `None` if the text is no JSON document.
pub(super) fn parse(text: &str) -> Option<Value> {
    parse_with_halves(text).map(|(value, _)| value)
}

/// Parses a JSON document, and also returns the halves of surrogate pairs that were replaced, in order.
pub(super) fn parse_with_halves(text: &str) -> Option<(Value, Vec<u16>)> {
    // Nearly every document is valid.
    if let Ok(value) = serde_json::from_str(text) {
        return Some((value, Vec::new()));
    }
    let (repaired, halves) = repaired(text);
    Some((serde_json::from_str(&repaired).ok()?, halves))
}

fn repaired(text: &str) -> (String, Vec<u16>) {
    let mut repaired = String::with_capacity(text.len());
    let mut halves = Vec::new();
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '"' => in_string = !in_string,
            '\\' if in_string => match (unit(rest), rest.get(6..).and_then(unit)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => length = 12,
                (Some(half @ 0xd800..=0xdfff), _) => {
                    halves.push(half);
                    repaired.push('\u{fffd}');
                    rest = &rest[6..];
                    continue;
                }
                // Both characters of the escape, so that `\"` does not end the string.
                _ => length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            },
            '\0'..='\x1f' if in_string => {
                repaired.push_str(&format!("\\u{:04x}", u32::from(c)));
                rest = &rest[length..];
                continue;
            }
            _ => {}
        }
        let (taken, left) = rest.split_at(length);
        repaired.push_str(taken);
        rest = left;
    }
    (repaired, halves)
}

/// Returns the code unit of an escape such as `\ud83d` at the beginning of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        }
        assert_eq!(parse_with_halves(r#"["\ud83d", "\ude00"]"#).unwrap().1, [0xd83d, 0xde00]);
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        for text in ["", "ping", "{", r#"{"a": "#, "\"\\ud83d", "\"\\", "\"\\u", "\"\\ud8", "\"\\é", "[1,]"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in r#"[\\"u{}:,d8c\x00é 0-9]{0,40}"#) {
            parse(&text);
        }

        #[test]
        fn valid_json_is_unchanged(text in any::<String>()) {
            let value = Value::from(text);
            prop_assert_eq!(repaired(&value.to_string()).0, value.to_string());
        }
    }
}
