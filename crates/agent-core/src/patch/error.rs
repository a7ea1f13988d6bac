//! Why a patch does not apply.

use std::{io, path::PathBuf};

use super::PatchSummary;

/// Why a patch was not read or not applied, in words that a model can act on.
///
/// Unless the variant says otherwise, no file was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The text is no patch.
    #[error("line {line} of the patch: expected {expected}, found {found}")]
    Syntax {
        /// Where, counted from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A path is absolute or steps upwards.
    #[error(
        "line {line} of the patch: {path:?} is not below the working directory; name files relative to it, without `..`"
    )]
    PathNotBelow {
        /// Where, counted from 1.
        line: usize,
        /// The path as written.
        path: String,
    },
    /// A symbolic link leads elsewhere.
    #[error("{}: a symbolic link leads out of the working directory", path.display())]
    LeadsOut {
        /// The path as written.
        path: PathBuf,
    },
    /// A file to change or delete is not there.
    #[error("{}: there is no such file", path.display())]
    Missing {
        /// The path as written.
        path: PathBuf,
    },
    /// A file to add, or the name that a file is to get, is taken.
    #[error("{}: exists already; update it, or delete it first", path.display())]
    Exists {
        /// The path as written.
        path: PathBuf,
    },
    /// It is a folder, a device, or what else is no file.
    #[error("{}: is not a regular file", path.display())]
    NotAFile {
        /// The path as written.
        path: PathBuf,
    },
    /// Its content is not text.
    #[error("{}: is not UTF-8 text", path.display())]
    NotText {
        /// The path as written.
        path: PathBuf,
    },
    /// A heading of a hunk is not in the file.
    #[error("{}: the heading of the hunk at line {line} of the patch is not {}: {heading}", path.display(), in_file(*after))]
    NoHeading {
        /// The path as written.
        path: PathBuf,
        /// Where the hunk begins, counted from 1.
        line: usize,
        /// Where in the file the search began.
        after: usize,
        /// The line that was looked for.
        heading: String,
    },
    /// The lines of a hunk are not in the file.
    #[error(
        "{}: these lines of the hunk at line {line} of the patch are not {}:\n{lines}",
        path.display(),
        if *at_end { "the last of the file".to_owned() } else { in_file(*after) }
    )]
    NoMatch {
        /// The path as written.
        path: PathBuf,
        /// Where the hunk begins, counted from 1.
        line: usize,
        /// Where in the file the search began.
        after: usize,
        /// Whether they had to be the last ones.
        at_end: bool,
        /// The lines that were looked for.
        lines: String,
    },
    /// A file cannot be read.
    #[error("{}: can't be read", path.display())]
    Read {
        /// The path as written.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written. Those before it are.
    #[error("{}: can't be written{}", path.display(), done.aside())]
    Write {
        /// The path as written.
        path: PathBuf,
        /// What has been done already.
        done: PatchSummary,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

fn in_file(after: usize) -> String {
    if after == 0 { "in the file".to_owned() } else { format!("in the file after its line {after}") }
}
