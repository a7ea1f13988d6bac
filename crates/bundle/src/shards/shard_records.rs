//! The records of shards, wherever they are.

use std::collections::BTreeMap;

use rollout_trace_schema::{PayloadRef, packed::Hole};

use super::{
    packed_shards::{Holding, PackedShards},
    shard_files::{Found, ShardFiles},
};
use crate::{Limits, PayloadBuffer, PayloadError, contained::ContainedFolder, manifest::error_text, spent::Spent};

/// Finds the records of shards, in their own files or in a pack.
#[derive(Debug)]
pub(super) struct ShardRecords {
    folder: ContainedFolder,
    limits: Limits,
    files: ShardFiles,
    pack: Pack,
    /// Whether the pack is searched for a shard before the files are.
    pack_first: bool,
    /// The record that was read from the pack last.
    buffer: PayloadBuffer,
}

#[derive(Debug)]
enum Pack {
    NotOpened,
    Absent,
    Opened(Box<PackedShards>),
    Unreadable { reason: String },
}

/// Where the records of a shard are.
enum Place<'a> {
    Files(&'a mut ShardFiles),
    /// In the pack, from which they can be loaded into the buffer.
    Pack(&'a mut PackedShards, &'a mut PayloadBuffer),
}

/// What a shard holds for a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) bytes: &'a [u8],
    /// Where marks replace bytes that are damaged in a pack.
    pub(super) holes: &'a [Hole],
}

impl ShardRecords {
    pub(super) fn new(folder: ContainedFolder, limits: &Limits, pack_first: bool) -> Self {
        Self {
            files: ShardFiles::new(folder.clone(), limits),
            folder,
            limits: *limits,
            pack: Pack::NotOpened,
            pack_first,
            buffer: PayloadBuffer::default(),
        }
    }

    /// Returns how many bytes the files have of the shards that were needed so far.
    pub(super) fn file_bytes(&self) -> u64 {
        self.files.file_bytes()
    }

    /// Returns how much the shards decompressed to.
    pub(super) fn spent(&self) -> Spent {
        self.files.spent()
    }

    /// Returns the bundle's folder.
    pub(super) fn folder(&mut self) -> &mut ContainedFolder {
        self.files.folder()
    }

    /// Returns what a shard holds for a payload.
    pub(super) fn record(&mut self, shard: u64, reference: &PayloadRef) -> Result<Record<'_>, PayloadError> {
        match self.place(shard)? {
            Place::Pack(pack, buffer) => {
                pack.load(shard, reference, buffer)?;
                Ok(Record { bytes: buffer.bytes(), holes: buffer.holes() })
            }
            Place::Files(files) => Ok(Record { bytes: files.document(shard, &reference.raw_payload_id)?, holes: &[] }),
        }
    }

    /// Loads what a shard holds for a payload.
    pub(super) fn load(
        &mut self,
        shard: u64,
        reference: &PayloadRef,
        buffer: &mut PayloadBuffer,
    ) -> Result<(), PayloadError> {
        let limit = self.limits.max_payload_bytes;
        let files = match self.place(shard)? {
            Place::Pack(pack, _) => return pack.load(shard, reference, buffer),
            Place::Files(files) => files,
        };
        let record = files.document(shard, &reference.raw_payload_id)?;
        if record.len() > limit {
            let bytes = record.len() as u64;
            return Err(PayloadError::TooLarge { path: reference.to_string(), bytes, limit });
        }
        buffer.replace_with(&reference.raw_payload_id, record);
        Ok(())
    }

    /// Returns what was found for each shard that was needed.
    pub(super) fn found(&self) -> BTreeMap<u64, &Found> {
        let mut found: BTreeMap<u64, &Found> = self.files.found().collect();
        if let Pack::Opened(pack) = &self.pack {
            found.extend(pack.found());
        }
        found
    }

    /// Returns where the records of a shard are.
    fn place(&mut self, shard: u64) -> Result<Place<'_>, PayloadError> {
        if matches!(self.pack, Pack::NotOpened) {
            self.pack = match PackedShards::open(self.folder.clone(), &self.limits) {
                Ok(pack) => Pack::Opened(Box::new(pack)),
                Err(PayloadError::Missing { .. }) => Pack::Absent,
                Err(error) => Pack::Unreadable { reason: error_text(&error) },
            };
        }
        let Self { files, pack, pack_first, buffer, .. } = self;
        match pack {
            Pack::NotOpened | Pack::Absent => {}
            Pack::Unreadable { .. } if files.has(shard) => {}
            Pack::Unreadable { reason } => return Err(PayloadError::Damaged { what: reason.clone() }),
            Pack::Opened(pack) => match pack.holding(shard) {
                Holding::Table if *pack_first => return Ok(Place::Pack(pack, buffer)),
                Holding::Table | Holding::Perhaps if !files.has(shard) => return Ok(Place::Pack(pack, buffer)),
                Holding::Table | Holding::Perhaps | Holding::Nothing => {}
            },
        }
        Ok(Place::Files(files))
    }
}
