//! The record that a walk builds.

use rollout_trace_schema::packed::{DataRange, RecordBuilder, SealedRecord};

use super::Fingerprint;

/// A record that has no number yet, and the texts in it to which later documents may refer.
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

    /// Takes over the memory of the record that was made from this draft.
    pub(crate) fn reuse(&mut self, record: SealedRecord) {
        self.record.reuse(record);
    }

    /// Returns how much memory the draft holds, approximately.
    pub(super) fn memory(&self) -> usize {
        self.record.memory() + size_of::<DataRange>() * self.findings.ranges.capacity()
    }
}

/// The texts that a record is the first to store. After it is written, [`KnownTexts`](super::KnownTexts) learns them.
#[derive(Debug, Default)]
pub(super) struct Findings {
    entries: Vec<Finding>,
    /// The ranges of all findings, one after the other.
    ranges: Vec<DataRange>,
}

#[derive(Clone, Copy, Debug)]
struct Finding {
    fingerprint: Fingerprint,
    /// How many of the ranges belong to this finding.
    range_count: usize,
}

impl Findings {
    /// Adds the text that has this fingerprint and consists of these ranges.
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
