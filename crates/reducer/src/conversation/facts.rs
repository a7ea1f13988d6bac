//! What is remembered about items beyond the graph.

use rollout_trace_model::{ItemId, ItemRuns};
use rollout_trace_schema::ResponsesItemId;

use super::order::Place;
use crate::item::Identity;

/// What is remembered about all items, by item number.
#[derive(Debug, Default)]
pub(super) struct Facts {
    items: Vec<ItemFacts>,
    /// The number of the current pass. Claims of other passes do not count in it.
    pass: u64,
    /// How many items of the thread's live snapshot, from the first, the current pass has claimed as a whole.
    claimed_prefix: u32,
    /// Other items that the current pass has claimed as a whole.
    claimed_list: Option<ItemRuns>,
}

/// What is remembered about one item.
#[derive(Debug)]
pub(super) struct ItemFacts {
    pub(super) identity: Identity,
    /// Its place in the list of its thread.
    pub(super) in_order: Place,
    /// Its first place in the live snapshot of its thread, if it is there.
    pub(super) in_live: Option<u32>,
    /// Whether a request or compaction listed it.
    pub(super) listed: bool,
    /// Whether its thread lists it.
    pub(super) in_thread: bool,
    /// The item's own id, if it is part of the item's identity.
    pub(super) own_id: Option<ResponsesItemId>,
    /// Whether it was accepted, and no payload has shown it yet.
    pub(super) unseen: bool,
    /// Whether it is a content block of a message.
    pub(super) is_block: bool,
    /// The last pass that claimed it by itself.
    claimed_by: u64,
    /// Whether the sighting that took the item would not match it if it were seen again, because another author or
    /// recipient was accepted, or because another sighting of the same payload claimed the item first.
    pub(super) overruled: bool,
}

impl Facts {
    pub(super) fn of(&self, item: ItemId) -> &ItemFacts {
        &self.items[item.0 as usize - 1]
    }

    pub(super) fn of_mut(&mut self, item: ItemId) -> &mut ItemFacts {
        &mut self.items[item.0 as usize - 1]
    }

    /// Adds a new item and returns its id.
    pub(super) fn add(&mut self, identity: Identity, in_order: Place) -> ItemId {
        self.items.push(ItemFacts {
            identity,
            in_order,
            in_live: None,
            listed: false,
            in_thread: false,
            own_id: None,
            unseen: false,
            is_block: false,
            claimed_by: 0,
            overruled: false,
        });
        ItemId(u32::try_from(self.items.len()).expect("a graph has fewer items than bytes in memory"))
    }

    /// Begins a pass over the items of one payload: no item is claimed yet.
    pub(super) fn begin_pass(&mut self) {
        self.pass += 1;
        self.claimed_prefix = 0;
        self.claimed_list = None;
    }

    /// Returns the number of the current pass.
    pub(super) fn pass(&self) -> u64 {
        self.pass
    }

    /// Returns whether the current pass has claimed the item, which belongs to the pass's thread. One payload shows an
    /// item at most once.
    pub(super) fn is_claimed(&self, item: ItemId) -> bool {
        let facts = self.of(item);
        facts.claimed_by == self.pass
            || facts.in_live.is_some_and(|place| place < self.claimed_prefix)
            || self.claimed_list.as_ref().is_some_and(|items| items.contains(item))
    }

    pub(super) fn claim(&mut self, item: ItemId) {
        let pass = self.pass;
        self.of_mut(item).claimed_by = pass;
    }

    /// Claims the first items of the thread's live snapshot. The snapshot stays as it is until the pass ends.
    pub(super) fn claim_prefix(&mut self, count: usize) {
        self.claimed_prefix = u32::try_from(count).expect("a history has fewer items than bytes in memory");
    }

    /// Claims these items without going through them.
    pub(super) fn claim_list(&mut self, items: ItemRuns) {
        self.claimed_list = Some(items);
    }
}
