//! Shards whose records are in a pack.

use std::collections::{BTreeMap, HashMap};

use rollout_trace_schema::{
    PayloadKind, PayloadPlace, PayloadRef,
    packed::{PACK_FILE, ShardTable, number_of_id},
    shard_path,
};

use super::{shard::ShardState, shard_files::Found};
use crate::{Limits, PayloadBuffer, PayloadError, PayloadPack, contained::ContainedFolder, manifest::error_text};

/// How many entries of tables are kept for later.
const KEPT_ENTRIES: usize = 1 << 20;

/// Finds the records of shards in a pack, whose layout [`rollout_trace_schema::packed`] specifies.
#[derive(Debug)]
pub(crate) struct PackedShards {
    pack: PayloadPack,
    max_shard_bytes: usize,
    kept: HashMap<u64, Numbers>,
    kept_entries: usize,
    /// What was found for every shard that was ever needed.
    found: BTreeMap<u64, Found>,
}

/// Where in the pack the records of a shard are.
#[derive(Debug)]
enum Numbers {
    ByTable(HashMap<Box<str>, u64>),
    /// There is no table, so the number of a record is taken from the id.
    ById,
}

/// Whether a pack has the records of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// It has the shard's table.
    Table,
    /// It has no table of the shard, which may have been lost, or was never written because the pack has no tables at
    /// all.
    Perhaps,
    /// It does not.
    Nothing,
}

impl PackedShards {
    /// Opens the pack with these limits.
    ///
    /// # Errors
    ///
    /// There is no pack, or it cannot be read.
    pub(crate) fn open(folder: ContainedFolder, limits: &Limits) -> Result<Self, PayloadError> {
        let mut pack = PayloadPack::open_in(folder, limits)?;
        pack.numbers()?;
        let max_shard_bytes = limits.max_shard_bytes;
        Ok(Self { pack, max_shard_bytes, kept: HashMap::new(), kept_entries: 0, found: BTreeMap::new() })
    }

    /// Returns whether the pack has the records of a shard.
    pub(crate) fn holding(&mut self, shard: u64) -> Holding {
        if ShardTable::record_number(shard).is_some_and(|number| self.pack.has(number)) {
            Holding::Table
        } else if self.unsound_bytes() > 0 || !self.pack.is_empty() && !self.pack.has_tables() {
            Holding::Perhaps
        } else {
            Holding::Nothing
        }
    }

    /// Returns how many bytes of the pack are not part of a sound record.
    pub(crate) fn unsound_bytes(&mut self) -> u64 {
        self.pack.unsound_bytes().unwrap_or(1)
    }

    /// Returns the numbers of all documents, in ascending order.
    ///
    /// # Errors
    ///
    /// The pack cannot be read.
    pub(crate) fn document_numbers(&mut self) -> Result<Vec<u64>, PayloadError> {
        let numbers = self.pack.numbers()?;
        Ok(numbers.into_iter().filter(|number| ShardTable::shard_of(*number).is_none()).collect())
    }

    /// Returns the shards that have a table, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// The pack cannot be read.
    pub(crate) fn shards(&mut self) -> Result<Vec<u64>, PayloadError> {
        Ok(self.pack.numbers()?.into_iter().filter_map(ShardTable::shard_of).collect())
    }

    /// Reads the table of a shard. Returns `None` if the pack has none for it.
    ///
    /// # Errors
    ///
    /// The table is damaged.
    pub(crate) fn table(&mut self, shard: u64) -> Result<Option<ShardTable>, PayloadError> {
        let Some(number) = ShardTable::record_number(shard).filter(|number| self.pack.has(*number)) else {
            return Ok(None);
        };
        let name = format!("the table of {}", shard_path(shard));
        let damaged = |reason: &dyn std::fmt::Display| PayloadError::Damaged {
            what: format!("{name} in {PACK_FILE} is damaged: {reason}"),
        };
        let mut reference = PayloadRef::in_shard(name.as_str(), PayloadKind::ProtocolEvent, shard);
        reference.place = PayloadPlace::Shard(None);
        let mut buffer = PayloadBuffer::default();
        self.pack.load_record(number, &reference, &mut buffer)?;
        ShardTable::decode(buffer.bytes(), self.max_shard_bytes).map(Some).map_err(|error| damaged(&error))
    }

    /// Loads what a shard holds for a payload.
    ///
    /// # Errors
    ///
    /// The document cannot be loaded. `buffer` is then unchanged.
    pub(crate) fn load(
        &mut self,
        shard: u64,
        reference: &PayloadRef,
        buffer: &mut PayloadBuffer,
    ) -> Result<(), PayloadError> {
        let id = &reference.raw_payload_id;
        let number = match self.numbers(shard) {
            Numbers::ByTable(numbers) => numbers.get(&**id).copied(),
            Numbers::ById => number_of_id(id),
        };
        let absent = || PayloadError::NotInShard { payload: id.to_string(), path: shard_path(shard) };
        self.pack.load_record(number.ok_or_else(absent)?, reference, buffer)
    }

    /// Loads the document of a record. `reference` is its name.
    ///
    /// # Errors
    ///
    /// The document cannot be loaded. `buffer` is then unchanged.
    pub(crate) fn load_record(
        &mut self,
        number: u64,
        reference: &PayloadRef,
        buffer: &mut PayloadBuffer,
    ) -> Result<(), PayloadError> {
        self.pack.load_record(number, reference, buffer)
    }

    /// Returns what was found for each shard that was needed.
    pub(super) fn found(&self) -> impl Iterator<Item = (u64, &Found)> {
        self.found.iter().map(|(shard, found)| (*shard, found))
    }

    /// Returns where the records of a shard are.
    fn numbers(&mut self, shard: u64) -> &Numbers {
        if !self.kept.contains_key(&shard) {
            let (numbers, found) = self.look(shard);
            let entries = match &numbers {
                Numbers::ByTable(numbers) => numbers.len(),
                Numbers::ById => 0,
            };
            if self.kept_entries + entries > KEPT_ENTRIES {
                self.kept.clear();
                self.kept_entries = 0;
            }
            self.kept_entries += entries;
            self.kept.insert(shard, numbers);
            self.found.insert(shard, found);
        }
        &self.kept[&shard]
    }

    fn look(&mut self, shard: u64) -> (Numbers, Found) {
        let reason = match self.table(shard) {
            Ok(Some(table)) => {
                let state = ShardState { is_open: !table.is_ended, ..ShardState::default() };
                let mut numbers = HashMap::with_capacity(table.records.len());
                for entry in table.records {
                    numbers.entry(entry.id).or_insert(entry.number);
                }
                return (Numbers::ByTable(numbers), Found::Shard(state));
            }
            Ok(None) if self.unsound_bytes() == 0 => return (Numbers::ById, Found::Shard(ShardState::default())),
            Ok(None) => format!("{PACK_FILE} is damaged, and the table of the shard is not there"),
            Err(error) => error_text(&error),
        };
        (Numbers::ById, Found::Unreadable { reason })
    }
}
