//! Where the bytes of a document are stored.

use std::io;

use rollout_trace_schema::packed::{MAX_CHAIN, Piece, StoredRange};

use super::records::Records;

/// The maximum length of a document's chain, which is far more than writers make.
const MAX_BASES: u32 = 8 * MAX_CHAIN;

/// Why the ranges of a document cannot be determined.
#[derive(Debug)]
pub(crate) enum LayoutError {
    /// The record with this number is lost, or contradicts another one.
    Record(u64, &'static str),
    Io(io::Error),
}

impl From<io::Error> for LayoutError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns the ranges that make up a document, in their order.
pub(crate) fn layout(number: u64, max_document: u64, records: &mut Records) -> Result<Vec<StoredRange>, LayoutError> {
    let Some(recipe) = records.recipe(number)? else { return Err(LayoutError::Record(number, "is lost")) };
    let len = recipe.document_len;
    // A piece takes about as much memory as a range. Only a malicious file needs more steps than this.
    let steps = usize::try_from(max_document / size_of::<StoredRange>() as u64).unwrap_or(usize::MAX).max(4096);
    let mut search = Search { records, ranges: Vec::with_capacity(recipe.pieces.len()), steps };
    search.add(number, 0, len, MAX_BASES)?;
    Ok(search.ranges)
}

/// Resolves a document to the data that it consists of.
struct Search<'a> {
    records: &'a mut Records,
    ranges: Vec<StoredRange>,
    /// How many more pieces may be visited.
    steps: usize,
}

impl Search<'_> {
    /// Adds `len` bytes at `offset` of a document.
    fn add(&mut self, number: u64, offset: u64, len: u64, bases: u32) -> Result<(), LayoutError> {
        let refuse = |what| Err(LayoutError::Record(number, what));
        let Some(recipe) = self.records.recipe(number)? else { return refuse("is lost") };
        if offset.checked_add(len).is_none_or(|end| end > recipe.document_len) {
            return refuse("is shorter than another document requires");
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
                (Piece::Data(range), _) => {
                    let range = range.stored_in(number);
                    push(&mut self.ranges, StoredRange { offset: range.offset.wrapping_add(skip), len: take, ..range });
                }
                (Piece::Base { offset, .. }, Some(base)) => match bases.checked_sub(1) {
                    Some(bases) => self.add(base, offset + skip, take, bases)?,
                    None => return refuse("is at the end of too long a chain"),
                },
                (Piece::Base { .. }, None) => return refuse("contradicts itself"),
            }
            at += 1;
            offset += take;
            left -= take;
        }
        Ok(())
    }
}

/// Appends a range, joined with the last one if it can be.
fn push(ranges: &mut Vec<StoredRange>, range: StoredRange) {
    match ranges.last_mut() {
        Some(last) if last.goes_on_in(range) => last.len += range.len,
        _ => ranges.push(range),
    }
}

/// Returns the length of the document.
pub(crate) fn total(ranges: &[StoredRange]) -> u64 {
    ranges.iter().map(|range| range.len).sum()
}

/// Returns how many bytes at the start and at the end of two documents are stored at the same place. The two do not
/// overlap.
pub(crate) fn common(old: &[StoredRange], new: &[StoredRange]) -> (u64, u64) {
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
        let end = |range: &StoredRange| range.offset.wrapping_add(range.len);
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

    fn ranges(all: &[(u64, u64, u64)]) -> Vec<StoredRange> {
        all.iter().map(|&(record, offset, len)| StoredRange { record, offset, len }).collect()
    }

    #[test]
    fn what_two_documents_share() {
        let old = ranges(&[(1, 0, 10), (2, 0, 5), (1, 10, 3)]);
        assert_eq!(common(&old, &old), (18, 0));
        assert_eq!(common(&old, &ranges(&[(1, 0, 10), (2, 0, 7), (1, 10, 3)])), (15, 3));
        assert_eq!(common(&old, &ranges(&[(1, 0, 12), (3, 0, 5), (1, 11, 2)])), (10, 2));
        assert_eq!(common(&old, &ranges(&[(3, 0, 1)])), (0, 0));
        assert_eq!(common(&old, &[]), (0, 0));
    }

    #[test]
    fn adjacent_ranges_are_joined() {
        let mut joined = Vec::new();
        ranges(&[(1, 5, 5), (1, 10, 5), (2, 0, 1)]).into_iter().for_each(|range| push(&mut joined, range));
        assert_eq!(joined, ranges(&[(1, 5, 10), (2, 0, 1)]));
        assert_eq!(total(&joined), 11);
    }
}
