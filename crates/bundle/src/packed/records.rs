//! The descriptions and the data of records.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    sync::Arc,
};

use rollout_trace_schema::packed::{
    Checksums, META_CHECKSUM_LEN, PartKind, Piece, RECORD_HEADER_LEN, RecordMeta, SpanState, StoredRange,
};

use super::{blocks::Blocks, index::PackIndex};

/// How much memory the descriptions of records may take before all are dropped.
const MAX_MEMORY: usize = 64 << 20;

/// A record's description.
#[derive(Debug)]
pub(crate) struct Record {
    data_offset: u64,
    pub(crate) data_len: u64,
    /// What the document consists of. It is shared with callers that follow it while they look at other records.
    pub(crate) recipe: Arc<Recipe>,
    parts: Vec<KeptPart>,
}

/// What a record's document consists of.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) document_len: u64,
    pub(crate) base: Option<u64>,
    /// The pieces, and where in the document each starts.
    pub(crate) pieces: Vec<(Piece, u64)>,
}

impl Recipe {
    /// Returns the index of the piece that holds this byte of the document.
    pub(crate) fn piece_at(&self, offset: u64) -> usize {
        self.pieces.partition_point(|(_, start)| *start <= offset).saturating_sub(1)
    }
}

impl Record {
    fn new(data_offset: u64, data_len: u64, meta: &RecordMeta) -> Self {
        let mut start = 0;
        let parts = meta.parts.iter().map(|part| {
            let kept = KeptPart { kind: part.kind, start, len: part.len, check: part.check, state: None };
            start += part.len;
            kept
        });
        let parts = parts.collect();
        let mut start = 0_u64;
        let pieces = meta.pieces.iter().map(|&piece| {
            let kept = (piece, start);
            // If the sum overflows, it contradicts the document's length, and no byte of the document will be found.
            start = start.saturating_add(piece.len());
            kept
        });
        let pieces = pieces.collect();
        let recipe = Arc::new(Recipe { document_len: meta.document_len, base: meta.base, pieces });
        Self { data_offset, data_len, recipe, parts }
    }
}

#[derive(Clone, Copy, Debug)]
struct KeptPart {
    kind: PartKind,
    start: u64,
    len: u64,
    check: u32,
    /// `None` until the part is checked.
    state: Option<SpanState>,
}

/// A run of a record's data within one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The part's kind. `None` if the record is lost and the kind is unknown.
    pub(crate) kind: Option<PartKind>,
    pub(crate) len: u64,
    pub(crate) state: SpanState,
}

/// Reads descriptions and data of records, and checks every part once.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) blocks: Blocks,
    pub(crate) index: PackIndex,
    checksums: Checksums,
    /// The maximum length of a part that is read.
    max_part: u64,
    cache: RecordCache,
    scratch: Vec<u8>,
}

/// The descriptions that were read.
#[derive(Debug, Default)]
struct RecordCache {
    records: BTreeMap<u64, Record>,
    memory: usize,
}

impl Records {
    pub(crate) fn new(blocks: Blocks, checksums: Checksums, max_meta: u64, max_part: u64) -> Self {
        let index = PackIndex::new(checksums, max_meta);
        Self { blocks, index, checksums, max_part, cache: RecordCache::default(), scratch: Vec::new() }
    }

