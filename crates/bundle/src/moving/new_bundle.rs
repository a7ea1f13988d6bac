//! Writing a bundle from events and documents that come from elsewhere.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use rollout_trace_schema::{EventPayload, Manifest, PayloadLayout, PayloadRef, RawEvent, packed::PACK_FILE};

use super::{
    ConvertError,
    staging::{Staging, create_file},
};
use crate::{
    packed::number_of,
    packing::{Follows, PackWriter, Series},
};

/// A document that is written into a bundle.
#[derive(Clone, Copy, Debug)]
pub struct NewDocument<'a> {
    /// The event's reference, at `payloads/N.json`.
    pub reference: &'a PayloadRef,
    /// The text.
    pub text: &'a [u8],
    /// Of a request, how many bytes at the start are those of the thread's last request, as far as the caller knows; else 0.
    /// They need not be compared.
    pub kept: usize,
}

/// Writes a bundle of the packed layout, event by event. The bundle appears at its place only when it is complete.
///
/// Only the owner can read it. It is removed if the writer is dropped before [`finish`](Self::finish).
#[derive(Debug)]
pub struct BundleWriter {
    target: PathBuf,
    staging: Staging,
    log: BufWriter<File>,
    pack: PackWriter<BufWriter<File>>,
}

impl BundleWriter {
    /// Begins a bundle in the new folder `target`.
    ///
    /// # Errors
    ///
    /// Something already exists at `target`, or its folder cannot be written to.
    pub fn create(target: impl AsRef<Path>) -> Result<Self, ConvertError> {
        let target = target.as_ref().to_owned();
        let staging = Staging::new(&target)?;
        let create = |name: &str| {
            create_file(&staging.path().join(name)).map(BufWriter::new).map_err(ConvertError::write(&target))
        };
        let log = create(Manifest::RAW_EVENT_LOG)?;
        let pack = PackWriter::new(create(PACK_FILE)?).map_err(ConvertError::write(&target))?;
        Ok(Self { target, staging, log, pack })
    }

    /// Writes a document that an event refers to. The event is written after its documents.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to.
    pub fn write_document(&mut self, event: &RawEvent, document: NewDocument<'_>) -> Result<(), ConvertError> {
        let NewDocument { reference, text, kept } = document;
        let number = number_of(reference).expect("the caller numbers payloads");
        let written = self.pack.write_repeating(number, (text, kept), &follows(event));
        written.map_err(ConvertError::write(&self.target))
    }

    /// Writes an event.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to.
    pub fn write_event(&mut self, event: &RawEvent) -> Result<(), ConvertError> {
        let text = serde_json::to_vec(event).expect("an event has a text");
        let written = self.log.write_all(&text).and_then(|()| self.log.write_all(b"\n"));
        written.map_err(ConvertError::write(&self.target))
    }

    /// Writes the manifest, with the layout, and moves the bundle to its place.
    ///
    /// # Errors
    ///
    /// The bundle cannot be written or moved, and nothing is left of it.
    pub fn finish(self, mut manifest: Manifest) -> Result<(), ConvertError> {
        let Self { target, staging, log, pack } = self;
        manifest.payload_layout = PayloadLayout::Packed.manifest_name().map(str::to_owned);
        let write = || {
            log.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            pack.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            let mut file = create_file(&staging.path().join(Manifest::FILE_NAME))?;
            let text = serde_json::to_vec_pretty(&manifest).expect("a manifest has a text");
            file.write_all(&text)
        };
        write().map_err(ConvertError::write(&target))?;
        let folder = staging.path().to_owned();
        staging.publish(&folder)
    }
}

/// Returns how the documents of an event follow others.
fn follows(event: &RawEvent) -> Follows {
    let requests = |thread| Series::Requests(thread);
    match &event.payload {
        EventPayload::InferenceStarted(started) => Follows::Last(requests(started.thread_id.clone())),
        EventPayload::CompactionRequestStarted(started) => Follows::Aside(requests(started.thread_id.clone())),
        EventPayload::CompactionInstalled(_) => {
            event.thread_id.clone().map_or(Follows::Nothing, |thread| Follows::Aside(requests(thread)))
        }
        _ => Follows::Nothing,
    }
}
