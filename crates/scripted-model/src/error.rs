//! What keeps a script from being played.

use std::{io, path::PathBuf};

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The text is not a script.
    #[error("{name} is not a script")]
    Parse {
        /// The script's name.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An item says nothing, or more than one thing.
    #[error("{name}: item {item} of reply {reply} must have exactly one of say, think, call, code, patch and raw")]
    Item {
        /// The script's name.
        name: String,
        /// The reply's place in the script, from 1.
        reply: usize,
        /// The item's place in the reply, from 1.
        item: usize,
    },
}

/// A server that cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1:{port}")]
pub struct ServeError {
    /// The port that was asked for; 0 for any.
    pub port: u16,
    /// Why.
    #[source]
    pub source: io::Error,
}
