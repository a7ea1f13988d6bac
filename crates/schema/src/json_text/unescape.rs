//! The inverse of [`write_inside`](super::write_inside).

use super::plain_len;

/// Replaces `text` by the string whose JSON text, without the quotes, is `inside`.
///
/// Returns `false` if `inside` is not exactly what [`write_inside`](super::write_inside) writes for that string. The
/// content of `text` is then unspecified.
pub fn unescape_written(inside: &[u8], text: &mut Vec<u8>) -> bool {
    text.clear();
    let mut rest = inside;
    loop {
        let (plain, from) = rest.split_at(plain_len(rest));
        text.extend_from_slice(plain);
        let (byte, len) = match *from {
            [] => return true,
            [b'\\', escaped @ (b'"' | b'\\'), ..] => (escaped, 2),
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b'b', ..] => (0x08, 2),
            [b'\\', b'f', ..] => (0x0c, 2),
            [b'\\', b'u', b'0', b'0', high @ (b'0' | b'1'), low, ..] => {
                let low = match low {
                    b'0'..=b'9' => low - b'0',
                    b'a'..=b'f' => low - b'a' + 10,
                    _ => return false,
                };
                let byte = (high - b'0') << 4 | low;
                if matches!(byte, b'\n' | b'\t' | b'\r' | 0x08 | 0x0c) {
                    return false;
                }
                (byte, 6)
            }
            _ => return false,
        };
        text.push(byte);
        rest = &from[len..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json_text::write_inside;

    fn written(text: &[u8]) -> Vec<u8> {
        let mut written = Vec::new();
        write_inside(text, &mut written);
        written
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[\\x00-\\x22\\x5b-\\x5d\u{7f}-\u{90}a-c]{0,60}") {
            let mut read = b"before".to_vec();
            prop_assert!(unescape_written(&written(text.as_bytes()), &mut read));
            prop_assert_eq!(read, text.as_bytes());
        }

        #[test]
        fn what_is_read_is_written_back(inside in "[\\\\unbrtf/\"01aF\n]{0,12}") {
            let mut read = Vec::new();
            if unescape_written(inside.as_bytes(), &mut read) {
                prop_assert_eq!(written(&read), inside.as_bytes());
            }
        }
    }
}
