//! A patch as it is written, before anybody has looked at files.

use std::path::PathBuf;

use super::{PatchError, parser};

/// Changes to files, as a model asked for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub(crate) sections: Vec<Section>,
}

impl Patch {
    /// Reads a patch. It may stand in a shell's here-document, as in `apply_patch <<'EOF'`.
    ///
    /// # Errors
    /// Says in which line what was expected.
    pub fn parse(text: &str) -> Result<Self, PatchError> {
        parser::parse(text)
    }
}

/// What to do with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// Relative, and without steps upwards.
    pub(crate) path: PathBuf,
    pub(crate) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The whole content.
    Add(String),
    Delete,
    Update {
        move_to: Option<PathBuf>,
        hunks: Vec<Hunk>,
    },
}

/// One place in a file and what changes there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// Where it begins in the patch, counted from 1.
    pub(crate) line: usize,
    /// Lines of the file above the place, from the outermost in.
    pub(crate) headings: Vec<String>,
    pub(crate) lines: Vec<HunkLine>,
    /// Whether its last line that is not added is the last of the file.
    pub(crate) at_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HunkLine {
    Context(String),
    Removed(String),
    Added(String),
}

impl HunkLine {
    /// Gives the text if the file must have it.
    pub(crate) fn before(&self) -> Option<&str> {
        match self {
            Self::Context(text) | Self::Removed(text) => Some(text),
            Self::Added(_) => None,
        }
    }
}
