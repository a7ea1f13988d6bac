//! Whether lists contain items.

use rollout_trace_model::{ItemId, ItemRun, ItemRuns};

/// A list of items that is asked about many of them. Each answer about an item takes logarithmic time at most, whatever
/// the order of the list.
pub(crate) enum Members<'a> {
    /// The list finds the item by itself.
    Ascending(&'a ItemRuns),
    /// The items of any other list as runs that are ascending and do not overlap.
    Any(Vec<ItemRun>),
}

impl<'a> Members<'a> {
    pub(crate) fn of(items: &'a ItemRuns) -> Self {
        if items.is_ascending() { Self::Ascending(items) } else { Self::Any(ascending(items)) }
    }

    pub(crate) fn contain(&self, item: ItemId) -> bool {
        match self {
            Self::Ascending(items) => items.contains(item),
            Self::Any(runs) => {
                let after = runs.partition_point(|run| run.first <= item);
                runs[..after].last().is_some_and(|run| run.contains(item))
            }
        }
    }

    /// Returns whether the list contains any of these items, which are ascending. It takes as many steps of logarithmic
    /// time as there are such items, or runs in the list, whichever are fewer.
    pub(crate) fn contain_any(&self, items: &[ItemId]) -> bool {
        let has_one = |run: ItemRun| {
            let at = items.partition_point(|item| *item < run.first);
            items.get(at).is_some_and(|item| run.contains(*item))
        };
        match self {
            Self::Ascending(list) if list.runs().nth(items.len()).is_none() => list.runs().any(has_one),
            Self::Any(runs) if runs.len() <= items.len() => runs.iter().copied().any(has_one),
            _ => items.iter().any(|item| self.contain(*item)),
        }
    }
}

/// Returns the items of a list as runs that are ascending and do not overlap.
fn ascending(items: &ItemRuns) -> Vec<ItemRun> {
    let mut runs: Vec<_> = items.runs().collect();
    runs.sort_unstable_by_key(|run| run.first);
    let mut ascending: Vec<ItemRun> = Vec::with_capacity(runs.len());
    for run in runs {
        // How many of its items, from the first, the runs before it have.
        let last = ascending.last().and_then(|last| (last.first.0 + (last.count - 1)).checked_sub(run.first.0));
        let known = last.map_or(0, |offset| offset.saturating_add(1));
        if known < run.count {
            ascending.push(ItemRun { first: ItemId(run.first.0 + known), count: run.count - known });
        }
    }
    ascending
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn members_are_those_of_the_list(
            list in prop::collection::vec(0_u32..40, 0..40),
            is_sorted: bool,
            asked in prop::collection::btree_set(0_u32..40, 0..8),
        ) {
            let mut list = list;
            if is_sorted {
                list.sort_unstable();
                list.dedup();
            }
            let runs: ItemRuns = list.iter().copied().map(ItemId).collect();
            let members = Members::of(&runs);
            for item in 0..40 {
                prop_assert_eq!(members.contain(ItemId(item)), list.contains(&item));
            }
            let items: Vec<_> = asked.iter().copied().map(ItemId).collect();
            prop_assert_eq!(members.contain_any(&items), asked.iter().any(|item| list.contains(item)));
        }
    }
}
