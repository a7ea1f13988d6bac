//! The syntax tree of a patch.

use std::path::PathBuf;

use super::{PatchError, parser};

/// The changes to files that a model requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub(crate) sections: Vec<Section>,
}

impl Patch {
    /// Parses a patch, which may be wrapped in a shell's here-document, as in `apply_patch <<'EOF'`.
    ///
    /// # Errors
    ///
    /// Returns an error that names the line and the expected text.
    pub fn parse(text: &str) -> Result<Self, PatchError> {
        parser::parse(text)
    }
}

/// The change to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// A relative path without `..`.
    pub(crate) path: PathBuf,
    pub(crate) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The whole content of a new file.
    Add(String),
    Delete,
    Update {
        move_to: Option<PathBuf>,
        hunks: Vec<Hunk>,
    },
}

/// One place in a file and the change there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// The line of the patch where the hunk begins, counted from 1.
    pub(crate) line: usize,
    /// Lines of the file above the place, from the outermost to the innermost.
    pub(crate) headings: Vec<String>,
    pub(crate) lines: Vec<HunkLine>,
    /// Whether the hunk's last line that is not added is the last line of the file.
    pub(crate) at_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HunkLine {
    Context(String),
    Removed(String),
    Added(String),
}

impl HunkLine {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Context(text) | Self::Removed(text) | Self::Added(text) => text,
        }
    }

    /// Returns the text if the file must contain it before the change.
    pub(crate) fn before(&self) -> Option<&str> {
        match self {
            Self::Context(text) | Self::Removed(text) => Some(text),
            Self::Added(_) => None,
        }
    }
}
