//! JSON strings, written as `serde_json` writes them but eight bytes at a time.

/// Each byte of a word is this one.
const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const HIGH: u64 = every(0x80);

/// Marks the high bit of bytes that must be escaped. Only the lowest mark is sure; without a mark there is none.
fn marks(word: u64) -> u64 {
    let zeros = |word: u64| word.wrapping_sub(every(1)) & !word;
    let control = word.wrapping_sub(every(0x20)) & !word;
    (control | zeros(word ^ every(b'"')) | zeros(word ^ every(b'\\'))) & HIGH
}

/// Where the first byte at or behind `at` is that must be escaped; the length if there is none.
fn next_escape(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text[at..].first_chunk::<8>() {
        let marks = marks(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let must = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    text[at..].iter().position(must).map_or(text.len(), |found| at + found)
}

/// Appends the JSON text of a string, which is UTF-8.
pub(crate) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    write_inside(text, out);
    out.push(b'"');
}

/// Appends what stands between the quotes of a string, which is UTF-8.
pub(super) fn write_inside(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut copied = 0;
    loop {
        let at = next_escape(text, copied);
        out.extend_from_slice(&text[copied..at]);
        let Some(&byte) = text.get(at) else { break };
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\t' => b't',
            b'\r' => b'r',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(DIGITS[usize::from(byte >> 4)]);
                DIGITS[usize::from(byte & 15)]
            }
        };
        if byte >= 0x20 || matches!(byte, b'\n' | b'\t' | b'\r' | 0x08 | 0x0c) {
            out.push(b'\\');
        }
        out.push(short);
        copied = at + 1;
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
        fn strings_are_written_as_serde_json_writes_them(text in any::<String>(), dense in "[\\x00-\\x22\\x5b-\\x5d\u{7f}-\u{90}]{0,60}") {
            check(&text);
            check(&dense);
            check(&(text + &dense));
        }
    }
}
