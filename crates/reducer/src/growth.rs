//! How large the graph has become, in comparison with what is stored.

use rollout_trace_evidence::PayloadSource;

use crate::{item::Sighting, origin::Origin};

/// How many times larger than what is stored a graph may be without being an amplification.
const USUAL_GROWTH: u64 = 10;

/// How many bytes of memory an item takes besides its texts and ids.
const ITEM: usize = 1000;

/// How many bytes of JSON the id of an item has in a list.
const LISTED_ITEM: usize = 30;

/// How many bytes of JSON a run of items has in `request_item_runs`.
const RUN: usize = 16;

/// Adds up what the graph holds of payloads.
///
/// Any number of events may refer to one payload, and each may put all of its texts into the graph again; every item has
/// the ids of its thread and turn, however long they are; and an item may be shorter than what is noted about it. So
/// what a small bundle says can be large. The sum is an estimate of the memory that the graph takes, and its JSON is
/// about as large or smaller. Requests count as runs of items: the official lists of all their items are no part of the
/// graph in memory.
#[derive(Debug)]
pub(crate) struct Growth {
    /// How much there may be beyond the usual.
    limit: u64,
    bytes: u64,
}

impl Growth {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, bytes: 0 }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns whether the graph may have `more` bytes than it has.
    pub(crate) fn allows(&self, more: u64, source: &mut dyn PayloadSource) -> bool {
        let bytes = self.bytes.saturating_add(more);
        // Nearly every graph is smaller than the limit, and then the source need not be asked.
        bytes <= self.limit || bytes <= source.stored_bytes().saturating_mul(USUAL_GROWTH).saturating_add(self.limit)
    }

    /// Counts texts.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Counts a list of items.
    pub(crate) fn add_list(&mut self, items: usize) {
        self.add(items.saturating_mul(LISTED_ITEM));
    }

    /// Counts a list of items that is kept as runs.
    pub(crate) fn add_runs(&mut self, runs: usize) {
        self.add(runs.saturating_mul(RUN));
    }
}

/// Returns how many bytes a sighting adds to the graph if it becomes a new item.
pub(crate) fn bytes_of_item(sighting: &Sighting, origin: &Origin<'_>) -> usize {
    let turn = origin.turn.map_or(0, |turn| turn.len());
    let response = origin.response_of().map_or(0, |call| call.len());
    // The item says which payload showed it first, and so may each part of its body.
    let payloads = (sighting.body.parts.len() + 1).saturating_mul(origin.payload.len());
    (ITEM + sighting.text_bytes() + origin.thread.len() + turn + response).saturating_add(payloads)
}
