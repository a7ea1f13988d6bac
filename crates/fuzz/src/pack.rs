//! Packs whose documents consist of arbitrary pieces, and damage to them.

use std::{collections::BTreeSet, ops::Range};

use arbitrary::Arbitrary;
use rollout_trace_schema::packed::{
    Checksums, DataRange, FILE_HEADER_LEN, FileHeader, PackVersion, Part, PartKind, Piece, RECORD_HEADER_LEN, RecordHeader,
    RecordMeta, StoredRange,
};

/// The maximum number of records that are made from an input. Further records would test nothing new.
const MAX_RECORDS: usize = 24;

/// The maximum length of a document that repeats others.
const MAX_DOCUMENT: usize = 1 << 16;

/// The plan of a pack.
#[derive(Arbitrary, Debug)]
pub struct PackPlan {
    salt: u64,
    /// Whether the pack is of the first version of the layout.
    is_old: bool,
    records: Vec<RecordPlan>,
}

#[derive(Arbitrary, Debug)]
struct RecordPlan {
    /// How many numbers are skipped before this record's.
    gap: u8,
    /// How many records back the base is; 0 for none.
    base: u8,
    pieces: Vec<PiecePlan>,
}

#[derive(Arbitrary, Debug)]
enum PiecePlan {
    /// New text, with the kind that its part claims.
    Own { text: u8, kind: u8 },
    /// New bytes.
    Bytes { bytes: Vec<u8>, kind: u8 },
    /// A run of the base.
    Base { from: u16, len: u16 },
    /// A run of the data of an earlier record.
    Stored { back: u8, from: u16, len: u16 },
}

/// Texts around which marks of damaged parts must fit.
const TEXTS: &[&str] = &[
    "{\"input\":[", "]}", "{\"a\":1}", ",{\"a\":1}", ",", "\"text\"", "{\"text\":", "}", "[", "1", ":", "\0rtr", "\\", "\"",
];

const KINDS: [PartKind; 5] =
    [PartKind::Text, PartKind::String, PartKind::FirstElement, PartKind::LaterElement, PartKind::RestOfElement];

/// A pack, and the documents that must be read from it.
pub struct Pack {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its documents.
    pub documents: Vec<PackedDocument>,
}

/// A document of a pack.
#[derive(Debug)]
pub struct PackedDocument {
    /// The number of the record.
    pub number: u64,
    /// The bytes of the document.
    pub bytes: Vec<u8>,
    record: Range<usize>,
    data: Range<usize>,
    /// The records that the document depends on, including its own.
    chain: BTreeSet<usize>,
    /// Where each of the document's bytes is in the file.
    places: Vec<usize>,
    /// Where each part of the record is in the file.
    parts: Vec<Range<usize>>,
}

impl PackPlan {
    /// Builds the pack.
    pub fn build(&self) -> Pack {
        let version = if self.is_old { PackVersion::V1 } else { PackVersion::NEWEST };
        let header = FileHeader { version, salt: self.salt };
        let mut pack = Pack { bytes: header.encode().to_vec(), documents: Vec::new() };
        let mut number = 0;
        for plan in self.records.iter().take(MAX_RECORDS) {
            number += 1 + u64::from(plan.gap % 4);
            pack.add(number, plan, header.checksums());
        }
        pack
    }
}

impl Pack {
    fn add(&mut self, number: u64, plan: &RecordPlan, checksums: Checksums) {
        let base = self.documents.len().checked_sub(usize::from(plan.base)).filter(|_| plan.base > 0);
        let offset = self.bytes.len();
        let data_start = offset + RECORD_HEADER_LEN;
        let mut document = PackedDocument {
            number,
            bytes: Vec::new(),
            record: offset..offset,
            data: data_start..data_start,
            chain: base.map_or(BTreeSet::new(), |base| self.documents[base].chain.clone()),
            places: Vec::new(),
            parts: Vec::new(),
        };
        document.chain.insert(self.documents.len());
        let mut meta = RecordMeta { base: base.map(|base| self.documents[base].number), ..RecordMeta::default() };
        let mut data = Vec::new();
        for piece in &plan.pieces {
            match piece {
                PiecePlan::Own { text, kind } => {
                    let text = TEXTS[usize::from(*text) % TEXTS.len()].as_bytes();
                    document.own(text, *kind, checksums, &mut data, &mut meta);
                }
                PiecePlan::Bytes { bytes, kind } => document.own(bytes, *kind, checksums, &mut data, &mut meta),
                PiecePlan::Base { from, len } => {
                    let Some(base) = base.map(|base| &self.documents[base]) else { continue };
                    let run = run(*from, *len, base.bytes.len());
                    if run.is_empty() || document.bytes.len() + run.len() > MAX_DOCUMENT {
                        continue;
                    }
                    meta.pieces.push(Piece::Base { offset: run.start as u64, len: run.len() as u64 });
                    document.bytes.extend(&base.bytes[run.clone()]);
                    document.places.extend(&base.places[run]);
                }
                PiecePlan::Stored { back, from, len } => {
                    let other = self.documents.len().checked_sub(1 + usize::from(*back));
                    let Some(other) = other.map(|other| &self.documents[other]) else { continue };
                    let run = run(*from, *len, other.data.len());
                    if run.is_empty() || document.bytes.len() + run.len() > MAX_DOCUMENT {
                        continue;
                    }
                    let (offset, len) = (run.start as u64, run.len() as u64);
                    let range = StoredRange { record: other.number, offset, len };
                    meta.pieces.push(Piece::Data(DataRange::Stored(range)));
                    let places = other.data.start + run.start..other.data.start + run.end;
                    document.bytes.extend(&self.bytes[places.clone()]);
                    document.places.extend(places);
                }
            }
        }
        meta.document_len = document.bytes.len() as u64;
        let mut meta_bytes = Vec::new();
        meta.encode(number, &mut meta_bytes);
        let lengths = (meta_bytes.len() as u32, data.len() as u32);
        let header = RecordHeader { number, meta_len: lengths.0, data_len: lengths.1 };
        self.bytes.extend(header.encode(checksums, offset as u64));
        self.bytes.extend(&data);
        self.bytes.extend(&meta_bytes);
        self.bytes.extend(checksums.of_meta(&meta_bytes, number).to_le_bytes());
        document.data.end += data.len();
        document.record.end = self.bytes.len();
        self.documents.push(document);
    }

