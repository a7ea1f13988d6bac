//! Access to payload documents.

use std::{io, path::PathBuf, sync::Arc};

use rollout_trace_schema::{PayloadRef, RawPayloadId, packed::Hole};
use thiserror::Error;

use crate::packed::Segment;

/// Gives payload documents by reference.
pub trait PayloadSource {
    /// Replaces what `buffer` holds by the referenced document, and tells the buffer how much of it stayed the same.
    ///
    /// # Errors
    ///
    /// The document cannot be had, and `buffer` is as it was.
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError>;
}

/// Holds one document at a time and remembers what it has in common with the one before.
///
/// A model-facing request repeats the one before it in its thread, so a reader that keeps a buffer for each thread need not
/// look at the repeated part again.
#[derive(Debug, Default)]
pub struct PayloadBuffer {
    bytes: Vec<u8>,
    unchanged_prefix: usize,
    unchanged_suffix: usize,
    payload_id: Option<RawPayloadId>,
    holes: Vec<Hole>,
    held: Option<Held>,
}

/// The document of a pack that a buffer holds, whole and unmarked.
#[derive(Debug)]
pub(crate) struct Held {
    /// Tells the packs apart.
    pub(crate) token: Arc<()>,
    pub(crate) number: u64,
    /// Where its bytes lie, if that had to be found out.
    pub(crate) layout: Option<Vec<Segment>>,
}

impl PayloadBuffer {
    /// The document's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes at the start are those of the document before, at the same place.
    pub fn unchanged_prefix(&self) -> usize {
        self.unchanged_prefix
    }

    /// How many bytes at the end are those at the end of the document before. They do not overlap the prefix.
    pub fn unchanged_suffix(&self) -> usize {
        self.unchanged_suffix
    }

    /// The document that the buffer holds, if any.
    pub fn payload_id(&self) -> Option<&RawPayloadId> {
        self.payload_id.as_ref()
    }

    /// Where marks stand for bytes that are damaged. There are none in a sound document.
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Forgets the document, so that the next one has nothing in common with it, and gives its memory back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Exchanges the document for the one in `document` (which then holds the old one) and compares the two.
    pub fn replace(&mut self, payload_id: &RawPayloadId, document: &mut Vec<u8>) {
        let shorter = self.bytes.len().min(document.len());
        self.unchanged_prefix = common_prefix(&self.bytes, document);
        let rest = shorter - self.unchanged_prefix;
        self.unchanged_suffix =
            common_suffix(&self.bytes[self.bytes.len() - rest..], &document[document.len() - rest..]);
        std::mem::swap(&mut self.bytes, document);
        self.renamed(payload_id);
    }

    /// Puts other bytes between the first `prefix` bytes of the document and its last `suffix` bytes, which stay.
    pub fn patch(&mut self, payload_id: &RawPayloadId, prefix: usize, suffix: usize, middle: &[u8]) {
        let prefix = prefix.min(self.bytes.len());
        let suffix = suffix.min(self.bytes.len() - prefix);
        let (old_len, new_len) = (self.bytes.len(), prefix + middle.len() + suffix);
        self.bytes.resize(old_len.max(new_len), 0);
        self.bytes.copy_within(old_len - suffix..old_len, new_len - suffix);
        self.bytes[prefix..new_len - suffix].copy_from_slice(middle);
        self.bytes.truncate(new_len);
        (self.unchanged_prefix, self.unchanged_suffix) = (prefix, suffix);
        self.renamed(payload_id);
    }

    fn renamed(&mut self, payload_id: &RawPayloadId) {
        self.payload_id = Some(payload_id.clone());
        self.holes.clear();
        self.held = None;
    }

    /// The document that the buffer holds, if it is one of the pack with this token.
    pub(crate) fn held(&self, token: &Arc<()>) -> Option<&Held> {
        self.held.as_ref().filter(|held| Arc::ptr_eq(&held.token, token))
    }

    pub(crate) fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }

    pub(crate) fn mark_holes(&mut self, holes: Vec<Hole>) {
        self.holes = holes;
    }
}

/// The number of equal bytes at the start of both: whole blocks by `memcmp` first, for its speed.
pub(crate) fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let start = blocks * BLOCK;
    start + left[start..].iter().zip(&right[start..]).take_while(|(l, r)| l == r).count()
}

/// The number of equal bytes at the end of both.
pub(crate) fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = left.rchunks_exact(BLOCK).zip(right.rchunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let skip = blocks * BLOCK;
    let (left, right) = (&left[..left.len() - skip], &right[..right.len() - skip]);
    skip + left.iter().rev().zip(right.iter().rev()).take_while(|(l, r)| l == r).count()
}

/// Why a payload document cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// There is no such document.
    #[error("no file {path}")]
    Missing {
        /// The path as the reference has it.
        path: String,
    },
    /// There is no such document, neither in the pack file nor beside it.
    #[error("{path} is neither in payloads.pack nor a file")]
    NotPacked {
        /// The path as the reference has it.
        path: String,
    },
    /// The reference points out of the bundle.
    #[error("the path {path} leads out of the bundle; it was not opened")]
    Escapes {
        /// The path as the reference has it.
        path: String,
    },
    /// What lies there is no file.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// The path as the reference has it.
        path: String,
    },
    /// The document is larger than [`Limits::max_payload_bytes`](crate::Limits::max_payload_bytes).
    #[error("{path} has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The path as the reference has it.
        path: String,
        /// The document's size.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// The document cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The document was stored and is damaged.
    #[error("{what}")]
    Damaged {
        /// What is wrong where.
        what: String,
    },
}
