//! What a pack stores already, by its content.

use std::collections::HashMap;

use rollout_trace_schema::packed::StoredRange;

/// Above this many entries nothing more is added, so that memory stays bounded. Later content may then be stored twice.
const MAX_ENTRIES: usize = 1 << 22;

/// The hash of some bytes, wide enough that equal hashes mean equal bytes.
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
