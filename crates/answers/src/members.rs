//! Whether lists contain items.

use rollout_trace_model::{ItemId, ItemRuns, map::HashSet};

/// A list of items that is asked about many of them. Each answer takes logarithmic time at most, whatever the order of
/// the list.
pub(crate) enum Members<'a> {
    /// The list finds the item by itself.
    Ascending(&'a ItemRuns),
    Any(HashSet<ItemId>),
}

impl<'a> Members<'a> {
    pub(crate) fn of(items: &'a ItemRuns) -> Self {
        if items.is_ascending() { Self::Ascending(items) } else { Self::Any(items.iter().collect()) }
    }

    pub(crate) fn contain(&self, item: ItemId) -> bool {
        match self {
            Self::Ascending(items) => items.contains(item),
            Self::Any(items) => items.contains(&item),
        }
    }
}
