//! Documents out of a pack.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
};

use thiserror::Error;

use super::{FrameError, Hole, PackBytes, PackIndex, PartKind, Piece, Span, SpanState, checksum, close_holes};

/// How many bases a document may have below it before it is taken for damage.
const MAX_DEPTH: usize = 4096;

/// How many places a document may lie in before it is taken for damage.
const MAX_SEGMENTS: usize = 1 << 22;

/// How many documents' layouts are remembered: one for each thread that is active at a time.
const REMEMBERED: usize = 32;

/// Reads documents out of a pack.
#[derive(Debug)]
pub struct PackReader<B> {
    bytes: B,
    index: PackIndex,
    max_document: u64,
    /// Which parts were looked at, and whether they are sound.
    verified: HashMap<(u64, usize), SpanState>,
    layouts: VecDeque<(u64, Layout)>,
}

/// Where a document's bytes lie in the pack.
type Layout = Arc<Vec<Segment>>;

/// Bytes of a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    record: u64,
    offset: u64,
    len: u64,
}

/// What a document has in common with the one that the same memory held before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// How many bytes at the beginning are the same.
    pub prefix: usize,
    /// How many bytes at the end are the same. They do not overlap the prefix.
    pub suffix: usize,
    /// Where marks stand for what is damaged.
    pub holes: Vec<Hole>,
}

