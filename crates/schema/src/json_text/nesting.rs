//! How deep a text nests.

use super::{JsonTextError, JsonTextReason, string_end};

/// How deep the documents of a bundle may nest, unless a reader is given another limit.
///
/// Real sessions stay below 30 levels. A reader that recurses needs a few hundred bytes of stack for each level.
pub const MAX_NESTING: usize = 512;

/// How many arrays and objects are open at a place in a document, and how many may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nesting {
    open: usize,
    limit: usize,
}

impl Nesting {
    /// Returns the nesting outside of a document that may nest up to the limit.
    pub const fn new(limit: usize) -> Self {
        Self { open: 0, limit }
    }

    /// Returns the nesting inside of an array or object that begins at `offset`.
    ///
    /// # Errors
    ///
    /// It would nest deeper than the limit.
    #[inline]
    pub fn deeper(self, offset: usize) -> Result<Self, JsonTextError> {
        if self.open < self.limit {
            Ok(Self { open: self.open + 1, ..self })
        } else {
            Err(JsonTextError { offset, reason: JsonTextReason::TooDeep { limit: self.limit } })
        }
    }

    /// Returns the nesting outside of an array or object that ends.
    #[inline]
    pub(super) fn shallower(self) -> Self {
        Self { open: self.open - 1, ..self }
    }
}

impl Default for Nesting {
    fn default() -> Self {
        Self::new(MAX_NESTING)
    }
}

/// Checks that a text nests no deeper than the limit, and nothing else about it.
///
/// A parser that recurses is safe on a text that passes, even if the text is not JSON.
///
/// # Errors
///
/// The text nests deeper than the limit.
pub fn check_nesting(text: &[u8], limit: usize) -> Result<(), JsonTextError> {
    if text.len() <= limit {
        return Ok(());
    }
    let (mut at, mut open) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match string_end(text, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return Ok(()),
            },
            b'[' | b'{' if open == limit => {
                return Err(JsonTextError { offset: at, reason: JsonTextReason::TooDeep { limit } });
            }
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}
