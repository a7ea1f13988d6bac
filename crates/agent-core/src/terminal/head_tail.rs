//! Keeps output of any length in bounded memory.

/// The approximate length of a token in English text or code.
const BYTES_PER_TOKEN: u64 = 4;

/// Returns the approximate number of tokens in a number of bytes.
fn tokens(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(usize::MAX)
}

/// Keeps the beginning and the end of an output, and counts the bytes between them. The beginning shows what ran, and
/// the end shows the result.
#[derive(Debug)]
pub(crate) struct HeadTail {
    /// The number of bytes that are kept at least, of the head and of the tail each.
    half: usize,
    head: String,
    /// Once the tail is not empty, the head stays unchanged. The tail grows to twice its share before it is cut, so
    /// that cuts are rare.
    tail: String,
    total: u64,
}

impl HeadTail {
    pub(crate) fn new(limit: usize) -> Self {
        Self { half: limit / 2, head: String::new(), tail: String::new(), total: 0 }
    }

    /// Creates a value that contains a whole text, to take an excerpt of it.
    pub(crate) fn of(text: &str) -> Self {
        let mut whole = Self::new(text.len().saturating_mul(2));
        whole.push(text);
        whole
    }

    pub(crate) fn push(&mut self, mut text: &str) {
        self.total += text.len() as u64;
        if self.tail.is_empty() {
            let (head, rest) = text.split_at(text.floor_char_boundary(self.half - self.head.len()));
            self.head.push_str(head);
            text = rest;
        }
        self.tail.push_str(text);
        if self.tail.len() > 2 * self.half {
            self.tail.drain(..self.tail.ceil_char_boundary(self.tail.len() - self.half));
        }
    }

    /// Takes the output, and leaves an empty one.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.half * 2))
    }

    /// Returns the approximate number of tokens in the whole output.
    pub(crate) fn token_count(&self) -> usize {
        tokens(self.total)
    }

    /// Returns at most `max_tokens` tokens of text, half of them from each end. A mark between the halves says how many
    /// tokens were cut.
    pub(crate) fn excerpt(&self, max_tokens: usize) -> String {
        let max_bytes = max_tokens.saturating_mul(BYTES_PER_TOKEN as usize);
        let kept = self.head.len() + self.tail.len();
        if kept as u64 == self.total && kept <= max_bytes {
            return [self.head.as_str(), &self.tail].concat();
        }
        let (whole, back_bytes);
        let (front, back) = if kept as u64 == self.total {
            whole = [self.head.as_str(), &self.tail].concat();
            back_bytes = max_bytes - max_bytes / 2;
            (whole.as_str(), whole.as_str())
        } else {
            // The length of the tail beyond its share depends on the pieces in which the output arrived.
            back_bytes = (max_bytes - max_bytes / 2).min(self.half);
            (self.head.as_str(), self.tail.as_str())
        };
        let front = &front[..front.floor_char_boundary(max_bytes / 2)];
        let back = &back[back.ceil_char_boundary(back.len().saturating_sub(back_bytes))..];
        let cut = tokens(self.total - (front.len() + back.len()) as u64);
        format!("{front}…{cut} tokens truncated…{back}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pushed(limit: usize, pieces: &[&str]) -> HeadTail {
        let mut output = HeadTail::new(limit);
        for piece in pieces {
            output.push(piece);
        }
        output
    }

    #[test]
    fn both_ends_are_kept() {
        let output = pushed(16, &["abcdefghij", "klmnopqrst", "uvwxyz0123456789"]);
        assert_eq!(output.excerpt(usize::MAX), "abcdefgh…5 tokens truncated…23456789");
        assert_eq!(output.excerpt(2), "abcd…7 tokens truncated…6789");
        assert_eq!(output.token_count(), 9);
    }

    #[test]
    fn output_within_the_limit_is_complete() {
        assert_eq!(HeadTail::of("abcdefgh").excerpt(2), "abcdefgh");
        assert_eq!(HeadTail::of("abcdefghi").excerpt(2), "abcd…1 tokens truncated…fghi");
        assert_eq!(pushed(100, &["abcdefgh"]).excerpt(2), "abcdefgh");
        assert_eq!(pushed(100, &["abcdefghi"]).excerpt(2), "abcd…1 tokens truncated…fghi");
        assert_eq!(pushed(100, &["abcdefghi"]).excerpt(0), "…3 tokens truncated…");
        assert_eq!(pushed(100, &[]).excerpt(0), "");
    }

    #[test]
    fn nothing_is_kept_with_a_limit_of_zero() {
        assert_eq!(pushed(0, &["abc", "def"]).excerpt(10), "…2 tokens truncated…");
    }

    #[test]
    fn taking_leaves_an_empty_output() {
        let mut output = pushed(4, &["abcdefgh"]);
        assert_eq!(output.take().excerpt(10), "ab…1 tokens truncated…gh");
        output.push("xy");
        assert_eq!(output.excerpt(10), "xy");
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_both_ends_are_exact(limit in 8..64usize, pieces: Vec<String>, max_tokens in 0..40usize) {
            let whole = pieces.concat();
            let mut output = HeadTail::new(limit);
            for piece in &pieces {
                output.push(piece);
                prop_assert!(output.head.len() + output.tail.len() <= 2 * limit);
            }
            let excerpt = output.excerpt(max_tokens);
            match excerpt.split_once("…").filter(|_| whole.len() > max_tokens * 4 || whole.len() > limit) {
                None => prop_assert_eq!(excerpt, whole),
                Some(_) => {
                    let mark = excerpt.find(" tokens truncated…").map(|end| &excerpt[..end]);
                    // A short output above the limit may still be complete.
                    if let Some(front) = mark.and_then(|text| text.rfind('…')).map(|at| &excerpt[..at]) {
                        let back = &excerpt[excerpt.rfind(" tokens truncated…").unwrap() + " tokens truncated…".len()..];
                        prop_assert!(whole.starts_with(front) && whole.ends_with(back));
                        prop_assert!(front.len() + back.len() <= max_tokens * 4);
                    }
                }
            }
        }
    }
}
