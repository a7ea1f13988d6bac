//! What goes wrong when a bundle is brought into another form.

use std::{env, io, path::PathBuf};

use thiserror::Error;

/// Why a bundle could not be converted, packed or unpacked. Nothing is left of the attempt.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// There is something where the result should go.
    #[error("{} is there already", path.display())]
    Exists {
        /// Where the result should have gone.
        path: PathBuf,
    },
    /// The result would lie in the bundle that it is made of.
    #[error("{} lies in the bundle itself", path.display())]
    Inside {
        /// Where the result should have gone.
        path: PathBuf,
    },
    /// The bundle can no longer be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The result cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What is only needed meanwhile cannot be written.
    #[error("cannot write to {}, the folder for temporary files", folder.display())]
    Temporary {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is no archive.
    #[error("{} is no archive of a bundle: {reason}", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConvertError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "it was left as it is; use -o to write elsewhere",
            Self::Inside { .. } => "use -o to write elsewhere",
            Self::Read { .. } => "check the path and its permissions",
            Self::Write { .. } => "nothing of the result was left; use -o to write elsewhere",
            Self::Temporary { .. } => "make room there, or set TMPDIR to another folder",
            Self::NotAnArchive { .. } => "give a file that rollout-trace pack made",
        }
    }

    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.into(), source }
    }

    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.into(), source }
    }

    pub(super) fn temporary(error: io::Error) -> Self {
        // The error as it comes may name the temporary file, which nobody asked for.
        Self::Temporary { folder: env::temp_dir(), source: error.kind().into() }
    }
}

/// Something that the result does not have, or not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Its path in the bundle.
    pub path: String,
    /// Why it is lost.
    pub reason: String,
}
