//! What the model has been told and has said.

use crate::Item;

/// A thread's history, and how much of it the provider knows.
#[derive(Debug, Default)]
pub(crate) struct History {
    items: Vec<Item>,
    /// The last complete response, and how many items it and what it answered make.
    known: Option<(String, usize)>,
}

impl History {
    pub(crate) fn new(items: Vec<Item>) -> Self {
        Self { items: items.into_iter().map(Item::with_id).collect(), known: None }
    }

    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Notes that the provider knows everything up to here by the id of a response.
    pub(crate) fn note_response(&mut self, response_id: Option<String>) {
        self.known = response_id.map(|id| (id, self.items.len()));
    }

    /// What the provider does not know yet, and the response that stands for the rest.
    pub(crate) fn unknown(&self) -> (Option<&str>, &[Item]) {
        match &self.known {
            Some((response_id, items)) => (Some(response_id), &self.items[*items..]),
            None => (None, &self.items),
        }
    }

    /// Puts a shorter history in this one's place.
    pub(crate) fn replace(&mut self, items: Vec<Item>) {
        *self = Self::new(items);
    }
}
