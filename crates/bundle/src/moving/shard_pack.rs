//! Writing shards into a pack.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use rollout_trace_schema::packed::{PACK_FILE, ShardTable, number_of_id};

use super::{ConvertError, staging::create_file};
use crate::packing::{Follows, PackWriter};

/// A pack of the records of shards, under construction.
pub(super) struct ShardPack {
    path: PathBuf,
    writer: PackWriter<BufWriter<File>>,
    /// The numbers in ids that several shards have. No record may have such a number.
    shared: HashSet<u64>,
    used: HashSet<u64>,
    /// How many documents are found by tables alone.
    tabled: u64,
}

impl ShardPack {
    pub(super) fn create(folder: &Path, shared: HashSet<u64>) -> Result<Self, ConvertError> {
        let path = folder.join(PACK_FILE);
        let writer = create_file(&path).and_then(|file| PackWriter::new(BufWriter::with_capacity(1 << 20, file)));
        let writer = writer.map_err(ConvertError::write(&path))?;
        Ok(Self { path, writer, shared, used: HashSet::new(), tabled: 0 })
    }

    /// Writes what a shard holds for a payload. Returns the number of the record.
    pub(super) fn add(&mut self, id: &str, document: &[u8], follows: Option<&Follows>) -> Result<u64, ConvertError> {
        let own = number_of_id(id).filter(|number| !self.shared.contains(number) && self.used.insert(*number));
        let number = own.unwrap_or_else(|| {
            self.tabled += 1;
            ShardTable::tabled_number(self.tabled - 1)
        });
        let written = self.writer.write(number, document, follows.unwrap_or(&Follows::Nothing));
        self.written(written).map(|()| number)
    }

    /// Writes the table of a shard, after its records.
    pub(super) fn end_shard(&mut self, shard: u64, table: &ShardTable) -> Result<(), ConvertError> {
        let Some(number) = ShardTable::record_number(shard) else { return Ok(()) };
        let written = self.writer.write(number, &table.encode(), &Follows::Nothing);
        self.written(written)
    }

    pub(super) fn finish(self) -> Result<(), ConvertError> {
        self.writer.finish().map(drop).map_err(ConvertError::write(self.path))
    }

    fn written(&self, result: io::Result<()>) -> Result<(), ConvertError> {
        result.map_err(ConvertError::write(&self.path))
    }
}
