//! The history of a thread's conversation.

use crate::Item;

/// A thread's history, and the part of it that the provider already has.
#[derive(Debug, Default)]
pub(crate) struct History {
    items: Vec<Item>,
    /// The id of the last complete response, and the number of items up to and including it.
    last_response: Option<(String, usize)>,
}

impl History {
    pub(crate) fn new(items: Vec<Item>) -> Self {
        Self { items: items.into_iter().map(Item::with_id).collect(), last_response: None }
    }

    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Records that the provider has all items so far under the id of a response.
    pub(crate) fn set_last_response(&mut self, response_id: Option<String>) {
        self.last_response = response_id.map(|id| (id, self.items.len()));
    }

    /// Returns the last response, which represents all items before it, and the items since.
    pub(crate) fn since_last_response(&self) -> (Option<&str>, &[Item]) {
        match &self.last_response {
            Some((response_id, items)) => (Some(response_id), &self.items[*items..]),
            None => (None, &self.items),
        }
    }

    /// Replaces the history by a compacted one.
    pub(crate) fn replace(&mut self, items: Vec<Item>) {
        *self = Self::new(items);
    }
}
