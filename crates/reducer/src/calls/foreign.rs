//! Items that belong to a tool call or code cell of another thread.
//!
//! Source: reduction, section 9.2.

use rollout_trace_model::{ItemId, ItemRuns};
use rollout_trace_schema::{ModelVisibleCallId, ThreadId};

use crate::map::{HashMap, HashSet};

/// The items of each thread that were seen before a tool call or code cell with their call id started in another
/// thread. They are linked to it when they are seen again.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    /// The threads in which a tool call or a code cell has each call id.
    owners: HashMap<ModelVisibleCallId, Owner>,
    /// The items with each call id, until a thread owns the id.
    shown: HashMap<ModelVisibleCallId, Vec<(ThreadId, ItemId)>>,
    threads: HashMap<ThreadId, Waiting>,
}

/// The threads in which a tool call or a code cell has a call id.
#[derive(Debug)]
enum Owner {
    One(ThreadId),
    /// An item of another thread belongs to none of them.
    Several,
}

/// The items of one thread that wait to be seen again.
#[derive(Debug, Default)]
struct Waiting {
    items: HashSet<ItemId>,
    /// Those that the live snapshot may hold.
    recent: Vec<ItemId>,
}

/// Which items a payload shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Showing<'a> {
    /// A full request shows these items after a prefix of the live snapshot.
    Request(&'a [ItemId]),
    /// An incremental request shows the first items, as another request and its response did, and then the others.
    Continued(&'a ItemRuns, &'a [ItemId]),
    /// A damaged request shows these items after a prefix of the live snapshot, and may have shown others.
    DamagedRequest(&'a [ItemId]),
    /// It shows these items.
    Items(&'a [ItemId]),
}

impl Foreign {
    /// Returns the only thread other than this one in which a tool call or a code cell has the call id.
    pub(super) fn owner(&self, thread: &ThreadId, call_id: &ModelVisibleCallId) -> Option<&ThreadId> {
        match self.owners.get(call_id)? {
            Owner::One(owner) => (owner != thread).then_some(owner),
            Owner::Several => None,
        }
    }

    /// Notes an item with a call id.
    pub(super) fn note_item(&mut self, thread: &ThreadId, call_id: &ModelVisibleCallId, item: ItemId) {
        match self.owners.get(call_id) {
            Some(Owner::Several) => {}
            Some(Owner::One(owner)) if owner == thread => {}
            _ => self.shown.entry(call_id.clone()).or_default().push((thread.clone(), item)),
        }
    }

    /// Notes that a tool call or a code cell of this thread has the call id. Items of other threads that `is_free` says
    /// belong to nothing wait to be seen again.
    pub(super) fn note_owner(
        &mut self,
        thread: &ThreadId,
        call_id: &ModelVisibleCallId,
        is_free: impl Fn(&ThreadId, ItemId) -> bool,
    ) {
        let owner = self.owners.entry(call_id.clone()).or_insert_with(|| Owner::One(thread.clone()));
        let shown = self.shown.remove(call_id);
        if !matches!(owner, Owner::One(owner) if owner == thread) {
            *owner = Owner::Several;
            return;
        }
        for (other, item) in shown.into_iter().flatten() {
            if other != *thread && is_free(&other, item) {
                let waiting = self.threads.entry(other).or_default();
                waiting.items.insert(item);
                waiting.recent.push(item);
            }
        }
    }

    /// Returns how many items of a thread wait, and how many of them the live snapshot may hold.
    pub(super) fn waiting(&self, thread: &ThreadId) -> (usize, usize) {
        self.threads.get(thread).map_or((0, 0), |waiting| (waiting.items.len(), waiting.recent.len()))
    }

    /// Returns the waiting items of a thread that a payload shows, in the order in which it shows them.
    pub(super) fn take_seen(
        &mut self,
        thread: &ThreadId,
        showing: Showing<'_>,
        place_if_shown: impl Fn(ItemId) -> Option<u32>,
    ) -> Vec<ItemId> {
        let Some(waiting) = self.threads.get_mut(thread) else { return Vec::new() };
        let mut seen = Vec::new();
        if !matches!(showing, Showing::Items(_)) {
            seen.extend(waiting.recent.iter().filter_map(|&item| Some((place_if_shown(item)?, item))));
            seen.sort_unstable();
        }
        let mut seen: Vec<_> = seen.into_iter().map(|(_, item)| item).collect();
        let items = match showing {
            Showing::Request(items) | Showing::DamagedRequest(items) | Showing::Items(items) => items,
            Showing::Continued(before, items) => {
                let shown = waiting.items.iter().filter(|item| before.contains(**item));
                let mut shown: Vec<_> = shown.filter_map(|&item| Some((before.position(item)?, item))).collect();
                shown.sort_unstable();
                seen.extend(shown.into_iter().map(|(_, item)| item));
                items
            }
        };
        seen.extend_from_slice(items);
        seen.retain(|item| waiting.items.remove(item));
        match showing {
            // What a request does not show has left the live snapshot, and comes back only among the items above.
            Showing::Request(_) | Showing::Continued(..) => waiting.recent.clear(),
            Showing::DamagedRequest(_) => waiting.recent.retain(|item| waiting.items.contains(item)),
            Showing::Items(_) => {}
        }
        if waiting.items.is_empty() {
            self.threads.remove(thread);
        }
        seen
    }
}
