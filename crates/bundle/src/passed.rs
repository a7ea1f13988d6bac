//! Which events have been passed on.

use std::collections::BTreeMap;

use rollout_trace_schema::Seq;

/// How many fingerprints are kept. If the fingerprint of a seq has been dropped, a repeated line counts as a different
/// event.
const FINGERPRINTS: usize = 65_536;

/// The missing seqs below the next one, and the fingerprints of the latest events.
#[derive(Debug)]
pub(crate) struct Passed {
    /// The missing seqs as ranges: the first seq, and the seq after the last.
    missing: BTreeMap<Seq, Seq>,
    fingerprints: BTreeMap<Seq, u64>,
}

impl Default for Passed {
    fn default() -> Self {
        // The first seq is 1.
        Self { missing: BTreeMap::from([(0, 1)]), fingerprints: BTreeMap::new() }
    }
}

impl Passed {
    pub(crate) fn is_missing(&self, seq: Seq) -> bool {
        self.range_of(seq).is_some()
    }

    /// Records that each seq from `first` up to but not including `next` is missing.
    pub(crate) fn note_missing(&mut self, first: Seq, next: Seq) {
        if first < next {
            self.missing.insert(first, next);
        }
    }

    /// Records that an event was passed on.
    pub(crate) fn note(&mut self, seq: Seq, fingerprint: u64) {
        if let Some((first, next)) = self.range_of(seq) {
            self.missing.remove(&first);
            self.note_missing(first, seq);
            self.note_missing(seq + 1, next);
        }
        self.fingerprints.insert(seq, fingerprint);
        if self.fingerprints.len() > FINGERPRINTS {
            self.fingerprints.pop_first();
        }
    }

    pub(crate) fn fingerprint(&self, seq: Seq) -> Option<u64> {
        self.fingerprints.get(&seq).copied()
    }

    fn range_of(&self, seq: Seq) -> Option<(Seq, Seq)> {
        let (first, next) = self.missing.range(..=seq).next_back()?;
        (seq < *next).then_some((*first, *next))
    }
}
