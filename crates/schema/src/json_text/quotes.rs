//! Strings and their quotes, in text that need not be JSON.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// Returns the offset after the closing quote of the string whose opening quote is at `start`; `None` if it has none.
///
/// Looks only for the quote that is not escaped. What the string holds is not checked.
#[inline]
pub fn string_end(text: &[u8], start: usize) -> Option<usize> {
    Quotes::new(text, start + 1).next().map(|quote| quote + 1)
}

/// Returns where the strings of a text are, including their quotes. The text begins outside of strings.
pub fn strings(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr(b'"', text.get(at..)?)?;
        at = string_end(text, start)?;
        Some(start..at)
    })
}

/// Finds the quotes of a text that are not escaped, each of which begins or ends a string.
///
/// Whether the first one begins or ends one depends on where the text comes from.
#[derive(Clone, Debug)]
pub struct Quotes<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Quotes<'t> {
    /// Looks for quotes from an offset on, which must not be inside of an escape.
    pub fn new(text: &'t [u8], at: usize) -> Self {
        Self { text, at }
    }
}

impl Iterator for Quotes<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        loop {
            let found = self.at + memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[found] == b'"' {
                self.at = found + 1;
                return Some(found);
            }
            self.at = found + 2;
        }
    }
}
