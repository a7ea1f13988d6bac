//! Where the bytes of a document lie.

use super::known::Stored;

/// The ranges that are a document, one after the other.
#[derive(Debug, Default)]
pub(super) struct Ranges(Vec<Placed>);

/// A range, and where in the document it ends. With the ends, no range is looked at that a change leaves where it is.
#[derive(Clone, Copy, Debug)]
struct Placed {
    stored: Stored,
    end: u64,
}

impl Ranges {
    /// Appends a range, or makes the last one longer where it goes on.
    pub(super) fn push(&mut self, range: Stored) {
        match self.0.last_mut() {
            Some(last) if last.stored.goes_on_in(range) => {
                last.stored.len += range.len;
                last.end += range.len;
            }
            last => {
                let end = last.map_or(0, |last| last.end) + range.len;
                self.0.push(Placed { stored: range, end });
            }
        }
    }

    /// Calls `visit` with the ranges that are `len` bytes at `offset`.
    pub(super) fn slice(&self, offset: u64, len: u64, mut visit: impl FnMut(Stored)) {
        let to = offset + len;
        let first = self.0.partition_point(|range| range.end <= offset);
        for Placed { stored, end } in &self.0[first..] {
            let start = end - stored.len;
            if start >= to || len == 0 {
                return;
            }
            let (from, to) = (start.max(offset), to.min(*end));
            visit(Stored { offset: stored.offset + (from - start), len: to - from, ..*stored });
        }
    }

    /// Cuts the document off behind `len` bytes.
    pub(super) fn truncate(&mut self, len: u64) {
        let whole = self.0.partition_point(|range| range.end <= len);
        let cut = self.0.get(whole).copied();
        self.0.truncate(whole);
        let before = self.0.last().map_or(0, |last| last.end);
        if let Some(Placed { stored, .. }) = cut.filter(|_| len > before) {
            self.push(Stored { len: len - before, ..stored });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes of a document, each as the place where it lies.
    fn bytes(ranges: &[Stored]) -> Vec<(u64, u64)> {
        ranges.iter().flat_map(|range| (0..range.len).map(|at| (range.record, range.offset + at))).collect()
    }

    fn slice(ranges: &Ranges, offset: u64, len: u64) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        ranges.slice(offset, len, |range| found.push(range));
        assert!(found.iter().all(|range| range.len > 0));
        bytes(&found)
    }

    proptest! {
        #[test]
        fn slices_and_what_is_left_are_the_documents(
            pushed in prop::collection::vec((0..3_u64, 0..4_u64, 1..5_u64), 0..12),
            from: prop::sample::Index,
            to: prop::sample::Index,
        ) {
            let pushed: Vec<Stored> =
                pushed.into_iter().map(|(record, offset, len)| Stored { record, offset, len }).collect();
            let document = bytes(&pushed);
            let mut ranges = Ranges::default();
            pushed.iter().for_each(|range| ranges.push(*range));
            let (from, to) = (from.index(document.len() + 1), to.index(document.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            prop_assert_eq!(slice(&ranges, from as u64, (to - from) as u64), &document[from..to]);
            ranges.truncate(to as u64);
            prop_assert_eq!(slice(&ranges, 0, to as u64), &document[..to]);
            ranges.push(Stored { record: 9, offset: 0, len: 1 });
            prop_assert_eq!(slice(&ranges, to as u64, 1), [(9, 0)]);
        }
    }
}
