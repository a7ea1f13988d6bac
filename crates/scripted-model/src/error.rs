//! Errors of scripts, of the server, and of requests.

use std::{io, path::PathBuf};

/// Why a script cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The text is not a script.
    #[error("{name} is not a script")]
    Parse {
        /// The script's name.
        name: String,
        /// The error of the TOML parser, with its place.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An item has none, or more than one, of the keys that say what it is.
    #[error("{name}: item {item} of reply {reply} must have exactly one of say, think, call, code, patch and raw")]
    Item {
        /// The script's name.
        name: String,
        /// The reply's place in the script, counted from 1.
        reply: usize,
        /// The item's place in the reply, counted from 1.
        item: usize,
    },
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1:{port}")]
pub struct ServeError {
    /// The requested port; 0 means any free port.
    pub port: u16,
    /// The I/O error.
    #[source]
    pub source: io::Error,
}

/// Why a request is refused, in words that follow those of providers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("the body is not JSON: {0}")]
    Body(serde_json::Error),
    #[error("the request has no input")]
    NoInput,
    #[error("this server only streams: \"stream\" must be true")]
    NotStreamed,
    #[error("no tool output found for call {0}")]
    MissingOutput(String),
    #[error("no tool call found for the output of {0}")]
    MissingCall(String),
    #[error("previous response {0} not found")]
    UnknownPrevious(String),
    #[error("the script has no further reply for {agent}; its newest input item is {newest}")]
    NoReply { agent: String, newest: String },
}
