//! The document that a reader has loaded last.

use std::any::Any;

use rollout_trace_schema::{
    RawPayloadId,
    packed::{Hole, common_prefix, common_suffix},
};

/// Holds one document at a time and remembers what it has in common with the one before.
///
/// A model-facing request repeats the one before it in its thread, so a reader that keeps a buffer for each thread can
/// skip the repeated part.
#[derive(Debug, Default)]
pub struct PayloadBuffer {
    bytes: Vec<u8>,
    unchanged_prefix: usize,
    unchanged_suffix: usize,
    payload_id: Option<RawPayloadId>,
    holes: Vec<Hole>,
    missing_parts: Vec<RawPayloadId>,
    note: Option<Box<dyn Any + Send + Sync>>,
}

impl PayloadBuffer {
    /// Returns the document's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns how many bytes at the start equal those at the start of the document before.
    pub fn unchanged_prefix(&self) -> usize {
        self.unchanged_prefix
    }

    /// Returns how many bytes at the end equal those at the end of the document before. They do not overlap the prefix.
    pub fn unchanged_suffix(&self) -> usize {
        self.unchanged_suffix
    }

    /// Returns the id of the document that the buffer holds, or `None` if it is empty.
    pub fn payload_id(&self) -> Option<&RawPayloadId> {
        self.payload_id.as_ref()
    }

    /// Returns the places where marks replace damaged bytes. A sound document has none.
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Returns the ids of the document's missing parts, sorted. Each is represented by a placeholder (schema 3). A
    /// document that has any is partial.
    pub fn missing_parts(&self) -> &[RawPayloadId] {
        &self.missing_parts
    }

    /// Forgets the document and frees its memory. The next document has nothing in common with it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Swaps the document with the one in `document`, which then holds the old one, and compares the two.
    pub fn replace(&mut self, payload_id: &RawPayloadId, document: &mut Vec<u8>) {
        let shorter = self.bytes.len().min(document.len());
        self.unchanged_prefix = common_prefix(&self.bytes, document);
        let rest = shorter - self.unchanged_prefix;
        self.unchanged_suffix =
            common_suffix(&self.bytes[self.bytes.len() - rest..], &document[document.len() - rest..]);
        std::mem::swap(&mut self.bytes, document);
        self.renamed(payload_id);
    }

    /// Replaces the document with a copy of `document`, and compares the two. Only bytes that differ are written.
    pub fn replace_with(&mut self, payload_id: &RawPayloadId, document: &[u8]) {
        let shorter = self.bytes.len().min(document.len());
        let prefix = common_prefix(&self.bytes, document);
        let rest = shorter - prefix;
        let suffix = common_suffix(&self.bytes[self.bytes.len() - rest..], &document[document.len() - rest..]);
        self.patch(payload_id, prefix, suffix, &document[prefix..document.len() - suffix]);
    }

    /// Replaces the bytes between the first `prefix` and the last `suffix` bytes of the document, which stay.
    pub fn patch(&mut self, payload_id: &RawPayloadId, prefix: usize, suffix: usize, middle: &[u8]) {
        let prefix = prefix.min(self.bytes.len());
        let suffix = suffix.min(self.bytes.len() - prefix);
        if suffix == 0 {
            self.bytes.truncate(prefix);
            self.bytes.extend_from_slice(middle);
        } else {
            let (old_len, new_len) = (self.bytes.len(), prefix + middle.len() + suffix);
            self.bytes.resize(old_len.max(new_len), 0);
            self.bytes.copy_within(old_len - suffix..old_len, new_len - suffix);
            self.bytes[prefix..new_len - suffix].copy_from_slice(middle);
            self.bytes.truncate(new_len);
        }
        (self.unchanged_prefix, self.unchanged_suffix) = (prefix, suffix);
        self.renamed(payload_id);
    }

    /// Returns the note that the source of the document attached, if it is a `T`.
    pub fn note<T: Any>(&self) -> Option<&T> {
        self.note.as_ref()?.downcast_ref()
    }

    /// Attaches what a source knows about the document, so that its next load can build on it. The note lasts as long
    /// as the document.
    pub fn set_note<T: Any + Send + Sync>(&mut self, note: T) {
        self.note = Some(Box::new(note));
    }

    /// Sets the places where marks replace damaged bytes. They last as long as the document.
    pub fn set_holes(&mut self, holes: Vec<Hole>) {
        self.holes = holes;
    }

    /// Sets the ids of the document's missing parts, which must be sorted. They last as long as the document.
    pub fn set_missing_parts(&mut self, parts: Vec<RawPayloadId>) {
        self.missing_parts = parts;
    }

    fn renamed(&mut self, payload_id: &RawPayloadId) {
        self.payload_id = Some(payload_id.clone());
        self.holes.clear();
        self.missing_parts.clear();
        self.note = None;
    }
}
