//! Cutting long texts into chunks, so that texts that have only some of their lines in common can share those.

/// The minimum length of a chunk that is looked up. A reference and a part's checksum take about 15 bytes.
const SHORTEST: usize = 256;

/// One in this many line ends is a cut, after the minimum length of a chunk.
const CUTS_PER_LINE: u64 = 8;

/// The minimum length of a text that is cut.
pub(super) const CUT_TEXT: usize = 8 * SHORTEST;

/// Divides a text at line ends that are chosen by the bytes before them. The same lines are therefore cut at the same
/// places, whatever surrounds them: a file that is read again from another line, or with one line changed, consists
/// mostly of known chunks.
///
/// The choice depends on a secret key, so that nobody who writes a text can choose where it is cut.
#[derive(Debug)]
pub(super) struct Cuts<'t> {
    rest: &'t [u8],
    key: u64,
}

/// A chunk of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk<'t> {
    pub(super) text: &'t [u8],
    /// Whether the chunk is long enough to be looked up.
    pub(super) is_worth_sharing: bool,
}

impl<'t> Cuts<'t> {
    pub(super) fn new(text: &'t [u8], key: u64) -> Self {
        Self { rest: text, key: key | 1 }
    }

    fn first_cut(&self) -> usize {
        let mut from = SHORTEST;
        while let Some(line_end) = self.rest.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            from += line_end + 1;
            let before = self.rest[..from].last_chunk().expect("a chunk is longer than a word");
            if u64::from_le_bytes(*before).wrapping_mul(self.key) < u64::MAX / CUTS_PER_LINE {
                return from;
            }
        }
        self.rest.len()
    }
}

impl<'t> Iterator for Cuts<'t> {
    type Item = Chunk<'t>;

    fn next(&mut self) -> Option<Chunk<'t>> {
        if self.rest.is_empty() {
            return None;
        }
        let (text, rest) = self.rest.split_at(self.first_cut());
        self.rest = rest;
        Some(Chunk { text, is_worth_sharing: text.len() >= SHORTEST })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_are_the_text(text in "[a\nb]{0,3000}", key: u64) {
            let chunks: Vec<Chunk<'_>> = Cuts::new(text.as_bytes(), key).collect();
            prop_assert_eq!(chunks.iter().map(|chunk| chunk.text).collect::<Vec<_>>().concat(), text.as_bytes());
            let Some((last, before)) = chunks.split_last() else { return Ok(()) };
            prop_assert!(before.iter().all(|chunk| chunk.is_worth_sharing && chunk.text.ends_with(b"\n")));
            prop_assert_eq!(last.is_worth_sharing, last.text.len() >= SHORTEST);
        }
    }

    #[test]
    fn texts_with_lines_in_common_have_chunks_in_common() {
        let lines: Vec<String> = (0..400).map(|line| format!("line {line} says {}\n", line * line)).collect();
        let (one, other) = (lines[..300].concat(), lines[57..].concat());
        let chunks = |text: &'static str| -> HashSet<&[u8]> {
            Cuts::new(text.as_bytes(), 0x9e37_79b9_7f4a_7c15).map(|chunk| chunk.text).collect()
        };
        let (one, other) = (chunks(one.leak()), chunks(other.leak()));
        let shared: usize = one.intersection(&other).map(|chunk| chunk.len()).sum();
        let common = lines[57..300].concat().len();
        assert!(shared * 3 > common * 2, "{shared} of {common} bytes are found again");
    }
}
