//! Errors of patches.

use std::{io, path::PathBuf};

use super::PatchSummary;

/// Why a patch could not be parsed or applied, worded so that a model can correct it.
///
/// Unless the variant says otherwise, no file was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The text is not a patch.
    #[error("line {line} of the patch: expected {expected}, found {found}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The expected text.
        expected: &'static str,
        /// The text that was found.
        found: String,
    },
    /// A path is absolute or contains `..`.
    #[error(
        "line {line} of the patch: {path:?} is not below the working directory; name files relative to it, without `..`"
    )]
    PathNotBelow {
        /// The line, counted from 1.
        line: usize,
        /// The path as written.
        path: String,
    },
    /// A symbolic link leads out of the working directory.
    #[error("{}: a symbolic link leads out of the working directory", path.display())]
    LeadsOut {
        /// The path as written.
        path: PathBuf,
    },
    /// A file to change or delete does not exist.
    #[error("{}: the file does not exist", path.display())]
    Missing {
        /// The path as written.
        path: PathBuf,
    },
    /// A file to add, or the target of a move, already exists.
    #[error("{}: the file already exists; update it, or delete it first", path.display())]
    Exists {
        /// The path as written.
        path: PathBuf,
    },
    /// A symbolic link leads to nothing, or to itself.
    #[error("{}: a symbolic link leads to nothing; delete the link first, or create what it leads to", path.display())]
    DeadLink {
        /// The path as written.
        path: PathBuf,
    },
    /// A file is no longer as it was when the patch was prepared. The changes before it have been made.
    #[error(
        "{}: the file was changed by somebody else while the patch was applied, and was left as it is; read it again{}",
        path.display(),
        done.suffix()
    )]
    Changed {
        /// The path as written.
        path: PathBuf,
        /// The changes that have been made.
        done: PatchSummary,
    },
    /// The path names a folder, a device, or something else that is not a regular file.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// The path as written.
        path: PathBuf,
    },
    /// The file's content is not text.
    #[error("{}: the file is not UTF-8 text", path.display())]
    NotText {
        /// The path as written.
        path: PathBuf,
    },
    /// A heading of a hunk is not in the file.
    #[error("{}: the heading of the hunk at line {line} of the patch is not {}: {heading}", path.display(), in_file(*after))]
    NoHeading {
        /// The path as written.
        path: PathBuf,
        /// The line of the patch where the hunk begins, counted from 1.
        line: usize,
        /// The number of lines of the file before the searched part.
        after: usize,
        /// The heading.
        heading: String,
    },
    /// The lines of a hunk are not in the file.
    #[error(
        "{}: these lines of the hunk at line {line} of the patch are not {}:\n{lines}",
        path.display(),
        if *at_end { "at the end of the file".to_owned() } else { in_file(*after) }
    )]
    NoMatch {
        /// The path as written.
        path: PathBuf,
        /// The line of the patch where the hunk begins, counted from 1.
        line: usize,
        /// The number of lines of the file before the searched part.
        after: usize,
        /// Whether the lines must be the last lines of the file.
        at_end: bool,
        /// The lines.
        lines: String,
    },
    /// A file cannot be read.
    #[error("{}: the file cannot be read", path.display())]
    Read {
        /// The path as written.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written. The changes before it have been made.
    #[error("{}: the file cannot be written{}", path.display(), done.suffix())]
    Write {
        /// The path as written.
        path: PathBuf,
        /// The changes that have been made.
        done: PatchSummary,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
}

fn in_file(after: usize) -> String {
    if after == 0 { "in the file".to_owned() } else { format!("in the file after its line {after}") }
}
