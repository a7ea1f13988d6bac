//! The order in which a thread lists its items.
//!
//! Source: reduction, section 5.11; bundle 3, section 4.4.

use std::collections::HashSet;

use rollout_trace_model::ItemId;

use super::facts::Facts;
use crate::graph::Graph;

/// The items of a thread in the order of its list, including those that are not listed.
///
/// An item that moves or is listed late is near the end, so searches begin there.
#[derive(Debug, Default)]
pub(super) struct Order {
    items: Vec<ItemId>,
}

impl Order {
    pub(super) fn append(&mut self, item: ItemId) {
        self.items.push(item);
    }

    /// Moves an item directly before another one.
    pub(super) fn move_before(&mut self, graph: &mut Graph, facts: &mut Facts, item: ItemId, next: ItemId) {
        let from = self.place(item);
        self.items.remove(from);
        let to = self.place(next);
        self.items.insert(to, item);
        if facts.of(item).in_thread {
            let thread = graph.conversation_items[&item].thread_id.clone();
            graph.object_mut(&thread).conversation_item_ids.retain(|&other| other != item);
            facts.of_mut(item).in_thread = false;
            self.list(graph, facts, item);
        }
    }

    /// Adds the item to its thread's `conversation_item_ids`, at its place in this order, unless it is there already.
    pub(super) fn list(&self, graph: &mut Graph, facts: &mut Facts, item: ItemId) {
        if std::mem::replace(&mut facts.of_mut(item).in_thread, true) {
            return;
        }
        let thread = graph.conversation_items[&item].thread_id.clone();
        let after = &self.items[self.place(item) + 1..];
        let next = after.iter().find(|&&other| facts.of(other).in_thread);
        let items = &mut graph.object_mut(&thread).conversation_item_ids;
        let place = next.and_then(|next| items.iter().rposition(|other| other == next));
        items.insert(place.unwrap_or(items.len()), item);
    }

    /// Sorts items of the thread into the order of its list, and removes duplicates.
    pub(super) fn sort(&self, items: &mut Vec<ItemId>) {
        let mut left: HashSet<_> = items.drain(..).collect();
        let mut later = self.items.iter().rev();
        while !left.is_empty()
            && let Some(item) = later.next()
        {
            if left.remove(item) {
                items.push(*item);
            }
        }
        items.reverse();
    }

    /// Returns the one of these items of the thread that comes first in the list.
    pub(super) fn first(&self, items: &[ItemId]) -> Option<ItemId> {
        items.iter().copied().min_by_key(|&item| self.place(item))
    }

    fn place(&self, item: ItemId) -> usize {
        self.items.iter().rposition(|&other| other == item).expect("each item is appended when it is made")
    }
}