    /// Returns the documents that depend on this byte of the file. None depends on a byte of the file's header.
    pub fn dependants(&self, at: usize) -> BTreeSet<u64> {
        let Some(damaged) = self.documents.iter().position(|document| document.record.contains(&at)) else {
            return BTreeSet::new();
        };
        let record = &self.documents[damaged];
        let part = record.parts.iter().find(|part| part.contains(&at));
        let lost = part.unwrap_or(&record.data);
        let concerned = self.documents.iter().filter(|document| {
            (part.is_none() && document.chain.contains(&damaged))
                || document.places.iter().any(|place| lost.contains(place))
        });
        concerned.map(|document| document.number).collect()
    }

    /// Returns the documents that are complete in the first `length` bytes of the file.
    pub fn within(&self, length: usize) -> BTreeSet<u64> {
        let whole = self.documents.iter().filter(|document| document.record.end <= length);
        whole.map(|document| document.number).collect()
    }
}

impl PackedDocument {
    fn own(&mut self, bytes: &[u8], kind: u8, checksums: Checksums, data: &mut Vec<u8>, meta: &mut RecordMeta) {
        if bytes.is_empty() {
            return;
        }
        let start = self.data.start + data.len();
        let (kind, len) = (KINDS[usize::from(kind) % KINDS.len()], bytes.len() as u64);
        meta.parts.push(Part { kind, len, check: checksums.of_part(bytes) });
        meta.pieces.push(Piece::Data(DataRange::Own { offset: data.len() as u64, len }));
        self.parts.push(start..start + bytes.len());
        self.places.extend(start..start + bytes.len());
        self.bytes.extend(bytes);
        data.extend(bytes);
    }
}

/// Returns a run within something that has `of` bytes.
fn run(from: u16, len: u16, of: usize) -> Range<usize> {
    let from = usize::from(from).min(of);
    from..(from + usize::from(len)).min(of)
}

/// Damage to a pack.
#[derive(Arbitrary, Debug)]
pub enum Damage {
    /// Nothing.
    None,
    /// A byte is changed.
    Flip { at: u32, bits: u8 },
    /// The file ends here.
    Cut { at: u32 },
    /// These bytes are appended.
    Longer(Vec<u8>),
    /// These bytes overwrite others.
    Over { at: u32, bytes: Vec<u8> },
}

impl Damage {
    /// Damages the pack. Returns the documents that must still be sound.
    pub fn apply(&self, pack: &mut Pack) -> BTreeSet<u64> {
        let len = pack.bytes.len();
        let all = pack.within(len);
        match self {
            Self::None => all,
            Self::Flip { at, bits } => {
                let at = *at as usize % len;
                pack.bytes[at] ^= bits;
                if *bits == 0 { all } else { &all - &pack.dependants(at) }
            }
            Self::Cut { at } => {
                let at = *at as usize % (len + 1);
                pack.bytes.truncate(at);
                if at < FILE_HEADER_LEN { BTreeSet::new() } else { pack.within(at) }
            }
            Self::Longer(bytes) => {
                pack.bytes.extend(bytes);
                all
            }
            Self::Over { at, bytes } => {
                let at = *at as usize % len;
                let end = len.min(at + bytes.len());
                let concerned = (at..end).flat_map(|at| pack.dependants(at)).collect();
                pack.bytes[at..end].copy_from_slice(&bytes[..end - at]);
                // A header with two damaged bytes cannot be reconstructed.
                if at < FILE_HEADER_LEN { BTreeSet::new() } else { &all - &concerned }
            }
        }
    }
}
