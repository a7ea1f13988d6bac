//! Converting the shards of schema 3.

use std::collections::{BTreeSet, HashSet};

use rollout_trace_schema::{
    Manifest, PayloadKind, PayloadLayout, PayloadRef,
    packed::{PACK_FILE, ShardTable, TableEntry, number_of_id},
    shard_path,
};

use super::{ConvertError, Converted, copying::Copying, shard_pack::ShardPack, threads::ShardReferences};
use crate::{
    Bundle, PayloadBuffer, PayloadError,
    manifest::error_text,
    payloads::log_is_closed,
    shards::{Holding, PackedShards, Shard, read_shard},
};

/// Returns whether the payloads of a bundle are in shards.
///
/// The schema version decides, or, if it is unknown, the files.
pub(super) fn are_in(bundle: &Bundle) -> bool {
    match bundle.header().stated_schema {
        Some(1 | 2) => return false,
        Some(3) => return true,
        _ => {}
    }
    let files = bundle.files().clone().entries(Manifest::PAYLOADS_DIR).unwrap_or_default();
    let is_shard = |name: &str| shard_of(&format!("{}/{name}", Manifest::PAYLOADS_DIR)).is_some();
    let pack = || PackedShards::open(bundle.files().clone(), bundle.limits());
    files.iter().any(|(name, _)| name.to_str().is_some_and(is_shard))
        || pack().and_then(|mut pack| pack.shards()).is_ok_and(|shards| !shards.is_empty())
}

/// Returns the number of the shard whose file is at this path.
fn shard_of(path: &str) -> Option<u64> {
    let name = path.strip_prefix(Manifest::PAYLOADS_DIR)?.strip_prefix('/')?;
    let shard = name.strip_suffix(".zst")?.parse().ok()?;
    (path == shard_path(shard)).then_some(shard)
}

/// Converts between shards that are files and shards in a pack.
///
/// A pack takes a shard that consists only of whole records of different payloads. Any other shard stays a file, so a
/// conversion neither loses what is left of a damaged shard nor makes it look sound.
pub(super) struct ShardConversion<'a> {
    copying: Copying<'a>,
    references: ShardReferences,
    is_closed: bool,
    /// The shards that are files.
    files: BTreeSet<u64>,
    pack: Option<PackedShards>,
    /// The records of the pack that are in a shard.
    in_shards: HashSet<u64>,
    /// How many more bytes of documents may be read from the pack, in which any number of records may use the same
    /// bytes.
    left: u64,
}

/// Where the records of a shard are found.
enum Source {
    File(Shard),
    /// A file that cannot be read, or is too large.
    UnreadFile,
    Table(ShardTable),
    /// The pack may have the shard, but the shard's table cannot be read, for this reason.
    NoTable(String),
    Nothing,
}

impl<'a> ShardConversion<'a> {
    pub(super) fn new(mut copying: Copying<'a>) -> Self {
        let bundle = copying.bundle;
        Self {
            is_closed: log_is_closed(&mut copying.source),
            references: ShardReferences::of(bundle),
            pack: PackedShards::open(bundle.files().clone(), bundle.limits()).ok(),
            files: BTreeSet::new(),
            copying,
            in_shards: HashSet::new(),
            left: bundle.limits().max_archive_bytes,
        }
    }

    pub(super) fn run(mut self, layout: PayloadLayout) -> Result<Converted, ConvertError> {
        let Self { copying, files, pack, .. } = &mut self;
        copying.copy_files(&mut |path| {
            let shard = shard_of(path);
            files.extend(shard);
            shard.is_some()
        })?;
        copying.write_manifest(layout)?;
        copying.lose_unsound(pack.as_mut().map_or(0, PackedShards::unsound_bytes));
        self.write_pack()?;
        self.lose_documents_without_shard();
        Ok(self.copying.done)
    }

    /// Returns all shards: files, those of the pack, and those that the log refers to.
    fn shards(&mut self) -> BTreeSet<u64> {
        let packed = self.pack.as_mut().and_then(|pack| pack.shards().ok()).unwrap_or_default();
        packed.into_iter().chain(self.files.iter().chain(self.references.needed.keys()).copied()).collect()
    }

