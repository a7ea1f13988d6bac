//! The payload source for any bundle.

use std::{
    collections::HashSet,
    io::{Read, Seek, SeekFrom},
};

use rollout_trace_schema::{EventPayload, Manifest, PayloadPlace, PayloadRef, RawEvent, packed::PACK_FILE};

use crate::{
    Limits, PayloadBuffer, PayloadError, PayloadFiles, PayloadPack, PayloadShards, PayloadSource, Problem,
    contained::ContainedFolder,
    packed::number_of,
    spent::{Spent, USUAL_TEXT_COMPRESSION},
};

/// How many bytes at the end of a log are searched for its end marker, which takes some 200.
const LAST_LINE_BYTES: u64 = 8 << 10;

/// Reads payload documents from the pack file of a bundle, from its files and from its shards.
///
/// A reference of schema 3 leads to a shard, any other to a document of its own, and a pack may hold either. Most bundles
/// have either a pack or files. A bundle has both if its conversion was interrupted, or if it has files that no pack
/// takes. Then the layout that the manifest names is tried first.
#[derive(Debug)]
pub struct Payloads {
    folder: ContainedFolder,
    limits: Limits,
    pack_first: bool,
    /// The pack is opened on first use, because it may not exist yet while the bundle is being written.
    pack: Option<PayloadPack>,
    files: PayloadFiles,
    shards: PayloadShards,
    spent: Spent,
    /// The length of the pack, as far as it was needed.
    pack_len: u64,
    /// The payloads that were loaded from files of their own, and how long these are together.
    in_files: HashSet<Box<str>>,
    file_bytes: u64,
}

impl Payloads {
    pub(crate) fn new(folder: ContainedFolder, limits: &Limits, pack_first: bool) -> Self {
        let files = PayloadFiles::open_in(folder.clone(), limits);
        let shards = PayloadShards::open_in(folder.clone(), limits, pack_first);
        Self {
            folder,
            limits: *limits,
            pack_first,
            pack: None,
            files,
            shards,
            spent: Spent::default(),
            pack_len: 0,
            in_files: HashSet::new(),
            file_bytes: 0,
        }
    }

    /// Returns what is wrong with the shards that were needed so far, and with the parts of documents in them. A shard
    /// may be unfinished as long as the recording is not closed.
    ///
    /// Call this after everything has been read, because only then is it known which payloads are lost.
    pub fn problems(&mut self) -> Vec<Problem> {
        self.shards.problems(log_is_closed)
    }

    fn load_file(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<Origin, PayloadError> {
        self.files.load(reference, buffer).map(|()| Origin::File)
    }

    fn load_packed(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<Origin, PayloadError> {
        let pack = match &mut self.pack {
            Some(pack) => pack,
            none => none.insert(PayloadPack::open_in(self.folder.clone(), &self.limits)?),
        };
        pack.load(reference, buffer).map(|()| Origin::PackOrShards)
    }
}

/// Where a document was loaded from.
enum Origin {
    File,
    PackOrShards,
}

impl PayloadSource for Payloads {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        self.spent.and(self.shards.spent()).check(reference, &self.limits)?;
        let origin = self.load_from(reference, buffer)?;
        let bytes = buffer.bytes().len() as u64;
        let stored = match origin {
            Origin::File => {
                self.note_file(reference, bytes);
                bytes
            }
            Origin::PackOrShards => self.stored(bytes),
        };
        self.spent.add(bytes, stored);
        Ok(())
    }

    fn is_json(&mut self, reference: &PayloadRef, max_nesting: usize) -> bool {
        matches!(reference.place, PayloadPlace::Shard(_))
            && self.spent.and(self.shards.spent()).check(reference, &self.limits).is_ok()
            && self.shards.is_json(reference, max_nesting)
    }

    fn stored_bytes(&mut self) -> u64 {
        // The pack may have grown.
        let pack_len = self.folder.open(PACK_FILE).map_or(0, |(_, len)| len);
        let in_shards = compressed(self.shards.file_bytes()).min(self.shards.spent().total());
        let stored = self.file_bytes + pack_len + in_shards;
        self.folder.archive_len().map_or(stored, |archive| stored.min(compressed(archive)))
    }
}

/// Returns how long the texts are that take so many bytes compressed.
fn compressed(bytes: u64) -> u64 {
    bytes.saturating_mul(USUAL_TEXT_COMPRESSION)
}

impl Payloads {
    fn note_file(&mut self, reference: &PayloadRef, bytes: u64) {
        let path = reference.path().unwrap_or_default();
        if !self.in_files.contains(path) {
            self.in_files.insert(path.into());
            self.file_bytes += bytes;
        }
    }

    /// Returns how many bytes the pack and the shards store that were read so far, for comparison with a document.
    fn stored(&mut self, document: u64) -> u64 {
        let in_shards = self.shards.spent().total();
        if Spent::is_amplified(document, self.pack_len + in_shards) {
            // The pack was not asked yet, or has grown.
            self.pack_len = self.folder.open(PACK_FILE).map_or(0, |(_, len)| len);
        }
        self.pack_len + in_shards
    }

    fn load_from(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<Origin, PayloadError> {
        if matches!(reference.place, PayloadPlace::Shard(_)) {
            return self.shards.load(reference, buffer).map(|()| Origin::PackOrShards);
        }
        if !self.pack_first {
            return match self.load_file(reference, buffer) {
                Err(error @ PayloadError::Missing { .. }) if number_of(reference).is_some() => {
                    self.load_packed(reference, buffer).map_err(|packed| match packed {
                        PayloadError::Missing { .. } | PayloadError::NotPacked { .. } => error,
                        packed => packed,
                    })
                }
                result => result,
            };
        }
        if number_of(reference).is_none() {
            return self.load_file(reference, buffer);
        }
        self.load_packed(reference, buffer).or_else(|packed| {
            let packed = match packed {
                PayloadError::Missing { .. } => PayloadError::NotPacked { path: reference.to_string() },
                packed => packed,
            };
            self.load_file(reference, buffer).map_err(|file| match (&packed, &file) {
                // There is a file, and the pack never had the document.
                (PayloadError::NotPacked { .. }, file_error) if !matches!(file_error, PayloadError::Missing { .. }) => {
                    file
                }
                _ => packed,
            })
        })
    }
}

/// Returns whether the event log ends with the end marker.
pub(crate) fn log_is_closed(folder: &mut ContainedFolder) -> bool {
    let Ok((mut log, len)) = folder.open(Manifest::RAW_EVENT_LOG) else { return false };
    let mut end = Vec::new();
    let read = log.seek(SeekFrom::Start(len.saturating_sub(LAST_LINE_BYTES))).and_then(|_| log.read_to_end(&mut end));
    let Some(end) = read.ok().and_then(|_| end.strip_suffix(b"\n")) else { return false };
    let last = end.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    RawEvent::from_json(last).is_ok_and(|event| matches!(event.payload, EventPayload::RecordingCompleted(_)))
}
