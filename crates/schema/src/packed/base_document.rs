//! The document that the next one of its thread is described against.

use super::{DocumentRanges, MAX_CHAIN, Piece, RecordBuilder};

/// A document whose record has been written, in the form in which the next document of its thread refers to it.
#[derive(Debug)]
pub struct BaseDocument {
    number: u64,
    ranges: DocumentRanges,
    /// The number of bases that must be read before this document.
    chain: u32,
}

impl BaseDocument {
    /// Returns the document of the record `number`, which is written from `record`.
    ///
    /// `before` is the base of the record, if it has one.
    pub fn new(number: u64, record: &RecordBuilder, before: Option<Self>) -> Self {
        let chain = match &before {
            Some(before) if record.refers_to(before) && !before.ends_chain() => before.chain + 1,
            _ => 0,
        };
        let mut ranges = before.map(|before| before.ranges).unwrap_or_default();
        // A request repeats the beginning of the one before it, so most ranges stay where they are.
        let (kept, changed) = match record.pieces() {
            [Piece::Base { offset: 0, len }, changed @ ..] => (*len, changed),
            changed => (0, changed),
        };
        let mut new = Vec::new();
        for piece in changed {
            match *piece {
                Piece::Data(range) => new.push(range.stored_in(number)),
                Piece::Base { offset, len } => ranges.slice(offset, len, |range| new.push(range)),
            }
        }
        ranges.truncate(kept);
        new.into_iter().for_each(|range| ranges.push(range));
        Self { number, ranges, chain }
    }

    /// Returns the number of the document's record.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the stored ranges that make up the document.
    pub(super) fn ranges(&self) -> &DocumentRanges {
        &self.ranges
    }

    /// Returns whether the next document must be written without a base, so that the chain does not grow longer than
    /// [`MAX_CHAIN`].
    pub(super) fn ends_chain(&self) -> bool {
        self.chain + 1 >= MAX_CHAIN
    }
}
