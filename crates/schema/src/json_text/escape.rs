//! Escapes in strings. They are written as `serde_json` writes them, but eight bytes at a time.

use super::{Expected, JsonTextError};

/// Returns a word in which each byte is `byte`.
const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Sets the high bit of each byte that must be escaped. Only the lowest mark is certain. A word without marks has no
/// such byte.
///
/// A subtraction borrows into the high bit of a byte that is smaller. It may go on to borrow from the next byte, which
/// is then marked wrongly, but never from an earlier one.
fn marks(word: u64) -> u64 {
    let less = |word: u64, than: u8| word.wrapping_sub(every(than)) & !word;
    let equal = |byte: u8| less(word ^ every(byte), 1);
    (less(word, b' ') | equal(b'"') | equal(b'\\')) & every(0x80)
}

/// Returns how many bytes come before the first quote, backslash or control character, the bytes that a string escapes.
#[inline]
pub fn plain_len(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = text[at..].first_chunk::<8>() {
        let marks = marks(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let is_escaped = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    text[at..].iter().position(is_escaped).map_or(text.len(), |found| at + found)
}

/// Reads the escape at an offset. Returns the UTF-16 code unit that it represents, and the offset after the escape.
///
/// # Errors
///
/// There is no valid escape. Half of a surrogate pair is a valid one, because only the caller knows what comes before
/// and after it.
#[inline]
pub fn read_escape(text: &[u8], at: usize) -> Result<(u16, usize), JsonTextError> {
    let Some([b'\\', byte, ..]) = text.get(at..) else { return read_long_escape(text, at) };
    let unit = match byte {
        b'"' | b'\\' | b'/' => *byte,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x08,
        b'f' => 0x0c,
        _ => return read_long_escape(text, at),
    };
    Ok((unit.into(), at + 2))
}

/// Reads a `\uXXXX` escape. It is separate so that [`read_escape`], which nearly always finds a short escape, is inlined.
#[cold]
fn read_long_escape(text: &[u8], at: usize) -> Result<(u16, usize), JsonTextError> {
    match text.get(at..) {
        Some([b'\\', b'u', ..]) => read_hex(text, at + 2),
        Some([b'\\', ..]) => Err(JsonTextError::not(Expected::Escape, text, at + 1)),
        _ => Err(JsonTextError::not(Expected::Byte(b'\\'), text, at)),
    }
}

/// Reads the four digits of a `\uXXXX` escape.
fn read_hex(text: &[u8], start: usize) -> Result<(u16, usize), JsonTextError> {
    let end = start + 4;
    let mut unit = 0;
    for at in start..end {
        let digit = text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let digit = digit.ok_or_else(|| JsonTextError::not(Expected::HexDigit, text, at))?;
        unit = unit << 4 | digit as u16;
    }
    Ok((unit, end))
}

/// Appends the JSON text of a string, which is UTF-8.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    write_inside(text, out);
    out.push(b'"');
}

/// Appends what comes between the quotes of a string, which is UTF-8.
pub fn write_inside(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    loop {
        let (plain, from) = rest.split_at(plain_len(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = from.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digit = |four_bits: u8| DIGITS[usize::from(four_bits)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let mut out = b"before".to_vec();
        write_string(text.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out[6..]), serde_json::to_string(text).expect("JSON"));
    }

    #[test]
    fn every_character_in_every_place() {
        for c in (0..0x300).filter_map(char::from_u32) {
            for place in 0..17 {
                check(&format!("{}{c}{}", "x".repeat(place), "y".repeat(16 - place)));
                check(&format!("{}{c}{c}", "\u{ff}".repeat(place)));
            }
        }
    }

    proptest! {
        #[test]
        fn plain_bytes(text: Vec<u8>) {
            let expected = text.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')).count();
            prop_assert_eq!(plain_len(&text), expected);
        }

        #[test]
        fn strings_are_written_as_serde_json_writes_them(text in any::<String>(), dense in "[\\x00-\\x22\\x5b-\\x5d\u{7f}-\u{90}]{0,60}") {
            check(&text);
            check(&dense);
            check(&(text + &dense));
        }
    }
}
