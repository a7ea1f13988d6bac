//! What a pack has stored already, by its content.

use std::collections::HashMap;

use crate::packed::Segment;

/// Above this many entries nothing more is remembered, so that memory stays bounded; what comes then is stored once more.
const MAX_ENTRIES: usize = 1 << 22;

/// The hash of some bytes, wide enough that equal ones are taken for equal bytes.
pub(super) type Content = [u8; 32];

/// Where bytes with a content lie.
#[derive(Debug, Default)]
pub(super) struct Stored {
    by_content: HashMap<Content, Box<[Segment]>>,
}

impl Stored {
    pub(super) fn content(bytes: &[u8]) -> Content {
        *blake3::hash(bytes).as_bytes()
    }

    pub(super) fn get(&self, content: &Content) -> Option<&[Segment]> {
        self.by_content.get(content).map(|segments| &**segments)
    }

    pub(super) fn remember(&mut self, content: Content, segments: Vec<Segment>) {
        if self.by_content.len() < MAX_ENTRIES {
            self.by_content.entry(content).or_insert_with(|| segments.into_boxed_slice());
        }
    }
}