    fn source(&mut self, shard: u64) -> Source {
        let holding = self.pack.as_mut().map_or(Holding::Nothing, |pack| pack.holding(shard));
        match &mut self.pack {
            Some(pack) if holding == Holding::Table || holding == Holding::Perhaps && !self.files.contains(&shard) => {
                match pack.table(shard) {
                    Ok(Some(table)) => Source::Table(table),
                    Ok(None) => Source::NoTable(format!("its table is not in {PACK_FILE}")),
                    Err(error) => Source::NoTable(error_text(&error)),
                }
            }
            _ if !self.files.contains(&shard) => Source::Nothing,
            _ => {
                let read = read_shard(&mut self.copying.source, shard, self.copying.bundle.limits());
                read.map_or(Source::UnreadFile, Source::File)
            }
        }
    }

    fn write_pack(&mut self) -> Result<(), ConvertError> {
        let shards = self.shards();
        let shared = self.shared_ids(&shards);
        let mut target = ShardPack::create(&self.copying.folder, shared)?;
        for shard in shards {
            match self.source(shard) {
                Source::File(file) => {
                    self.report(shard, &file);
                    self.copying.done.payloads += file.records().len() as u64;
                    self.copying.done.payload_bytes += file.document_bytes();
                    if self.fits(shard, &file) {
                        self.pack_file(shard, &file, &mut target)?;
                    } else {
                        self.copying.copy_file(&shard_path(shard))?;
                    }
                }
                Source::UnreadFile => self.copying.copy_file(&shard_path(shard))?,
                Source::Table(table) => self.pack_table(shard, table, &mut target)?,
                Source::NoTable(reason) => {
                    let table = self.table_of_references(shard, &reason);
                    self.pack_table(shard, table, &mut target)?;
                }
                Source::Nothing => {
                    let path = shard_path(shard);
                    self.copying.lose(path.clone(), error_text(&PayloadError::Missing { path }));
                }
            }
        }
        target.finish()
    }

    /// Returns the numbers in the ids that several shards have. Most bundles have none.
    fn shared_ids(&mut self, shards: &BTreeSet<u64>) -> HashSet<u64> {
        let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
        let mut note = |id: &str| {
            if let Some(number) = number_of_id(id)
                && !seen.insert(number)
            {
                shared.insert(number);
            }
        };
        if shards.len() == 1 && self.pack.is_none() {
            return shared;
        }
        for &shard in shards {
            match self.source(shard) {
                Source::File(file) => file.records().iter().for_each(|(id, _)| note(id)),
                Source::Table(table) => table.records.iter().for_each(|entry| note(&entry.id)),
                Source::NoTable(_) => {
                    self.references.needed.get(&shard).into_iter().flatten().for_each(|id| note(id));
                }
                Source::UnreadFile | Source::Nothing => {}
            }
        }
        shared
    }

    /// Reports what is wrong with a shard that the log refers to.
    fn report(&mut self, shard: u64, file: &Shard) {
        let Some(needed) = self.references.needed.get(&shard) else { return };
        let lost = needed.iter().filter(|id| file.document(id).is_none()).count();
        let lost = match lost {
            0 => String::new(),
            1 => "; 1 payload is lost".to_owned(),
            lost => format!("; {lost} payloads are lost"),
        };
        let is_sealed = self.is_closed || self.references.needed.keys().next_back() > Some(&shard);
        let state = &file.state;
        let reason = match &state.damage {
            Some(reason) => format!("it is damaged, and was copied as it is: {reason}"),
            None if state.is_torn && is_sealed => "it ends within a record, and was copied as it is".to_owned(),
            None if state.is_open && is_sealed => "its last frame does not end, so it may lack records".to_owned(),
            None if lost.is_empty() => return,
            None => "it does not have all records that the log refers to".to_owned(),
        };
        self.copying.lose(shard_path(shard), reason + &lost);
    }

