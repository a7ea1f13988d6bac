//! A record while a walk puts it together.

use rollout_trace_schema::packed::{DataRange, RecordBuilder, SealedRecord};

use super::Fingerprint;

/// A record that has no number yet, and the texts in it that later documents may refer to.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) record: RecordBuilder,
    pub(super) findings: Findings,
}

impl Draft {
    /// Empties the draft and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.record.clear();
        self.findings.entries.clear();
        self.findings.ranges.clear();
    }

    /// Takes over the memory of the record that was made of this draft.
    pub(crate) fn reuse(&mut self, record: SealedRecord) {
        self.record.reuse(record);
    }

    /// Returns how much memory the draft holds, approximately.
    pub(super) fn memory(&self) -> usize {
        self.record.memory() + size_of::<DataRange>() * self.findings.ranges.capacity()
    }
}

/// Texts that a record is the first to store. Once it is written, [`KnownTexts`](super::KnownTexts) learns them.
#[derive(Debug, Default)]
pub(super) struct Findings {
    entries: Vec<Finding>,
    /// The ranges of all entries, one after the other.
    ranges: Vec<DataRange>,
}

#[derive(Clone, Copy, Debug)]
struct Finding {
    fingerprint: Fingerprint,
    /// How many of the ranges belong to it.
    range_count: usize,
}

impl Findings {
    /// Notes that these ranges are the text with this fingerprint.
    pub(super) fn note(&mut self, fingerprint: Fingerprint, ranges: &[DataRange]) {
        self.ranges.extend_from_slice(ranges);
        self.entries.push(Finding { fingerprint, range_count: ranges.len() });
    }

    /// Returns each fingerprint with the ranges of its text.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Fingerprint, &[DataRange])> {
        let mut rest = &self.ranges[..];
        self.entries.iter().map(move |entry| {
            let (ranges, others) = rest.split_at(entry.range_count);
            rest = others;
            (entry.fingerprint, ranges)
        })
    }
}
