//! The files of shards, each decompressed when it is first needed.

use std::collections::{BTreeMap, VecDeque};

use rollout_trace_schema::shard_path;

use super::{
    decompress::Decompressor,
    next_shard::NextShard,
    shard::{Shard, ShardState},
};
use crate::{
    Limits, PayloadError,
    contained::ContainedFolder,
    payload_files::read_exactly,
    spent::{Spent, USUAL_COMPRESSION},
};

/// How many decompressed bytes are kept for later. Codex ends a shard at 8 MiB, and documents are mostly read in the
/// order in which they were written.
const KEPT_BYTES: usize = 48 << 20;

/// How many shards are read ahead of their use, each on an OS thread of its own.
const READ_AHEAD: u64 = 2;

/// Reads shards and keeps the last ones.
#[derive(Debug)]
pub(super) struct ShardFiles {
    folder: ContainedFolder,
    limit: usize,
    /// The decompressors that are not in use.
    decompressors: Vec<Decompressor>,
    /// The shards after the one that was loaded last, if shards are read one after the other.
    next: VecDeque<NextShard>,
    last_loaded: Option<u64>,
    /// The most recently used shard is the last.
    kept: VecDeque<(u64, Shard)>,
    /// What is known about every shard that was ever needed.
    known: BTreeMap<u64, Known>,
    /// What the shards decompressed to.
    spent: Spent,
}

#[derive(Debug)]
struct Known {
    /// How many bytes the file had.
    file_len: u64,
    found: Found,
}

/// What was found where a shard should be.
#[derive(Debug)]
pub(super) enum Found {
    Shard(ShardState),
    /// The file cannot be read.
    Unreadable {
        reason: String,
    },
}

impl ShardFiles {
    pub(super) fn new(folder: ContainedFolder, limits: &Limits) -> Self {
        Self {
            folder,
            limit: limits.max_shard_bytes,
            decompressors: Vec::new(),
            next: VecDeque::new(),
            last_loaded: None,
            kept: VecDeque::new(),
            known: BTreeMap::new(),
            spent: Spent::default(),
        }
    }

    /// Returns what a shard holds for a payload.
    pub(super) fn document(&mut self, shard: u64, id: &str) -> Result<&[u8], PayloadError> {
        let mut place = self.load(shard)?;
        // A shard that is still being written grows.
        if self.kept[place].1.document(id).is_none() && self.has_grown(shard) {
            self.kept.remove(place);
            self.known.remove(&shard);
            place = self.load(shard)?;
        }
        let read = &self.kept[place].1;
        read.document(id).ok_or_else(|| match &read.state.damage {
            Some(reason) => PayloadError::Damaged {
                what: format!("{id} is not among the records of {}: {reason}", shard_path(shard)),
            },
            None => PayloadError::NotInShard { payload: id.to_owned(), path: shard_path(shard) },
        })
    }

    /// Returns whether there is a file for a shard, readable or not.
    pub(super) fn has(&mut self, shard: u64) -> bool {
        !matches!(self.folder.open(&shard_path(shard)), Err(PayloadError::Missing { .. }))
    }

    /// Returns what was found for each shard that was needed.
    pub(super) fn found(&self) -> impl Iterator<Item = (u64, &Found)> {
        self.known.iter().map(|(shard, known)| (*shard, &known.found))
    }

    /// Returns how many bytes the files have of the shards that were needed so far.
    pub(super) fn file_bytes(&self) -> u64 {
        self.known.values().map(|known| known.file_len).sum()
    }

    /// Returns how much the shards decompressed to.
    pub(super) fn spent(&self) -> Spent {
        self.spent
    }

    /// Returns the bundle's folder.
    pub(super) fn folder(&mut self) -> &mut ContainedFolder {
        &mut self.folder
    }

