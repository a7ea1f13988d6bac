//! What is known of the records that were looked at.

use std::{collections::HashMap, io};

use rollout_trace_schema::packed::{
    META_CHECKSUM_LEN, PartKind, Piece, RECORD_HEADER_LEN, RecordMeta, SpanState, checksum,
};

use super::{blocks::Blocks, index::PackIndex, layout::KeptPiece};

/// How much memory descriptions of records may take, roughly, before all are read anew.
const MAX_MEMORY: usize = 64 << 20;

/// A record's description.
#[derive(Debug)]
pub(crate) struct Record {
    data_offset: u64,
    pub(crate) data_len: u64,
    pub(crate) document_len: u64,
    pub(crate) base: Option<u64>,
    /// The pieces, and where in the document each begins.
    pieces: Vec<(KeptPiece, u64)>,
    parts: Vec<KeptPart>,
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
        let (mut own, mut start) = (0_u64, 0_u64);
        let mut pieces = Vec::with_capacity(meta.pieces.len().max(1));
        if meta.pieces.is_empty() && data_len > 0 {
            pieces.push((KeptPiece::Own { offset: 0, len: data_len }, 0));
        }
        for piece in &meta.pieces {
            let kept = match *piece {
                Piece::Own { len } => {
                    let offset = own;
                    own = own.saturating_add(len);
                    KeptPiece::Own { offset, len }
                }
                piece => KeptPiece::Other(piece),
            };
            pieces.push((kept, start));
            // A sum that is too large contradicts the document's length, and no byte of it will be found.
            start = start.saturating_add(piece.len());
        }
        Self { data_offset, data_len, document_len: meta.document_len, base: meta.base, pieces, parts }
    }

    /// A piece and where in the document it begins.
    pub(crate) fn piece(&self, index: usize) -> Option<(KeptPiece, u64)> {
        self.pieces.get(index).copied()
    }

    /// The index of the piece in which this byte of the document lies.
    pub(crate) fn piece_at(&self, offset: u64) -> usize {
        self.pieces.partition_point(|(_, start)| *start <= offset).saturating_sub(1)
    }

    /// How many pieces there are.
    pub(crate) fn piece_count(&self) -> usize {
        self.pieces.len()
    }
}

#[derive(Clone, Copy, Debug)]
struct KeptPart {
    kind: PartKind,
    start: u64,
    len: u64,
    check: u32,
    /// None until it was looked at.
    state: Option<SpanState>,
}

/// A run of a record's data that lies in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The part's kind; none if the record is lost, so that nobody knows.
    pub(crate) kind: Option<PartKind>,
    pub(crate) len: u64,
    pub(crate) state: SpanState,
}

/// Reads descriptions and data of records, and checks every part once.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) blocks: Blocks,
    pub(crate) index: PackIndex,
    salt: u64,
    /// The longest part that is read.
    max_part: u64,
    known: HashMap<u64, Record>,
    memory: usize,
    scratch: Vec<u8>,
}

impl Records {
    pub(crate) fn new(blocks: Blocks, salt: u64, max_meta: u64, max_part: u64) -> Self {
        let index = PackIndex::new(salt, max_meta);
        Self { blocks, index, salt, max_part, known: HashMap::new(), memory: 0, scratch: Vec::new() }
    }

    /// Takes note of records that were appended since.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        self.blocks.refresh(self.index.end())?;
        self.index.extend(&mut self.blocks)
    }

    /// The description of a record; none if the record is lost.
    pub(crate) fn get(&mut self, number: u64) -> io::Result<Option<&mut Record>> {
        if !self.known.contains_key(&number) {
            let Some(record) = self.read(number)? else { return Ok(None) };
            let memory = size_of::<Record>()
                + record.pieces.capacity() * size_of::<(KeptPiece, u64)>()
                + record.parts.capacity() * size_of::<KeptPart>();
            if self.memory + memory > MAX_MEMORY {
                self.known.clear();
                self.memory = 0;
            }
            self.memory += memory;
            self.known.insert(number, record);
        }
        Ok(self.known.get_mut(&number))
    }

    fn read(&mut self, number: u64) -> io::Result<Option<Record>> {
        let Some(place) = self.index.get(number).filter(|place| place.is_sound) else { return Ok(None) };
        let meta_len = u64::from(place.header.meta_len) + META_CHECKSUM_LEN as u64;
        if !self.blocks.read(place.offset + place.header.meta_offset(), meta_len, &mut self.scratch)? {
            return Ok(None);
        }
        let (meta, check) = self.scratch.split_at(self.scratch.len() - META_CHECKSUM_LEN);
        if checksum(meta, self.salt ^ number).to_le_bytes() != check {
            return Ok(None);
        }
        let Ok(meta) = RecordMeta::decode(meta, number, place.header.data_len) else { return Ok(None) };
        let data_offset = place.offset + RECORD_HEADER_LEN as u64;
        Ok(Some(Record::new(data_offset, u64::from(place.header.data_len), &meta)))
    }

    /// Appends bytes of a record's data to `out`, and calls `run` for each part that they touch. Bytes that are damaged or cannot
    /// be had are spaces.
    pub(crate) fn append(
        &mut self,
        number: u64,
        offset: u64,
        len: u64,
        out: &mut Vec<u8>,
        mut run: impl FnMut(Run),
    ) -> io::Result<()> {
        let salt = self.salt;
        let end = offset.saturating_add(len);
        let is_there = self.get(number)?.is_some_and(|record| end <= record.data_len);
        let Some(record) = self.known.get_mut(&number).filter(|_| is_there) else {
            blank(out, len);
            run(Run { kind: None, len, state: SpanState::Damaged });
            return Ok(());
        };
        let first = record.parts.partition_point(|part| part.start + part.len <= offset);
        for part in record.parts[first..].iter_mut().take_while(|part| part.start < end) {
            let (from, to) = (part.start.max(offset), (part.start + part.len).min(end));
            let before = out.len();
            if part.state.is_none() {
                let sound = part.len <= self.max_part
                    && self.blocks.read(record.data_offset + part.start, part.len, &mut self.scratch)?
                    && checksum(&self.scratch, salt) as u32 == part.check;
                part.state = Some(if sound { SpanState::Sound } else { SpanState::Damaged });
                if sound {
                    let (from, to) = ((from - part.start) as usize, (to - part.start) as usize);
                    out.extend_from_slice(&self.scratch[from..to]);
                }
            } else if part.state == Some(SpanState::Sound)
                && !self.blocks.append(record.data_offset + from, to - from, out)?
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

/// What a piece of a part is for the document that uses it.
fn kind_of_piece(part: &KeptPart, from: u64, to: u64) -> PartKind {
    match (part.kind, from - part.start) {
        (PartKind::String, _) if to - from < part.len => PartKind::Text,
        (kind, 0) => kind,
        // Without its comma.
        (PartKind::LaterElement, 1) => PartKind::FirstElement,
        (PartKind::FirstElement | PartKind::LaterElement, _) => PartKind::RestOfElement,
        (kind, _) => kind,
    }
}

fn blank(out: &mut Vec<u8>, len: u64) {
    out.resize(out.len() + len as usize, b' ');
}
