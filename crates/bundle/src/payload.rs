//! Access to payload documents.

use std::{io, path::PathBuf};

use rollout_trace_schema::{PayloadRef, RawPayloadId, packed::Change};
use thiserror::Error;

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
    holes: usize,
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

    /// In how many places a mark stands for something that was stored and is damaged.
    pub fn holes(&self) -> usize {
        self.holes
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
        self.payload_id = Some(payload_id.clone());
        self.holes = 0;
        std::mem::swap(&mut self.bytes, document);
    }

    /// Lets `change` turn the document into another one in place. It gets the id of the one that is there, if that is whole.
    pub(crate) fn change<E>(
        &mut self,
        payload_id: &RawPayloadId,
        change: impl FnOnce(Option<&RawPayloadId>, &mut Vec<u8>) -> Result<Change, E>,
    ) -> Result<(), E> {
        let held = self.payload_id.as_ref().filter(|_| self.holes == 0);
        let change = change(held, &mut self.bytes)?;
        self.unchanged_prefix = change.prefix;
        self.unchanged_suffix = change.suffix;
        self.holes = change.holes.len();
        self.payload_id = Some(payload_id.clone());
        Ok(())
    }
}

/// The number of equal bytes at the start of both: whole blocks by `memcmp` first, for its speed.
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let start = blocks * BLOCK;
    start + left[start..].iter().zip(&right[start..]).take_while(|(l, r)| l == r).count()
}

/// The number of equal bytes at the end of both.
fn common_suffix(left: &[u8], right: &[u8]) -> usize {
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
