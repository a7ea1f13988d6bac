//! Halves of surrogate pairs in JSON text.

use std::borrow::Cow;

/// Replaces `\uD800` to `\uDFFF` escapes that lack their other half by `\uFFFD`, the replacement character.
///
/// JSON allows such escapes, and some producers cut text in the middle of a pair. `serde_json` refuses the whole document.
pub fn pair_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut paired = String::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        at += match (unit(bytes, at), unit(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                paired.push_str(&text[kept..at]);
                paired.push_str("\\uFFFD");
                kept = at + 6;
                6
            }
            // Past the escape's second byte, which may itself be a backslash.
            _ => 2,
        };
        if at >= bytes.len() {
            break;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    paired.push_str(&text[kept..]);
    Cow::Owned(paired)
}

/// Returns the code unit of a `\uXXXX` escape.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates() {
        for (text, paired) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\uFFFD""#),
            (r#""\ud83d\ud83d\ude00x\uDE00""#, r#""\uFFFD\ud83d\ude00x\uFFFD""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d é""#, r#""\\\uFFFD é""#),
            (r#""\ud83"#, r#""\ud83"#),
            ("\"\\", "\"\\"),
            ("\\é\\u00é0", "\\é\\u00é0"),
        ] {
            assert_eq!(pair_surrogates(text), paired);
        }
    }
}