/// Why a document cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The pack's header is not sound.
    #[error("the file of payloads cannot be read: {0}")]
    Header(FrameError),
    /// No sound record has this number.
    #[error("the file of payloads has no sound record {number}")]
    Missing {
        /// The number.
        number: u64,
    },
    /// The document needs a record that is not there, or bytes that are damaged.
    #[error("record {number} of the file of payloads {what}")]
    Damaged {
        /// The record with the damage.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The document is larger than the limit.
    #[error("record {number} of the file of payloads is a document of {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The record.
        number: u64,
        /// The document's size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The pack cannot be read.
    #[error("cannot read the file of payloads")]
    Io(#[from] io::Error),
}

impl<B: PackBytes> PackReader<B> {
    /// Opens a pack. No document larger than `max_document` will be read.
    ///
    /// # Errors
    ///
    /// The bytes cannot be had, or are no pack.
    pub fn open(bytes: B, max_document: u64) -> Result<Self, PackError> {
        let index = PackIndex::read(&bytes)?.map_err(PackError::Header)?;
        Ok(Self { bytes, index, max_document, verified: HashMap::new(), layouts: VecDeque::new() })
    }

    /// Reads where the records are that have come since.
    ///
    /// # Errors
    ///
    /// The bytes cannot be had.
    pub fn update(&mut self) -> io::Result<()> {
        self.index.update(&self.bytes)
    }

    /// Where the records lie.
    pub fn index(&self) -> &PackIndex {
        &self.index
    }

    /// Replaces a document by another one, and touches only what differs.
    ///
    /// `held` is the number of the document that `document` holds, if it is one of this pack and has no holes.
    ///
    /// # Errors
    ///
    /// The document cannot be had, and `document` is as it was.
    pub fn load(&mut self, number: u64, held: Option<u64>, document: &mut Vec<u8>) -> Result<Change, PackError> {
        let layout = self.layout(number)?;
        let held = held.and_then(|held| self.layout(held).ok()).filter(|held| total(held) == document.len() as u64);
        let empty = Layout::default();
        let old = held.as_ref().unwrap_or(&empty);
        let (prefix, suffix) = common(old, &layout);
        let (prefix, suffix) = (to_usize(prefix), to_usize(suffix));
        let len = to_usize(total(&layout));
        let mut middle = vec![0; len - prefix - suffix];
        let sound = self.read(&layout, prefix, &mut middle)?;
        if !sound {
            let mut whole = vec![0; len];
            self.read(&layout, 0, &mut whole)?;
            let spans = self.spans(&layout)?;
            let what = "has a damaged part without which the document is not JSON";
            let holes = close_holes(&mut whole, &spans).ok_or(PackError::Damaged { number, what })?;
            *document = whole;
            return Ok(Change { prefix: 0, suffix: 0, holes });
        }
        let end = if held.is_some() { document.len() - suffix } else { document.len() };
        document.splice(prefix..end, middle);
        Ok(Change { prefix, suffix, holes: Vec::new() })
    }

    /// Where a document's bytes lie.
    fn layout(&mut self, number: u64) -> Result<Layout, PackError> {
        if let Some((_, layout)) = self.layouts.iter().find(|(remembered, _)| *remembered == number) {
            return Ok(Arc::clone(layout));
        }
        // From the document down to one that needs no base or is remembered, then up again.
        let mut chain = vec![];
        let mut below = Layout::default();
        let mut next = Some(number);
        while let Some(number) = next {
            if let Some((_, layout)) = self.layouts.iter().find(|(remembered, _)| *remembered == number) {
                below = Arc::clone(layout);
                break;
            }
            let missing = match chain.last() {
                None => PackError::Missing { number },
                Some(_) => PackError::Damaged { number, what: "is missing, and the document builds upon it" },
            };
            let located = self.index.get(number).ok_or(missing)?;
            let (bytes, limit) = (located.meta.document_len, self.max_document);
            if bytes > limit {
                return Err(PackError::TooLarge { number, bytes, limit });
            }
            chain.push(number);
            if chain.len() > MAX_DEPTH {
                return Err(PackError::Damaged { number, what: "builds upon too many others" });
            }
            next = located.meta.base;
        }
        for &number in chain.iter().rev() {
            below = Arc::new(self.layout_above(number, &below)?);
        }
        if self.layouts.len() == REMEMBERED {
            self.layouts.pop_front();
        }
        self.layouts.push_back((number, Arc::clone(&below)));
        Ok(below)
    }

    /// The layout of one record's document, with that of its base.
    fn layout_above(&self, number: u64, base: &[Segment]) -> Result<Vec<Segment>, PackError> {
        let located = self.index.get(number).ok_or(PackError::Missing { number })?;
        let damaged = |what| PackError::Damaged { number, what };
        let mut segments = Vec::with_capacity(base.len() + located.meta.pieces.len());
        let mut own = 0;
        if located.meta.pieces.is_empty() {
            push(&mut segments, Segment { record: number, offset: 0, len: u64::from(located.header.data_len) });
        }
        for piece in &located.meta.pieces {
            if segments.len() > MAX_SEGMENTS {
                return Err(damaged("lies in too many places"));
            }
            match *piece {
                Piece::Own { len } => {
                    push(&mut segments, Segment { record: number, offset: own, len });
                    own += len;
                }
                Piece::Base { offset, len } => {
                    if !slice(base, offset, len, |segment| push(&mut segments, segment)) {
                        return Err(damaged("takes more from another document than that has"));
                    }
                }
                Piece::Stored { record, offset, len } => {
                    let Some(other) = self.index.get(record) else {
                        // What is not there is a hole, whose kind nobody knows.
                        return Err(damaged("uses a record that is not there"));
                    };
                    if offset.checked_add(len).is_none_or(|end| end > u64::from(other.header.data_len)) {
                        return Err(damaged("takes more from another record than that has"));
                    }
                    push(&mut segments, Segment { record, offset, len });
                }
            }
        }
        Ok(segments)
    }

    /// Fills `out` with the document's bytes from `from` on. False: some of them are damaged.
    fn read(&mut self, layout: &[Segment], from: usize, out: &mut [u8]) -> Result<bool, PackError> {
        let mut sound = true;
        let mut skip = from as u64;
        let mut rest = out;
        for segment in layout {
            if rest.is_empty() {
                break;
            }
            if skip >= segment.len {
                skip -= segment.len;
                continue;
            }
            let take = to_usize(segment.len - skip).min(rest.len());
            let (here, behind) = rest.split_at_mut(take);
            let offset = segment.offset + skip;
            let located = self.index.get(segment.record).ok_or(PackError::Missing { number: segment.record })?;
            self.bytes.read_exact_at(located.data_offset + offset, here)?;
            sound &= self.verify(segment.record, offset, here)?;
            skip = 0;
            rest = behind;
        }
        Ok(sound)
    }

    /// Looks at the checksums of all parts that `bytes`, at `offset` of a record's data, belong to.
    fn verify(&mut self, record: u64, offset: u64, bytes: &[u8]) -> Result<bool, PackError> {
        let located = self.index.get(record).ok_or(PackError::Missing { number: record })?;
        let end = offset + bytes.len() as u64;
        let (mut sound, mut at) = (true, 0);
        for (number, part) in located.meta.parts.iter().enumerate() {
            let part_end = at + part.len;
            if part_end > offset && at < end {
                let state = match self.verified.get(&(record, number)) {
                    Some(&state) => state,
                    None => {
                        let check = if at >= offset && part_end <= end {
                            checksum(&bytes[to_usize(at - offset)..to_usize(part_end - offset)], self.index.salt())
                        } else {
                            let mut whole = vec![0; to_usize(part.len)];
                            self.bytes.read_exact_at(located.data_offset + at, &mut whole)?;
                            checksum(&whole, self.index.salt())
                        };
                        let state = if check as u32 == part.check { SpanState::Sound } else { SpanState::Damaged };
                        self.verified.insert((record, number), state);
                        state
                    }
                };
                sound &= state == SpanState::Sound;
            }
            at = part_end;
            if at >= end {
                break;
            }
        }
        Ok(sound)
    }

    /// The parts that a document is made of, all of which were looked at.
    fn spans(&self, layout: &[Segment]) -> Result<Vec<Span>, PackError> {
        let mut spans = Vec::new();
        for segment in layout {
            let located = self.index.get(segment.record).ok_or(PackError::Missing { number: segment.record })?;
            let end = segment.offset + segment.len;
            let mut at = 0;
            for (number, part) in located.meta.parts.iter().enumerate() {
                let part_end = at + part.len;
                if part_end > segment.offset && at < end {
                    let start = at.max(segment.offset);
                    let state = self.verified.get(&(segment.record, number)).copied().unwrap_or(SpanState::Sound);
                    let kind = match (part.kind, start - at) {
                        (kind, 0) => kind,
                        (PartKind::LaterElement, 1) => PartKind::FirstElement,
                        (PartKind::FirstElement | PartKind::LaterElement, _) => PartKind::RestOfElement,
                        (PartKind::String, _) => PartKind::Text,
                        (kind, _) => kind,
                    };
                    let kind = if kind == PartKind::String && part_end > end { PartKind::Text } else { kind };
                    spans.push(Span { kind, len: to_usize(part_end.min(end) - start), state });
                }
                at = part_end;
            }
        }
        Ok(spans)
    }
}

/// Appends a segment, or makes the last one longer where it goes on.
fn push(segments: &mut Vec<Segment>, segment: Segment) {
    match segments.last_mut() {
        Some(last) if last.record == segment.record && last.offset + last.len == segment.offset => {
            last.len += segment.len;
        }
        _ if segment.len == 0 => {}
        _ => segments.push(segment),
    }
}

/// Visits `len` bytes at `offset` of a document. False: it has fewer.
fn slice(segments: &[Segment], mut offset: u64, mut len: u64, mut visit: impl FnMut(Segment)) -> bool {
    for segment in segments {
        if len == 0 {
            break;
        }
        if offset >= segment.len {
            offset -= segment.len;
            continue;
        }
        let take = len.min(segment.len - offset);
        visit(Segment { offset: segment.offset + offset, len: take, ..*segment });
        offset = 0;
        len -= take;
    }
    len == 0
}

fn total(segments: &[Segment]) -> u64 {
    segments.iter().map(|segment| segment.len).sum()
}

/// How many bytes at the beginning and at the end come from the same place.
fn common(old: &[Segment], new: &[Segment]) -> (u64, u64) {
    let shorter = total(old).min(total(new));
    let mut prefix = 0;
    for (l, r) in old.iter().zip(new) {
        if (l.record, l.offset) != (r.record, r.offset) {
            break;
        }
        prefix += l.len.min(r.len);
        if l.len != r.len {
            break;
        }
    }
    let mut suffix = 0;
    for (l, r) in old.iter().rev().zip(new.iter().rev()) {
        if (l.record, l.offset + l.len) != (r.record, r.offset + r.len) {
            break;
        }
        suffix += l.len.min(r.len);
        if l.len != r.len {
            break;
        }
    }
    let prefix = prefix.min(shorter);
    (prefix, suffix.min(shorter - prefix))
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("documents are limited to what memory can hold")
}
