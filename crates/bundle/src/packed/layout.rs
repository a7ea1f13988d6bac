//! Where the bytes of a document lie.

use std::io;

use rollout_trace_schema::packed::{MAX_CHAIN, Piece};

use super::records::Records;

/// How many bases a document may have below it: well above what writers make.
const MAX_BASES: u32 = 8 * MAX_CHAIN;

/// Bytes of a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) record: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Why there is no layout.
#[derive(Debug)]
pub(crate) enum LayoutError {
    /// The record with this number is lost, or contradicts another.
    Record(u64, &'static str),
    Io(io::Error),
}

impl From<io::Error> for LayoutError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The segments that are a document, in their order.
pub(crate) fn layout(number: u64, max_document: u64, records: &mut Records) -> Result<Vec<Segment>, LayoutError> {
    let Some(recipe) = records.recipe(number)? else { return Err(LayoutError::Record(number, "is lost")) };
    let len = recipe.document_len;
    // A reference takes about as much as a segment; what has more of them is no document but an attack.
    let steps = usize::try_from(max_document / size_of::<Segment>() as u64).unwrap_or(usize::MAX).max(4096);
    let mut search = Search { records, segments: Vec::with_capacity(recipe.pieces.len()), steps };
    search.add(number, 0, len, MAX_BASES)?;
    Ok(search.segments)
}

/// Follows a document down to the data that it is made of.
struct Search<'a> {
    records: &'a mut Records,
    segments: Vec<Segment>,
    /// How many pieces may still be looked at.
    steps: usize,
}

impl Search<'_> {
    /// Adds `len` bytes at `offset` of a document.
    fn add(&mut self, number: u64, offset: u64, len: u64, bases: u32) -> Result<(), LayoutError> {
        let refuse = |what| Err(LayoutError::Record(number, what));
        let Some(recipe) = self.records.recipe(number)? else { return refuse("is lost") };
        if offset.checked_add(len).is_none_or(|end| end > recipe.document_len) {
            return refuse("has less than another document takes from it");
        }
        let (mut at, mut offset, mut left) = (recipe.piece_at(offset), offset, len);
        while left > 0 {
            let Some(&(piece, start)) = recipe.pieces.get(at) else { return refuse("contradicts itself") };
            let skip = offset.saturating_sub(start);
            let take = left.min(piece.len().saturating_sub(skip));
            if take == 0 {
                return refuse("contradicts itself");
            }
            self.steps = match self.steps.checked_sub(1) {
                Some(steps) => steps,
                None => return refuse("has too many pieces"),
            };
            match (piece, recipe.base) {
                (KeptPiece::Own { offset, .. }, _) => {
                    push(&mut self.segments, Segment { record: number, offset: offset + skip, len: take });
                }
                (KeptPiece::Other(Piece::Stored { record, offset, .. }), _) => {
                    push(&mut self.segments, Segment { record, offset: offset.wrapping_add(skip), len: take });
                }
                (KeptPiece::Other(Piece::Base { offset, .. }), Some(base)) => match bases.checked_sub(1) {
                    Some(bases) => self.add(base, offset + skip, take, bases)?,
                    None => return refuse("stands at the end of too long a chain"),
                },
                (KeptPiece::Other(_), _) => return refuse("contradicts itself"),
            }
            at += 1;
            offset += take;
            left -= take;
        }
        Ok(())
    }
}

/// A piece with what the record leaves to be counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeptPiece {
    /// Bytes of the record's own data.
    Own { offset: u64, len: u64 },
    /// Bytes from elsewhere.
    Other(Piece),
}

impl KeptPiece {
    pub(crate) fn len(self) -> u64 {
        match self {
            Self::Own { len, .. } => len,
            Self::Other(piece) => piece.len(),
        }
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