    /// Reads a shard unless it is kept already. Returns its place among the kept shards.
    fn load(&mut self, shard: u64) -> Result<usize, PayloadError> {
        let last = self.kept.len().wrapping_sub(1);
        if let Some(place) = self.kept.iter().rposition(|(number, _)| *number == shard) {
            if place != last
                && let Some(used) = self.kept.remove(place)
            {
                self.kept.push_back(used);
            }
            return Ok(last);
        }
        let (file_len, read) = match self.read(shard) {
            Ok(read) => read,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                let found = Found::Unreadable { reason: format!("{error}{cause}") };
                self.known.insert(shard, Known { file_len: 0, found });
                return Err(error);
            }
        };
        self.known.insert(shard, Known { file_len, found: Found::Shard(read.state.clone()) });
        self.spent.add_beyond(read.len() as u64, file_len.saturating_mul(USUAL_COMPRESSION));
        let mut bytes = read.len();
        for (place, (_, kept)) in self.kept.iter().enumerate().rev() {
            bytes += kept.len();
            if bytes > KEPT_BYTES {
                for ((_, dropped), decompressor) in self.kept.drain(..=place).zip(&mut self.decompressors) {
                    decompressor.recycle(dropped.into_bytes());
                }
                break;
            }
        }
        self.kept.push_back((shard, read));
        let is_next = self.last_loaded.is_some_and(|last| last.checked_add(1) == Some(shard));
        self.last_loaded = Some(shard);
        if is_next {
            self.read_ahead(shard);
        }
        Ok(self.kept.len() - 1)
    }

    /// Reads a shard, unless another OS thread already does.
    fn read(&mut self, shard: u64) -> Result<(u64, Shard), PayloadError> {
        if !self.next.front().is_some_and(|next| next.is(shard)) {
            self.next.clear();
        }
        if let Some((decompressor, read)) = self.next.pop_front().and_then(NextShard::wait) {
            self.decompressors.push(decompressor);
            return Ok(read);
        }
        let mut decompressor = self.decompressors.pop().unwrap_or_default();
        let read = read(&mut self.folder, shard, (&mut decompressor, self.limit));
        self.decompressors.push(decompressor);
        read
    }

    /// Starts to read the shards after this one.
    fn read_ahead(&mut self, shard: u64) {
        let ahead = self.next.len() as u64;
        for next in (ahead..READ_AHEAD).filter_map(|ahead| shard.checked_add(ahead + 1)) {
            let decompressor = self.decompressors.pop().unwrap_or_default();
            self.next.extend(NextShard::start(next, self.folder.clone(), decompressor, self.limit));
        }
    }

    /// Returns whether the file of a shard has more bytes than when it was read.
    fn has_grown(&mut self, shard: u64) -> bool {
        let Some(Known { file_len, found: Found::Shard(ShardState { is_open: true, .. }) }) = self.known.get(&shard)
        else {
            return false;
        };
        self.folder.open(&shard_path(shard)).is_ok_and(|(_, len)| len > *file_len)
    }
}

/// Reads the file of a shard.
pub(crate) fn read_shard(folder: &mut ContainedFolder, shard: u64, limits: &Limits) -> Result<Shard, PayloadError> {
    read(folder, shard, (&mut Decompressor::default(), limits.max_shard_bytes)).map(|(_, shard)| shard)
}

/// Reads the file of a shard. Returns its length, too.
pub(super) fn read(
    folder: &mut ContainedFolder,
    shard: u64,
    (decompressor, limit): (&mut Decompressor, usize),
) -> Result<(u64, Shard), PayloadError> {
    let path = shard_path(shard);
    let (file, size) = folder.open(&path)?;
    let length = usize::try_from(size).ok().filter(|length| *length <= limit);
    let length = length.ok_or_else(|| PayloadError::TooLarge { path: path.clone(), bytes: size, limit })?;
    let mut compressed = std::mem::take(&mut decompressor.compressed);
    let bytes = read_exactly(file, length, &mut compressed)
        .map_err(|source| PayloadError::Read { path: folder.path().join(path), source })?;
    let shard = Shard::read(decompressor, bytes, limit);
    decompressor.compressed = compressed;
    Ok((size, shard))
}
