//! Errors of starting a recording.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why recording could not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The trace root cannot be made.
    #[error("cannot make the trace root {}", path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The bundle's folder or one of its files cannot be made.
    #[error("cannot begin a trace bundle in {}", path.display())]
    Bundle {
        /// The bundle's folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}
