//! Reading back what [`escape`](super::escape) writes, and nothing else.

/// Puts into `text` what the inside of a JSON string says. False: it is not written as the recorder would write it.
pub(super) fn read_string(written: &[u8], text: &mut Vec<u8>) -> bool {
    text.clear();
    let mut rest = written;
    loop {
        let plain = rest.iter().position(|&byte| byte < 0x20 || matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
        text.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let (byte, len) = match *rest {
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
        rest = &rest[len..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::walk::escape;

    fn written(text: &[u8]) -> Vec<u8> {
        let mut written = Vec::new();
        escape::write_string(text, &mut written);
        written
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[\\x00-\\x22\\x5b-\\x5d\u{7f}-\u{90}a-c]{0,60}") {
            let written = written(text.as_bytes());
            let mut read = b"before".to_vec();
            prop_assert!(read_string(&written[1..written.len() - 1], &mut read));
            prop_assert_eq!(read, text.as_bytes());
        }

        #[test]
        fn what_is_read_is_written_back(bytes in "[\\\\unbrtf/\"01aF\n]{0,12}") {
            let mut read = Vec::new();
            if read_string(bytes.as_bytes(), &mut read) {
                let written = written(&read);
                prop_assert_eq!(&written[1..written.len() - 1], bytes.as_bytes());
            }
        }
    }
}
