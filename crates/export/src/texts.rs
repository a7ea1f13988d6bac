//! How much of the texts of a rollout an export holds.
//!
//! Source: exports, section 1.

use std::borrow::Cow;

/// How much of the texts of a rollout an export holds: prompts, answers, arguments, results, commands and errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// Nothing.
    #[default]
    None,
    /// Texts; of a request only those of the items that it shows for the first time.
    New,
    /// Texts; of a request all.
    Full,
}

impl Content {
    /// Returns the word for it that exports write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::New => "new",
            Self::Full => "full",
        }
    }
}

/// Which texts an export holds, and how much of each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts {
    /// Which texts.
    pub content: Content,
    /// The most bytes of a text; longer ones are cut. `None` means no limit.
    pub max_bytes: Option<usize>,
}

impl Texts {
    /// Returns whether there are any texts.
    pub(crate) fn any(self) -> bool {
        self.content != Content::None
    }
}

/// Cuts texts, and counts what it cuts off.
#[derive(Debug)]
pub(crate) struct Cutter {
    max_bytes: usize,
    left_out: u64,
}

impl Cutter {
    pub(crate) fn new(texts: Texts) -> Self {
        Self { max_bytes: texts.max_bytes.unwrap_or(usize::MAX), left_out: 0 }
    }

    /// Returns the beginning of a text.
    pub(crate) fn cut<'t>(&mut self, text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
        let text = text.into();
        let short = beginning(&text, self.max_bytes);
        self.left_out += (text.len() - short.len()) as u64;
        if short.len() == text.len() {
            return text;
        }
        let kept = short.len();
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..kept]),
            Cow::Owned(mut text) => {
                text.truncate(kept);
                Cow::Owned(text)
            }
        }
    }

    /// Returns how many bytes were cut off since that was asked last.
    pub(crate) fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

/// The most bytes of a name that a model may have chosen.
const NAME_BYTES: usize = 128;

/// Returns a name that a model may have chosen, cut if it is long.
pub(crate) fn name(text: &str) -> &str {
    beginning(text, NAME_BYTES)
}

/// Returns the beginning of a text, which ends between two characters.
pub(crate) fn beginning(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let mut cutter = Cutter::new(Texts { content: Content::Full, max_bytes: Some(4) });
        assert_eq!(cutter.cut("abcd"), "abcd");
        assert_eq!(cutter.cut("abcé"), "abc");
        assert_eq!(cutter.cut("abcdef".to_owned()), "abcd");
        assert_eq!(cutter.take_left_out(), 4);
        assert_eq!(Cutter::new(Texts::default()).cut("abcdef"), "abcdef");
    }

    #[test]
    fn names_are_cut() {
        assert_eq!(name("/root"), "/root");
        assert_eq!(name(&"é".repeat(100)).len(), 128);
    }
}
