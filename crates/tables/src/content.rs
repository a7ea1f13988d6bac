//! How much of the texts of rollouts tables hold.

/// How much of the texts of rollouts tables hold.
///
/// Without content, a table has ids, kinds, statuses, names, times and counts. Bundles hold prompts, source code, command
/// lines and secrets, so the least is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// No texts.
    #[default]
    None,
    /// The SHA-256 of the texts of items. Equal texts can be joined, and texts that can be guessed can be confirmed.
    Hash,
    /// The texts, and their SHA-256.
    Full,
}

impl Content {
    /// Returns the content as it is named in options and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hash => "hash",
            Self::Full => "full",
        }
    }
}

/// What rows hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How much of the texts they hold.
    pub content: Content,
    /// The longest text, in bytes; longer ones are cut at the end of a character. No limit if it is 0.
    pub max_text: usize,
}

impl Options {
    /// Returns as much of a text as rows hold.
    pub(crate) fn text<'t>(
        &self,
        text: impl FnOnce() -> std::borrow::Cow<'t, str>,
    ) -> Option<std::borrow::Cow<'t, str>> {
        if self.content != Content::Full {
            return None;
        }
        let mut text = text();
        if self.max_text > 0 && text.len() > self.max_text {
            let end = text.floor_char_boundary(self.max_text);
            match &mut text {
                std::borrow::Cow::Borrowed(text) => *text = &text[..end],
                std::borrow::Cow::Owned(text) => text.truncate(end),
            }
        }
        Some(text)
    }
}
