//! Why a bundle cannot be brought into another form.

use std::{env, io, path::PathBuf};

use thiserror::Error;

/// Why a bundle could not be converted, packed or unpacked. Nothing is left of the attempt.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// Something already exists at the path of the result.
    #[error("{} already exists", path.display())]
    Exists {
        /// Where the result should have gone.
        path: PathBuf,
    },
    /// The result would be inside the bundle that it is made from.
    #[error("{} is inside the bundle itself", path.display())]
    Inside {
        /// Where the result should have gone.
        path: PathBuf,
    },
    /// The bundle has schema 3, which does not have one file per payload.
    #[error("{} has schema 3, which does not store payloads in one file each", path.display())]
    NoFilesLayout {
        /// The bundle.
        path: PathBuf,
    },
    /// The bundle does not have schema 3, which alone has shards.
    #[error("{} does not have schema 3, and no other schema stores payloads in shards", path.display())]
    NoShardsLayout {
        /// The bundle.
        path: PathBuf,
    },
    /// The bundle is not of schema 2, which is the only one that can be turned into schema 3.
    #[error("{} {}, and only a bundle of schema 2 can be turned into one of schema 3", path.display(), stated(*found))]
    NotSchema2 {
        /// The bundle.
        path: PathBuf,
        /// The schema version that the bundle states.
        found: Option<u32>,
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
    /// A temporary file cannot be written.
    #[error("cannot write to {}, the folder for temporary files", folder.display())]
    Temporary {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is not an archive of one bundle.
    #[error("{} is not an archive of a bundle: {reason}", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive contains more than one bundle.
    #[error("{} contains several bundles: {bundles}", path.display())]
    SeveralBundles {
        /// The archive.
        path: PathBuf,
        /// The folders of the first few bundles.
        bundles: String,
    },
}

impl ConvertError {
    /// Returns what a person can do about the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "it was not changed; use -o to write elsewhere",
            Self::Inside { .. } => "use -o to write elsewhere",
            Self::NoFilesLayout { .. } => {
                "use --layout packed or --layout shards; `rollout-trace payload` prints a single payload"
            }
            Self::NoShardsLayout { .. } => "use --schema 3 to turn a bundle of schema 2 into one with shards",
            Self::NotSchema2 { .. } => "every other command reads it as it is",
            Self::Read { .. } => "check the path and its permissions",
            Self::Write { .. } => "nothing was left behind; use -o to write elsewhere",
            Self::Temporary { .. } => "make room there, or set TMPDIR to another folder",
            Self::NotAnArchive { .. } => {
                "name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder"
            }
            Self::SeveralBundles { .. } => "unpack it with tar, and name one of its folders",
        }
    }

    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.into(), source }
    }

    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.into(), source }
    }

    pub(crate) fn temporary(error: io::Error) -> Self {
        // The original error may name the temporary file, which means nothing to the user.
        Self::Temporary { folder: env::temp_dir(), source: error.kind().into() }
    }
}

fn stated(found: Option<u32>) -> String {
    found.map_or_else(|| "does not state its schema version".to_owned(), |found| format!("is of schema {found}"))
}

/// Something that is missing from the result, entirely or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The path in the bundle.
    pub path: String,
    /// Why it is lost.
    pub reason: String,
}
