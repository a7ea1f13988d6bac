//! Where payload documents come from.

use std::{io, path::PathBuf};

use rollout_trace_schema::PayloadRef;
use thiserror::Error;

use crate::PayloadBuffer;

/// Loads payload documents by reference.
pub trait PayloadSource {
    /// Replaces the document in `buffer` with the referenced one, and records in it what the two have in common.
    ///
    /// # Errors
    ///
    /// The document cannot be loaded. `buffer` is then unchanged.
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError>;

    /// Returns `true` if the source can tell, at less than the cost of loading, that the document can be loaded, is
    /// JSON and nests no deeper than the limit. `false` says nothing about the document.
    fn is_json(&mut self, reference: &PayloadRef, max_nesting: usize) -> bool {
        let _ = (reference, max_nesting);
        false
    }

    /// Returns how many bytes are stored for the documents that were loaded so far, for comparison with what is made of
    /// them. A document that was loaded again counts once. A source that does not know it returns the maximum, and
    /// nothing is compared.
    fn stored_bytes(&mut self) -> u64 {
        u64::MAX
    }
}

/// Why a payload document cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The document does not exist.
    #[error("no file {path}")]
    Missing {
        /// The path as written in the reference.
        path: String,
    },
    /// The reference names no place where the source could look.
    #[error("the reference to {payload} does not say where the payload is")]
    NoPlace {
        /// The payload's id.
        payload: String,
    },
    /// The recorder cut the document or left it out because of a limit. This is not damage.
    #[error("{payload} was cut or left out because the recording has limits")]
    NotRecorded {
        /// The payload's id.
        payload: String,
    },
    /// The document is not in its shard.
    #[error("{payload} is not in {path}")]
    NotInShard {
        /// The payload's id.
        payload: String,
        /// The path of the shard.
        path: String,
    },
    /// The document is neither in the pack file nor beside it.
    #[error("{path} is neither in payloads.pack nor a file")]
    NotPacked {
        /// The path as written in the reference.
        path: String,
    },
    /// The reference leads out of the bundle.
    #[error("the path {path} leads out of the bundle; it was not opened")]
    Escapes {
        /// The path as written in the reference.
        path: String,
    },
    /// A link is at the reference's path, or at that of a folder in it. Links are not followed, wherever they lead.
    #[error("the path {path} leads through a link; it was not opened")]
    Link {
        /// The path as written in the reference.
        path: String,
    },
    /// The path does not lead to a regular file.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// The path as written in the reference.
        path: String,
    },
    /// The document is larger than [`Limits::max_payload_bytes`](crate::Limits::max_payload_bytes).
    #[error("{path} has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The path as written in the reference.
        path: String,
        /// The document's size.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// The documents that were loaded before amount to more than
    /// [`Limits::max_total_payload_bytes`](crate::Limits::max_total_payload_bytes).
    #[error("{payload} was not read: payloads of more than {limit} bytes were (max_total_payload_bytes)")]
    TotalTooLarge {
        /// The payload's id or path.
        payload: String,
        /// The limit.
        limit: u64,
    },
    /// The documents that were loaded before are far longer than what is stored, by more than
    /// [`Limits::max_amplified_bytes`](crate::Limits::max_amplified_bytes).
    #[error(
        "{payload} was not read: the payloads before it are more than {limit} bytes longer than what is stored \
        (max_amplified_bytes)"
    )]
    AmplifiedTooLarge {
        /// The payload's id or path.
        payload: String,
        /// The limit.
        limit: u64,
    },
    /// What was made of the documents before is far larger than what is stored, by more than
    /// [`Limits::max_amplified_bytes`](crate::Limits::max_amplified_bytes).
    #[error(
        "{payload} does not count: the graph is more than {limit} bytes larger than ten times what is stored \
        (max_amplified_bytes)"
    )]
    GraphTooLarge {
        /// The payload's id or path.
        payload: String,
        /// The limit.
        limit: u64,
    },
    /// The document cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The document is stored, but damaged.
    #[error("{what}")]
    Damaged {
        /// What is wrong, and where.
        what: String,
    },
}
