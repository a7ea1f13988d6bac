//! Converting the shards of schema 3.

use std::collections::{BTreeSet, HashSet};

use rollout_trace_schema::{
    Manifest, PayloadKind, PayloadLayout, PayloadRef, RawPayloadId,
    packed::{PACK_FILE, ShardTable, TableEntry, number_of_id},
    shard_path,
};

use super::{
    ConvertError, Converted, copying::Copying, shard_copies::ShardCopies, shard_pack::ShardPack,
    staging::create_folders, threads::ShardReferences,
};
use crate::{
    Bundle, PayloadBuffer, PayloadError,
    manifest::error_text,
    payloads::log_is_closed,
    shards::{Holding, PackedShards, Shard, ShardState, read_shard},
};

/// How long a record of a shard is without id and document.
const SHARD_RECORD_BYTES: u64 = 2 + 8;

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
    /// How many more bytes the shard that is being read from the pack may have. In a pack, any number of records may use
    /// the same bytes.
    left_of_shard: u64,
}

/// Where the records of a shard are found.
enum Source {
    File(Shard),
    /// A file that cannot be read, or is too large.
    UnreadFile,
    /// The records are in the pack.
    Packed(PackedShard),
    Nothing,
}

/// The readable part of a shard in the pack.
struct PackedShard {
    table: ShardTable,
    /// Why the table is not the one that was written.
    damage: Option<String>,
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
            left_of_shard: 0,
        }
    }

    pub(super) fn into_pack(mut self) -> Result<Converted, ConvertError> {
        self.copy_files()?;
        self.copying.write_manifest(PayloadLayout::Packed)?;
        let shards = self.shards();
        let shared = self.shared_ids(&shards);
        let mut target = ShardPack::create(&self.copying.folder, shared)?;
        for shard in shards {
            match self.source(shard) {
                Source::File(file) if self.fits(shard, &file) => {
                    self.report(shard, &file.state, |id| file.document(id).is_some());
                    self.count(&file);
                    self.pack_file(shard, &file, &mut target)?;
                }
                Source::Packed(packed) => {
                    if self.files.contains(&shard) {
                        self.copying.copy_file(&shard_path(shard))?;
                    }
                    self.pack_table(shard, packed, &mut target)?;
                }
                other => self.keep(shard, &other)?,
            }
        }
        target.finish()?;
        self.lose_documents_without_shard();
        Ok(self.copying.done)
    }

    pub(super) fn into_shards(mut self) -> Result<Converted, ConvertError> {
        self.copy_files()?;
        self.copying.write_manifest(PayloadLayout::Shards)?;
        let folder = self.copying.folder.join(Manifest::PAYLOADS_DIR);
        create_folders(&folder).map_err(ConvertError::write(folder))?;
        let mut target = ShardCopies::new(&self.copying.folder)?;
        for shard in self.shards() {
            match self.source(shard) {
                Source::Packed(packed) if !self.files.contains(&shard) => {
                    self.copy_table(shard, packed, &mut target)?
                }
                Source::Packed(packed) => {
                    self.in_shards.extend(packed.table.records.iter().map(|entry| entry.number));
                    self.copying.lose(shard_path(shard), format!("{PACK_FILE} has it too, which was left out"));
                    self.copying.copy_file(&shard_path(shard))?;
                }
                other => self.keep(shard, &other)?,
            }
        }
        self.lose_documents_without_shard();
        Ok(self.copying.done)
    }

    fn copy_files(&mut self) -> Result<(), ConvertError> {
        let Self { copying, files, pack, .. } = self;
        copying.copy_files(&mut |path| {
            let shard = shard_of(path);
            files.extend(shard);
            shard.is_some()
        })?;
        copying.lose_unsound(pack.as_mut().map_or(0, PackedShards::unsound_bytes));
        Ok(())
    }

    /// Returns all shards: files, those of the pack, and those that the log refers to.
    fn shards(&mut self) -> BTreeSet<u64> {
        let packed = self.pack.as_mut().and_then(|pack| pack.shards().ok()).unwrap_or_default();
        packed.into_iter().chain(self.files.iter().chain(self.references.needed.keys()).copied()).collect()
    }

    fn source(&mut self, shard: u64) -> Source {
        let holding = self.pack.as_mut().map_or(Holding::Nothing, |pack| pack.holding(shard));
        let is_file = self.files.contains(&shard);
        match &mut self.pack {
            Some(pack) if holding == Holding::Table || holding == Holding::Perhaps && !is_file => {
                Source::Packed(match pack.table(shard) {
                    Ok(Some(table)) => PackedShard { table, damage: None },
                    Ok(None) => self.without_table(shard, format!("its table is not in {PACK_FILE}")),
                    Err(error) => self.without_table(shard, error_text(&error)),
                })
            }
            _ if !is_file => Source::Nothing,
            _ => {
                let read = read_shard(&mut self.copying.source, shard, self.copying.bundle.limits());
                read.map_or(Source::UnreadFile, Source::File)
            }
        }
    }

    /// Copies a shard that stays a file, and reports what is wrong with it.
    fn keep(&mut self, shard: u64, source: &Source) -> Result<(), ConvertError> {
        let path = shard_path(shard);
        match source {
            Source::File(file) => {
                self.report(shard, &file.state, |id| file.document(id).is_some());
                self.count(file);
                self.copying.copy_file(&path)
            }
            Source::UnreadFile => self.copying.copy_file(&path),
            Source::Nothing | Source::Packed(_) => {
                self.copying.lose(path.clone(), error_text(&PayloadError::Missing { path }));
                Ok(())
            }
        }
    }

    fn count(&mut self, file: &Shard) {
        self.copying.done.payloads += file.records().len() as u64;
        self.copying.done.payload_bytes += file.document_bytes();
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
                Source::Packed(packed) => packed.table.records.iter().for_each(|entry| note(&entry.id)),
                Source::UnreadFile | Source::Nothing => {}
            }
        }
        shared
    }

    /// Reports what is wrong with a shard that the log refers to. `has` says which payloads it has.
    fn report(&mut self, shard: u64, state: &ShardState, has: impl Fn(&str) -> bool) {
        let Some(needed) = self.references.needed.get(&shard) else { return };
        let lost = needed.iter().filter(|id| !has(id)).count();
        let lost = match lost {
            0 => String::new(),
            1 => "; 1 payload is lost".to_owned(),
            lost => format!("; {lost} payloads are lost"),
        };
        let is_sealed = self.is_closed || self.references.needed.keys().next_back() > Some(&shard);
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
    }

    fn pack_file(&mut self, shard: u64, file: &Shard, target: &mut ShardPack) -> Result<(), ConvertError> {
        let mut table = ShardTable { is_ended: !file.state.is_open, records: Vec::new() };
        for (id, document) in file.records() {
            let number = target.add(id, document, self.references.follows.get(id))?;
            table.records.push(TableEntry { id: id.into(), number });
        }
        target.end_shard(shard, &table)
    }

    fn pack_table(&mut self, shard: u64, from: PackedShard, target: &mut ShardPack) -> Result<(), ConvertError> {
        let from = self.begin_table(shard, from);
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

    fn copy_table(&mut self, shard: u64, from: PackedShard, target: &mut ShardCopies) -> Result<(), ConvertError> {
        let table = self.begin_table(shard, from);
        let mut is_ended = table.is_ended;
        let mut buffer = PayloadBuffer::default();
        let mut copy = target.begin(shard)?;
        for entry in table.records {
            let is_there = self.load(shard, &entry, &mut buffer);
            is_ended &= is_there;
            if is_there && !copy.add(&entry.id, buffer.bytes())? {
                is_ended = false;
                self.copying.lose(shard_path(shard), format!("{:?} is too long for the id of a record", entry.id));
            }
        }
        if is_ended { copy.end() } else { copy.leave_open() }
    }

    /// Returns the table of a shard that is going to be read, and reports what is wrong with it.
    fn begin_table(&mut self, shard: u64, packed: PackedShard) -> ShardTable {
        let PackedShard { mut table, damage } = packed;
        self.left_of_shard = self.copying.bundle.limits().max_shard_bytes as u64;
        // If an id occurs twice, which no writer does, the first record counts, as it does for readers.
        let mut ids = HashSet::with_capacity(table.records.len());
        table.records.retain(|entry| ids.insert(entry.id.clone()));
        match damage {
            Some(damage) => self.copying.lose(shard_path(shard), damage),
            None => {
                let state = ShardState { is_open: !table.is_ended, ..ShardState::default() };
                self.report(shard, &state, |id| ids.contains(id));
            }
        }
        table
    }

    /// Returns the records of a shard that the log refers to and whose ids say where they are.
    fn without_table(&self, shard: u64, reason: String) -> PackedShard {
        let needed = self.references.needed.get(&shard);
        let numbered = |id: &RawPayloadId| Some(TableEntry { number: number_of_id(id)?, id: (**id).into() });
        let mut records: Vec<TableEntry> = needed.into_iter().flatten().filter_map(numbered).collect();
        records.sort_unstable_by_key(|entry| entry.number);
        let mut damage = reason + "; what is left are the records that the log refers to";
        match needed.map_or(0, HashSet::len) - records.len() {
            0 => {}
            1 => damage += ", except for 1 that cannot be found without it",
            others => damage += &format!(", except for {others} that cannot be found without it"),
        }
        PackedShard { table: ShardTable { is_ended: false, records }, damage: Some(damage) }
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
        let record = SHARD_RECORD_BYTES + entry.id.len() as u64 + bytes;
        let Some(left) = self.left_of_shard.checked_sub(record) else {
            let limit = self.copying.bundle.limits().max_shard_bytes;
            let reason =
                format!("{} is left out, because its shard has more than the limit of {limit} bytes", entry.id);
            self.copying.lose(shard_path(shard), reason);
            return false;
        };
        self.left_of_shard = left;
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