    /// Looks for records that were appended since the last call.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        self.blocks.refresh(self.index.end())?;
        self.index.extend(&mut self.blocks)
    }

    /// Returns what a record's document consists of. Returns `None` if the record is lost.
    pub(crate) fn recipe(&mut self, number: u64) -> io::Result<Option<Arc<Recipe>>> {
        let Self { blocks, index, checksums, cache, scratch, .. } = self;
        let record = cache.get(number, || read(number, index, *checksums, blocks, scratch))?;
        Ok(record.map(|record| Arc::clone(&record.recipe)))
    }

    /// Appends bytes of a record's data to `out`, and calls `run` for each part that they touch. Bytes that are damaged
    /// or missing become spaces.
    pub(crate) fn append(&mut self, range: StoredRange, out: &mut Vec<u8>, mut run: impl FnMut(Run)) -> io::Result<()> {
        let StoredRange { record: number, offset, len } = range;
        let Self { blocks, index, checksums, max_part, cache, scratch } = self;
        let end = offset.saturating_add(len);
        let record = cache.get(number, || read(number, index, *checksums, blocks, scratch))?;
        let Some(record) = record.filter(|record| end <= record.data_len) else {
            blank(out, len);
            run(Run { kind: None, len, state: SpanState::Damaged });
            return Ok(());
        };
        let first = record.parts.partition_point(|part| part.start + part.len <= offset);
        for part in record.parts[first..].iter_mut().take_while(|part| part.start < end) {
            let (from, to) = (part.start.max(offset), (part.start + part.len).min(end));
            let before = out.len();
            if part.state.is_none() {
                let sound = part.len <= *max_part
                    && blocks.read(record.data_offset + part.start, part.len, scratch)?
                    && checksums.of_part(scratch) == part.check;
                part.state = Some(if sound { SpanState::Sound } else { SpanState::Damaged });
                if sound {
                    let (from, to) = ((from - part.start) as usize, (to - part.start) as usize);
                    out.extend_from_slice(&scratch[from..to]);
                }
            } else if part.state == Some(SpanState::Sound)
                && !blocks.append(record.data_offset + from, to - from, out)?
            {
                part.state = Some(SpanState::Damaged);
            }
            if part.state == Some(SpanState::Damaged) {
                blank(out, to - from);
            }
            debug_assert_eq!((out.len() - before) as u64, to - from);
            let kind = kind_of_piece(part, from, to);
            run(Run { kind: Some(kind), len: to - from, state: part.state.unwrap_or(SpanState::Damaged) });
        }
        Ok(())
    }
}

impl RecordCache {
    /// Returns the description of a record, which is read if it is not in the cache. Returns `None` if it is lost.
    fn get(
        &mut self,
        number: u64,
        read: impl FnOnce() -> io::Result<Option<Record>>,
    ) -> io::Result<Option<&mut Record>> {
        if self.memory > MAX_MEMORY {
            *self = Self::default();
        }
        match self.records.entry(number) {
            Entry::Occupied(record) => Ok(Some(record.into_mut())),
            Entry::Vacant(place) => {
                let Some(record) = read()? else { return Ok(None) };
                self.memory += size_of::<Record>()
                    + record.recipe.pieces.capacity() * size_of::<(Piece, u64)>()
                    + record.parts.capacity() * size_of::<KeptPart>();
                Ok(Some(place.insert(record)))
            }
        }
    }
}

/// Reads a record's description. Returns `None` if the record is lost.
fn read(
    number: u64,
    index: &PackIndex,
    checksums: Checksums,
    blocks: &mut Blocks,
    scratch: &mut Vec<u8>,
) -> io::Result<Option<Record>> {
    let Some(place) = index.get(number).filter(|place| place.is_sound) else { return Ok(None) };
    let meta_len = u64::from(place.header.meta_len) + META_CHECKSUM_LEN as u64;
    if !blocks.read(place.offset + place.header.meta_offset(), meta_len, scratch)? {
        return Ok(None);
    }
    let (meta, check) = scratch.split_at(scratch.len() - META_CHECKSUM_LEN);
    if checksums.of_meta(meta, number).to_le_bytes() != check {
        return Ok(None);
    }
    let Ok(meta) = RecordMeta::decode(meta, number, place.header.data_len) else { return Ok(None) };
    let data_offset = place.offset + RECORD_HEADER_LEN as u64;
    Ok(Some(Record::new(data_offset, u64::from(place.header.data_len), &meta)))
}

/// Returns the kind of a piece of a part in the document that uses it.
fn kind_of_piece(part: &KeptPart, from: u64, to: u64) -> PartKind {
    match (part.kind, from - part.start) {
        (PartKind::String, _) if to - from < part.len => PartKind::Text,
        (kind, 0) => kind,
        // The piece lacks the comma.
        (PartKind::LaterElement, 1) => PartKind::FirstElement,
        (PartKind::FirstElement | PartKind::LaterElement, _) => PartKind::RestOfElement,
        (kind, _) => kind,
    }
}

fn blank(out: &mut Vec<u8>, len: u64) {
    out.resize(out.len() + len as usize, b' ');
}
