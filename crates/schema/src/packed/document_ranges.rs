//! Where the bytes of a document are stored.

use super::StoredRange;

/// The stored ranges that make up a document, in its order.
#[derive(Debug, Default)]
pub struct DocumentRanges(Vec<Placed>);

/// A range, and where in the document it ends. The ends let a lookup and a change skip all ranges before them.
#[derive(Clone, Copy, Debug)]
struct Placed {
    range: StoredRange,
    end: u64,
}

impl DocumentRanges {
    /// Appends a range, joined with the last one if it can be.
    pub fn push(&mut self, range: StoredRange) {
        let end = self.len() + range.len;
        match self.0.last_mut() {
            Some(last) if last.range.goes_on_in(range) => {
                last.range.len += range.len;
                last.end = end;
            }
            _ => self.0.push(Placed { range, end }),
        }
    }

    /// Returns the document's length.
    fn len(&self) -> u64 {
        self.0.last().map_or(0, |last| last.end)
    }

    /// Calls `visit` with the ranges that make up `len` bytes of the document from `offset` on.
    pub fn slice(&self, offset: u64, len: u64, mut visit: impl FnMut(StoredRange)) {
        let to = offset + len;
        let first = self.0.partition_point(|placed| placed.end <= offset);
        for Placed { range, end } in &self.0[first..] {
            let start = end - range.len;
            if start >= to || len == 0 {
                return;
            }
            let (from, to) = (start.max(offset), to.min(*end));
            visit(StoredRange { offset: range.offset + (from - start), len: to - from, ..*range });
        }
    }

    /// Keeps the first `len` bytes of the document.
    pub fn truncate(&mut self, len: u64) {
        let whole = self.0.partition_point(|placed| placed.end <= len);
        let cut = self.0.get(whole).copied();
        self.0.truncate(whole);
        let before = self.len();
        if let Some(Placed { range, .. }) = cut.filter(|_| len > before) {
            self.push(StoredRange { len: len - before, ..range });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the bytes of a document, each as the place where it is stored.
    fn bytes(ranges: &[StoredRange]) -> Vec<(u64, u64)> {
        ranges.iter().flat_map(|range| (0..range.len).map(|at| (range.record, range.offset + at))).collect()
    }

    fn slice(ranges: &DocumentRanges, offset: u64, len: u64) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        ranges.slice(offset, len, |range| found.push(range));
        assert!(found.iter().all(|range| range.len > 0));
        bytes(&found)
    }

    proptest! {
        #[test]
        fn slices_and_prefixes_are_those_of_the_document(
            pushed in prop::collection::vec((0..3_u64, 0..4_u64, 1..5_u64), 0..12),
            from: prop::sample::Index,
            to: prop::sample::Index,
        ) {
            let pushed: Vec<StoredRange> =
                pushed.into_iter().map(|(record, offset, len)| StoredRange { record, offset, len }).collect();
            let document = bytes(&pushed);
            let mut ranges = DocumentRanges::default();
            pushed.iter().for_each(|range| ranges.push(*range));
            let (from, to) = (from.index(document.len() + 1), to.index(document.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            prop_assert_eq!(slice(&ranges, from as u64, (to - from) as u64), &document[from..to]);
            ranges.truncate(to as u64);
            prop_assert_eq!(slice(&ranges, 0, to as u64), &document[..to]);
            ranges.push(StoredRange { record: 9, offset: 0, len: 1 });
            prop_assert_eq!(slice(&ranges, to as u64, 1), [(9, 0)]);
        }
    }
}
