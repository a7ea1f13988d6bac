//! An index of what a pack already stores, by content.

use std::collections::HashMap;

use rollout_trace_schema::packed::StoredRange;

/// The maximum number of entries, which bounds memory. Content beyond it may be stored twice.
const MAX_ENTRIES: usize = 1 << 22;

/// A hash that is long enough to treat equal hashes as equal bytes.
pub(super) type ContentHash = [u8; 32];

/// Where content is stored.
#[derive(Debug, Default)]
pub(super) struct ContentIndex {
    ranges: HashMap<ContentHash, Box<[StoredRange]>>,
}

impl ContentIndex {
    pub(super) fn hash(bytes: &[u8]) -> ContentHash {
        *blake3::hash(bytes).as_bytes()
    }

    pub(super) fn get(&self, content: &ContentHash) -> Option<&[StoredRange]> {
        self.ranges.get(content).map(|ranges| &**ranges)
    }

    pub(super) fn insert(&mut self, content: ContentHash, ranges: impl Iterator<Item = StoredRange>) {
        if self.ranges.len() < MAX_ENTRIES {
            self.ranges.entry(content).or_insert_with(|| ranges.collect());
        }
    }
}
