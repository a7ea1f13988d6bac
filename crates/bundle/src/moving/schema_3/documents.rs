//! Bringing documents into shards.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::Arc,
};

use rollout_trace_schema::{
    Capture, PayloadKind, PayloadPlace, PayloadRef, RawPayloadId,
    shards::{ShardError, ShardWriter},
};

use super::shard_folder::ShardFolder;
use crate::{
    ConvertError, Converted, PayloadBuffer, PayloadError, PayloadSource, Payloads, manifest::error_text, moving::Loss,
};

/// The document of every prepared prompt. Schema 2 does not record prompts, and nothing is reduced from them.
const NO_PROMPT: &[u8] = br#"{"input":[]}"#;

/// How a document begins in whose place the recorder wrote that it could not be recorded.
///
/// Source: bundle 2, section 4.3.
const LOST: &[u8] = br#"{"rollout_trace_lost":"#;

/// Writes each document once, and knows the reference under which it is from then on.
#[derive(Debug)]
pub(super) struct Documents {
    payloads: Payloads,
    shards: ShardWriter,
    folder: ShardFolder,
    buffer: PayloadBuffer,
    /// The ids that cannot be given to new documents.
    ids: HashSet<RawPayloadId>,
    last_new_id: u64,
    /// What was placed, by the id that it had. Nearly always, that is one document.
    placed: HashMap<RawPayloadId, Vec<Placed>>,
    prompt: Option<PayloadRef>,
}

#[derive(Debug)]
struct Placed {
    /// Where the document was, and what it counts as.
    source: (PayloadPlace, PayloadKind),
    reference: PayloadRef,
}

impl Documents {
    /// `ids` are the ids that the documents of the bundle have.
    pub(super) fn new(payloads: Payloads, folder: ShardFolder, ids: HashSet<RawPayloadId>) -> Self {
        Self {
            payloads,
            shards: ShardWriter::new(),
            folder,
            buffer: PayloadBuffer::default(),
            ids,
            last_new_id: 0,
            placed: HashMap::new(),
            prompt: None,
        }
    }

    /// Writes the document of a reference unless it was written before, and returns the reference to it.
    pub(super) fn place(&mut self, reference: &PayloadRef, done: &mut Converted) -> Result<PayloadRef, ConvertError> {
        let source = (reference.place.clone(), reference.kind.clone());
        let id = &reference.raw_payload_id;
        let placed = self.placed.get(id);
        if let Some(known) = placed.and_then(|placed| placed.iter().find(|known| known.source == source)) {
            return Ok(known.reference.clone());
        }
        let mut lost = |reason| done.losses.push(Loss { path: reference.to_string(), reason });
        let mut new = PayloadRef { place: PayloadPlace::Shard(None), ..reference.clone() };
        if placed.is_some() {
            // In schema 2 each reference leads to its own document. In schema 3 all references to an id are equal.
            new.raw_payload_id = self.new_id();
            lost(format!("another document has the id {id}, so that this one is {} now", new.raw_payload_id));
        } else if id.len() > usize::from(u16::MAX) {
            new.raw_payload_id = self.new_id();
            lost(format!("no shard can hold an id of {} bytes, so that it is {} now", id.len(), new.raw_payload_id));
        }
        if let PayloadKind::Unknown { name, .. } = &reference.kind {
            lost(format!("schema 3 has no kind {name}, so that it is a protocol event now"));
            new.kind = PayloadKind::ProtocolEvent;
        }
        (new.place, new.capture) = self.write(reference, &new.raw_payload_id, done)?;
        new.parts = Arc::default();
        self.placed.entry(id.clone()).or_default().push(Placed { source, reference: new.clone() });
        Ok(new)
    }

    /// Writes a document that no reference names.
    pub(super) fn keep(&mut self, reference: &PayloadRef, done: &mut Converted) -> Result<(), ConvertError> {
        match self.payloads.load(reference, &mut self.buffer) {
            Ok(()) => self.append(&reference.raw_payload_id, done).map(drop),
            Err(error) => {
                done.losses.push(Loss { path: reference.to_string(), reason: error_text(&error) });
                Ok(())
            }
        }
    }

    /// Writes a new document.
    pub(super) fn add(
        &mut self,
        kind: PayloadKind,
        document: &[u8],
        done: &mut Converted,
    ) -> Result<PayloadRef, ConvertError> {
        let id = self.new_id();
        self.buffer.replace_with(&id, document);
        let shard = self.append(&id, done)?;
        Ok(PayloadRef::in_shard(id, kind, shard))
    }

    /// Returns the reference to the prompt of every request.
    pub(super) fn prompt(&mut self, done: &mut Converted) -> Result<PayloadRef, ConvertError> {
        if let Some(prompt) = &self.prompt {
            return Ok(prompt.clone());
        }
        let prompt = self.add(PayloadKind::PreparedPrompt, NO_PROMPT, done)?;
        Ok(self.prompt.insert(prompt).clone())
    }

    /// Ends the last shard.
    pub(super) fn finish(&mut self) -> Result<(), ConvertError> {
        self.shards.end(&mut self.folder).map_err(|error| self.failed(error))
    }

    fn new_id(&mut self) -> RawPayloadId {
        loop {
            self.last_new_id += 1;
            let id = RawPayloadId::from(format!("raw_payload:{}", self.last_new_id));
            if self.ids.insert(id.clone()) {
                return id;
            }
        }
    }

    /// Writes the document of a reference under `id`, or leaves it out: Codex refuses a bundle in which one document is not
    /// JSON.
    fn write(
        &mut self,
        reference: &PayloadRef,
        id: &RawPayloadId,
        done: &mut Converted,
    ) -> Result<(PayloadPlace, Capture), ConvertError> {
        let omitted = |original_bytes| Ok((PayloadPlace::Shard(None), Capture::Omitted { original_bytes }));
        let mut lost = |reason| done.losses.push(Loss { path: reference.to_string(), reason });
        if let Err(error) = self.payloads.load(reference, &mut self.buffer) {
            lost(error_text(&error));
            return omitted(if let PayloadError::TooLarge { bytes, .. } = error { bytes } else { 0 });
        }
        let document = self.buffer.bytes();
        if document.starts_with(LOST) {
            return omitted(0);
        }
        let damaged: usize = self.buffer.holes().iter().map(|hole| hole.bytes).sum();
        if damaged > 0 {
            lost(format!("{damaged} bytes are damaged and were replaced by marks"));
        }
        if let Err(error) = serde_json::from_slice::<serde_json::Value>(document) {
            lost(format!("it was left out, because Codex does not read it: {error}"));
            return omitted(document.len() as u64);
        }
        Ok((PayloadPlace::Shard(Some(self.append(id, done)?)), Capture::Complete))
    }

    /// Appends the document in the buffer to a shard.
    fn append(&mut self, id: &RawPayloadId, done: &mut Converted) -> Result<u64, ConvertError> {
        let document = self.buffer.bytes();
        let shard = self.shards.write(&mut self.folder, id, document).map_err(|error| self.failed(error))?;
        done.payloads += 1;
        done.payload_bytes += document.len() as u64;
        Ok(shard)
    }

    fn failed(&self, error: ShardError) -> ConvertError {
        match error {
            ShardError::Compress { shard, source } | ShardError::Write { shard, source } => {
                ConvertError::write(self.folder.path(shard))(source)
            }
            error => ConvertError::write(self.folder.path(1))(io::Error::other(error)),
        }
    }
}
