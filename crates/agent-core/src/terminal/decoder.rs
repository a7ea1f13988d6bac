//! Decodes the bytes of a terminal.

/// Decodes UTF-8 that arrives in pieces. Invalid bytes become U+FFFD, and a character that is cut by the end of a piece
/// is kept until the rest arrives.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The first bytes of an incomplete character, at most three.
    incomplete: Vec<u8>,
}

impl Decoder {
    /// Adds bytes, and returns the text that is complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let mut input = std::mem::take(&mut self.incomplete);
        input.extend_from_slice(bytes);
        let mut text = String::with_capacity(input.len());
        let mut chunks = input.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            let is_incomplete = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_incomplete && chunks.peek().is_none() {
                self.incomplete = invalid.to_vec();
            } else {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Returns the rest of the text when no more bytes come.
    pub(crate) fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.incomplete).is_empty() { "" } else { "\u{FFFD}" }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces(bytes: &[u8], cuts: &[usize]) -> String {
        let mut decoder = Decoder::default();
        let mut text = String::new();
        let mut start = 0;
        for cut in cuts.iter().map(|cut| cut % (bytes.len() + 1)).filter(|cut| *cut > 0) {
            let end = (start + cut).min(bytes.len());
            text.push_str(&decoder.push(&bytes[start..end]));
            start = end;
        }
        text.push_str(&decoder.push(&bytes[start..]));
        text.push_str(decoder.finish());
        text
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text: String, noise: Vec<u8>, cuts in prop::collection::vec(any::<usize>(), 0..20)) {
            let mut bytes = text.into_bytes();
            bytes.extend(noise);
            bytes.extend("é✓🦀".bytes());
            prop_assert_eq!(in_pieces(&bytes, &cuts), String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn a_byte_at_a_time(text: String) {
            prop_assert_eq!(in_pieces(text.as_bytes(), &vec![1; text.len()]), text);
        }
    }

    #[test]
    fn a_character_waits_for_its_end() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(b"a\xE2\x9C"), "a");
        assert_eq!(decoder.push(b"\x93b\xF0"), "✓b");
        assert_eq!(decoder.finish(), "\u{FFFD}");
        assert_eq!(decoder.finish(), "");
    }
}
