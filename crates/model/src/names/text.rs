//! Finds ids in running text.

use std::ops::Range;

/// The length of a UUID with hyphens.
pub(super) const UUID_LENGTH: usize = 36;

/// Returns the words of a text, which consist of ASCII letters, digits, `_` and `-`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word_char(c)).filter(|word| !word.is_empty())
}

pub(super) fn is_word(text: &str) -> bool {
    text.chars().all(is_word_char)
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Returns the UUIDs in a text, with their positions.
pub(super) fn uuids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(candidate) = text.as_bytes().get(from..from + UUID_LENGTH) {
            from += 1;
            if fits_uuid(candidate) {
                let start = from - 1;
                from = start + UUID_LENGTH;
                return Some((start, &text[start..from]));
            }
        }
        None
    })
}

/// Returns the position in a word of an incomplete UUID that reaches to the end of the word.
pub(super) fn cut_uuid(word: &str) -> Option<usize> {
    let part_starts = word.char_indices().filter(|&(_, c)| c == '-' || c == '_').map(|(at, _)| at + 1);
    std::iter::once(0)
        .chain(part_starts)
        .find(|&at| (1..=UUID_LENGTH).contains(&(word.len() - at)) && fits_uuid(&word.as_bytes()[at..]))
}

/// Returns whether these bytes are a UUID or the beginning of one.
fn fits_uuid(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// Returns whether this range of a text is the digits before or after a decimal point.
pub(super) fn is_part_of_decimal(text: &str, range: Range<usize>) -> bool {
    let ends_with_digit = |text: &str| text.bytes().next_back().is_some_and(|byte| byte.is_ascii_digit());
    let starts_with_digit = |text: &str| text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let (before, after) = (&text[..range.start], &text[range.end..]);
    text[range].bytes().all(|byte| byte.is_ascii_digit())
        && (before.strip_suffix('.').is_some_and(ends_with_digit)
            || after.strip_prefix('.').is_some_and(starts_with_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_have_the_digits_of_an_id() {
        let is_part = |text: &str, digits: &str| {
            let start = text.find(digits).unwrap();
            is_part_of_decimal(text, start..start + digits.len())
        };
        assert!(is_part("after 0.1001 seconds", "1001"));
        assert!(is_part("after 1001.5 seconds", "1001"));
        assert!(!is_part("session 1001.", "1001"));
        assert!(!is_part("{\"session_id\":1001}", "1001"));
        assert!(!is_part("2.a001", "a001"));
    }

    #[test]
    fn uuids_are_found_within_words() {
        let text = "fc_01a1fb89-e57b-7060-9765-01119d48cd03é01a1fb89-e57b-7060-9765-01119d48cd04-x";
        let found: Vec<_> = uuids(text).collect();
        assert_eq!(found, [(3, "01a1fb89-e57b-7060-9765-01119d48cd03"), (41, "01a1fb89-e57b-7060-9765-01119d48cd04")]);
    }

    #[test]
    fn cut_uuids_are_found_at_the_end_of_words() {
        assert_eq!(cut_uuid("exec-115e3c15-c8"), Some(5));
        assert_eq!(cut_uuid("115e3c15-"), Some(0));
        assert_eq!(cut_uuid("else"), None);
        assert_eq!(cut_uuid("hello-"), None);
    }
}
