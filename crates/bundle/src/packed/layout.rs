//! Where the bytes of a document lie.

use std::{collections::VecDeque, io, sync::Arc};

use rollout_trace_schema::packed::{MAX_CHAIN, Piece};

use super::records::Records;

/// How many bases a document may have below it: well above what writers make.
const MAX_BASES: usize = 32 * MAX_CHAIN as usize;

/// How many layouts are remembered: one for each thread that is active at a time.
const REMEMBERED: usize = 32;

/// Bytes of a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) record: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// The segments that are a document, in their order.
pub(crate) type Layout = Arc<[Segment]>;

/// Why there is no layout.
#[derive(Debug)]
pub(crate) enum LayoutError {
    /// The record with this number is lost, or contradicts another.
    Record(u64, &'static str),
    /// The document, or one of its bases, is larger than the limit.
    TooLarge(u64),
    Io(io::Error),
}

impl From<io::Error> for LayoutError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Works out layouts, and remembers the latest.
#[derive(Debug)]
pub(crate) struct Layouts {
    remembered: VecDeque<(u64, Layout)>,
    max_document: u64,
    max_segments: usize,
}

impl Layouts {
    pub(crate) fn new(max_document: u64) -> Self {
        // A reference takes about as much as a segment; what has more of them is no document but an attack.
        let max_segments = usize::try_from(max_document / size_of::<Segment>() as u64).unwrap_or(usize::MAX).max(4096);
        Self { remembered: VecDeque::new(), max_document, max_segments }
    }

    fn known(&self, number: u64) -> Option<Layout> {
        let found = self.remembered.iter().rev().find(|(known, _)| *known == number);
        found.map(|(_, layout)| Arc::clone(layout))
    }

    /// The layout of a document, whose record must be there.
    pub(crate) fn of(&mut self, number: u64, records: &mut Records) -> Result<Layout, LayoutError> {
        if let Some(layout) = self.known(number) {
            return Ok(layout);
        }
        // From the document down to one that is remembered or has no base, then up again.
        let mut chain = Vec::new();
        let mut below: Layout = Arc::new([]);
        let mut next = Some(number);
        while let Some(number) = next {
            if let Some(layout) = self.known(number) {
                below = layout;
                break;
            }
            let Some(record) = records.get(number)? else {
                return Err(LayoutError::Record(number, "is lost"));
            };
            if record.document_len > self.max_document {
                return Err(LayoutError::TooLarge(record.document_len));
            }
            if chain.len() == MAX_BASES {
                return Err(LayoutError::Record(number, "stands at the end of too long a chain"));
            }
            chain.push(number);
            next = record.base;
        }
        for &number in chain.iter().rev() {
            below = self.above(number, &below, records)?.into();
        }
        // One that lies in one place is found again at once.
        if below.len() > 1 {
            if self.remembered.len() == REMEMBERED {
                self.remembered.pop_front();
            }
            self.remembered.push_back((number, Arc::clone(&below)));
        }
        Ok(below)
    }

    /// The layout of a document by that of its base.
    fn above(&self, number: u64, base: &[Segment], records: &mut Records) -> Result<Vec<Segment>, LayoutError> {
        let Some(record) = records.get(number)? else { return Err(LayoutError::Record(number, "is lost")) };
        let mut segments = Vec::with_capacity(base.len() + 8);
        if record.pieces.is_empty() {
            push(&mut segments, Segment { record: number, offset: 0, len: record.data_len });
        }
        let mut own = 0;
        for piece in &record.pieces {
            match *piece {
                Piece::Own { len } => {
                    push(&mut segments, Segment { record: number, offset: own, len });
                    own += len;
                }
                Piece::Stored { record, offset, len } => push(&mut segments, Segment { record, offset, len }),
                Piece::Base { offset, len } => {
                    if !slice(base, offset, len, |segment| push(&mut segments, segment)) {
                        return Err(LayoutError::Record(number, "takes more from another document than there is"));
                    }
                }
            }
            if segments.len() > self.max_segments {
                return Err(LayoutError::Record(number, "has too many pieces"));
            }
        }
        Ok(segments)
    }
}

/// Appends a segment, or makes the last one longer where this one goes on.
pub(crate) fn push(segments: &mut Vec<Segment>, segment: Segment) {
    match segments.last_mut() {
        Some(last) if last.record == segment.record && last.offset.wrapping_add(last.len) == segment.offset => {
            last.len += segment.len;
        }
        _ if segment.len == 0 => {}
        _ => segments.push(segment),
    }
}

/// Visits `len` bytes at `offset` of a document. False: it has fewer.
pub(crate) fn slice(segments: &[Segment], mut offset: u64, mut len: u64, mut visit: impl FnMut(Segment)) -> bool {
    for segment in segments {
        if len == 0 {
            break;
        }
        if offset >= segment.len {
            offset -= segment.len;
            continue;
        }
        let take = len.min(segment.len - offset);
        visit(Segment { offset: segment.offset.wrapping_add(offset), len: take, ..*segment });
        offset = 0;
        len -= take;
    }
    len == 0
}

/// How long the document is.
pub(crate) fn total(segments: &[Segment]) -> u64 {
    segments.iter().map(|segment| segment.len).sum()
}

/// How many bytes at the beginning and at the end of two documents come from the same place. They do not overlap.
pub(crate) fn common(old: &[Segment], new: &[Segment]) -> (u64, u64) {
    let mut prefix = 0;
    for (left, right) in old.iter().zip(new) {
        if (left.record, left.offset) != (right.record, right.offset) {
            break;
        }
        prefix += left.len.min(right.len);
        if left.len != right.len {
            break;
        }
    }
    let mut suffix = 0;
    for (left, right) in old.iter().rev().zip(new.iter().rev()) {
        let end = |segment: &Segment| segment.offset.wrapping_add(segment.len);
        if (left.record, end(left)) != (right.record, end(right)) {
            break;
        }
        suffix += left.len.min(right.len);
        if left.len != right.len {
            break;
        }
    }
    let shorter = total(old).min(total(new));
    let prefix = prefix.min(shorter);
    (prefix, suffix.min(shorter - prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(all: &[(u64, u64, u64)]) -> Vec<Segment> {
        all.iter().map(|&(record, offset, len)| Segment { record, offset, len }).collect()
    }

    #[test]
    fn what_two_documents_share() {
        let old = segments(&[(1, 0, 10), (2, 0, 5), (1, 10, 3)]);
        assert_eq!(common(&old, &old), (18, 0));
        assert_eq!(common(&old, &segments(&[(1, 0, 10), (2, 0, 7), (1, 10, 3)])), (15, 3));
        assert_eq!(common(&old, &segments(&[(1, 0, 12), (3, 0, 5), (1, 11, 2)])), (10, 2));
        assert_eq!(common(&old, &segments(&[(3, 0, 1)])), (0, 0));
        assert_eq!(common(&old, &[]), (0, 0));
    }

    #[test]
    fn segments_that_go_on_are_one() {
        let mut joined = Vec::new();
        assert!(slice(&segments(&[(1, 5, 5), (1, 10, 5), (2, 0, 1)]), 3, 8, |segment| push(&mut joined, segment)));
        assert_eq!(joined, segments(&[(1, 8, 7), (2, 0, 1)]));
        assert!(!slice(&joined, 0, 9, |_| {}));
        assert_eq!(total(&joined), 8);
    }
}