    /// Returns whether the pack can take a shard without loss, and all of it can be read again within the limits.
    fn fits(&self, shard: u64, file: &Shard) -> bool {
        let limits = self.copying.bundle.limits();
        // A table is at most as long as the shard without its documents.
        let table_bytes = file.len() as u64 - file.document_bytes();
        file.is_plain()
            && ShardTable::record_number(shard).is_some()
            && table_bytes <= limits.max_payload_bytes as u64
            && file.records().iter().all(|(_, document)| document.len() <= limits.max_payload_bytes)
            && self.copying.done.payload_bytes <= limits.max_archive_bytes
    }

    fn pack_file(&mut self, shard: u64, file: &Shard, target: &mut ShardPack) -> Result<(), ConvertError> {
        let mut table = ShardTable { is_ended: !file.state.is_open, records: Vec::new() };
        for (id, document) in file.records() {
            let number = target.add(id, document, self.references.follows.get(id))?;
            table.records.push(TableEntry { id: id.into(), number });
        }
        target.end_shard(shard, &table)
    }

    fn pack_table(&mut self, shard: u64, from: ShardTable, target: &mut ShardPack) -> Result<(), ConvertError> {
        let mut table = ShardTable { records: Vec::new(), ..from };
        let mut buffer = PayloadBuffer::default();
        for entry in from.records {
            if self.load(shard, &entry, &mut buffer) {
                let number = target.add(&entry.id, buffer.bytes(), self.references.follows.get(&*entry.id))?;
                table.records.push(TableEntry { number, ..entry });
            } else {
                table.is_ended = false;
            }
        }
        target.end_shard(shard, &table)
    }

    /// Returns a table of the records that the log refers to, which replaces a lost one.
    fn table_of_references(&mut self, shard: u64, reason: &str) -> ShardTable {
        let needed = self.references.needed.get(&shard);
        let ids = || needed.into_iter().flatten();
        let mut records: Vec<TableEntry> =
            ids().filter_map(|id| Some(TableEntry { number: number_of_id(id)?, id: (**id).into() })).collect();
        records.sort_unstable_by_key(|entry| entry.number);
        let mut reason = format!("{reason}, so it has only the records that the log refers to");
        match ids().count() - records.len() {
            0 => {}
            1 => reason += ", except for 1 whose place is unknown",
            others => reason += &format!(", except for {others} whose place is unknown"),
        }
        self.copying.lose(shard_path(shard), reason);
        ShardTable { is_ended: false, records }
    }

    /// Loads a record from the pack. Returns `false` if it was reported as a loss.
    fn load(&mut self, shard: u64, entry: &TableEntry, buffer: &mut PayloadBuffer) -> bool {
        let Some(pack) = &mut self.pack else { return false };
        self.in_shards.insert(entry.number);
        let reference = PayloadRef::in_shard(&*entry.id, PayloadKind::ProtocolEvent, shard);
        if let Err(error) = pack.load_record(entry.number, &reference, buffer) {
            self.copying.lose(shard_path(shard), error_text(&error));
            return false;
        }
        let bytes = buffer.bytes().len() as u64;
        let Some(left) = self.left.checked_sub(bytes) else {
            let limit = self.copying.bundle.limits().max_archive_bytes;
            let reason =
                format!("{} is left out, because the payloads have more than the limit of {limit} bytes", entry.id);
            self.copying.lose(shard_path(shard), reason);
            return false;
        };
        self.left = left;
        self.copying.done.payloads += 1;
        self.copying.done.payload_bytes += bytes;
        let bytes: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
        if bytes > 0 {
            let reason = format!("{bytes} bytes of {} are damaged and were replaced by marks", entry.id);
            self.copying.lose(shard_path(shard), reason);
        }
        true
    }

    /// Reports the documents in the pack that no shard has.
    fn lose_documents_without_shard(&mut self) {
        let numbers = self.pack.as_mut().and_then(|pack| pack.document_numbers().ok()).unwrap_or_default();
        match numbers.iter().filter(|number| !self.in_shards.contains(number)).count() {
            0 => {}
            1 => self.copying.lose(PACK_FILE, "1 document is in no shard that is known"),
            count => self.copying.lose(PACK_FILE, format!("{count} documents are in no shard that is known")),
        }
    }
}
