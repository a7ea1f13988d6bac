//! Escapes that stand for half of a surrogate pair.

use std::borrow::Cow;

use super::read_escape;

/// Replaces `\uD800` to `\uDFFF` escapes that lack their other half by `\uFFFD`, the replacement character.
///
/// JSON allows them, and some producers cut text in the middle of a pair; `serde_json` refuses the whole document. All
/// offsets stay the same, because both escapes have six bytes.
pub fn pair_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut paired = String::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        at += match (code_unit(bytes, at), code_unit(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                paired.push_str(&text[kept..at]);
                paired.push_str("\\uFFFD");
                kept = at + 6;
                6
            }
            // Past the second byte of the escape, which may itself be a backslash.
            _ => 2,
        };
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    paired.push_str(&text[kept..]);
    Cow::Owned(paired)
}

/// Returns the code unit of a `\uXXXX` escape.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let (unit, end) = read_escape(bytes, at).ok()?;
    (end == at + 6).then_some(unit)
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
