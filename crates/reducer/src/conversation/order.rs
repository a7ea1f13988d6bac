//! The order in which a thread lists its items.
//!
//! Source: reduction, section 5.11; bundle 3, section 4.4.

use rollout_trace_model::ItemId;

use super::facts::Facts;
use crate::graph::Graph;

/// Gives the items of a thread their places in the thread's list.
#[derive(Debug, Default)]
pub(super) struct Order {
    appended: u32,
    moved: u32,
}

/// An item's place in the list of its thread, whether or not the thread lists it. A later place is greater.
///
/// An item is appended, and so has a number of its own. A new item that is moved gets its place from the item before
/// which it is moved, which was appended and is never moved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    appended: u32,
    position: Position,
}

/// Where an item is, relative to the item that was appended with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    /// Before it, and after all items that were moved before it earlier.
    Before(u32),
    /// It is that item.
    Itself,
}

impl Order {
    /// Returns the place after all others.
    pub(super) fn append(&mut self) -> Place {
        self.appended += 1;
        Place { appended: self.appended, position: Position::Itself }
    }

    /// Returns the place directly before an item.
    pub(super) fn before(&mut self, next: ItemId, facts: &Facts) -> Place {
        self.moved += 1;
        Place { position: Position::Before(self.moved), ..facts.of(next).in_order }
    }
}

/// Returns the one of these items of a thread that comes first in the thread's list.
pub(super) fn first(items: &[ItemId], facts: &Facts) -> Option<ItemId> {
    items.iter().copied().min_by_key(|&item| facts.of(item).in_order)
}

/// Removes an item from the list of its thread, and returns whether it was there.
pub(super) fn unlist(graph: &mut Graph, facts: &mut Facts, item: ItemId) -> bool {
    let was_listed = std::mem::take(&mut facts.of_mut(item).in_thread);
    if was_listed {
        let thread = graph.conversation_items[&item].thread_id.clone();
        let items = &mut graph.object_mut(&thread).conversation_item_ids;
        items.remove(first_from(items, facts, facts.of(item).in_order));
    }
    was_listed
}

/// Adds the item to its thread's `conversation_item_ids`, at its place, unless it is there already.
pub(super) fn list(graph: &mut Graph, facts: &mut Facts, item: ItemId) {
    if std::mem::replace(&mut facts.of_mut(item).in_thread, true) {
        return;
    }
    let thread = graph.conversation_items[&item].thread_id.clone();
    let items = &mut graph.object_mut(&thread).conversation_item_ids;
    let place = facts.of(item).in_order;
    // Most items come after all that are listed.
    match items.last() {
        Some(&last) if place < facts.of(last).in_order => items.insert(first_from(items, facts, place), item),
        _ => items.push(item),
    }
}

/// Returns the index of the first listed item that is at this place or after it.
fn first_from(items: &[ItemId], facts: &Facts, place: Place) -> usize {
    items.partition_point(|&item| facts.of(item).in_order < place)
}
