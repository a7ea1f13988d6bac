//! Sets of items.

use std::collections::BTreeMap;

use crate::{ItemId, ItemRun, ItemRuns};

/// A set of items, kept as the runs that cover it: the first number of each run, and the number after its last.
///
/// The requests of a long conversation show nearly the same items again and again; each adds its few runs.
#[derive(Default)]
pub(super) struct Covered {
    runs: BTreeMap<u64, u64>,
}

impl Covered {
    pub(super) fn insert(&mut self, item: ItemId) {
        self.insert_run(ItemRun { first: item, count: 1 });
    }

    pub(super) fn insert_all(&mut self, items: &ItemRuns) {
        items.runs().for_each(|run| self.insert_run(run));
    }

    pub(super) fn contains(&self, item: ItemId) -> bool {
        let item = u64::from(item.0);
        self.runs.range(..=item).next_back().is_some_and(|(_, &end)| item < end)
    }

    fn insert_run(&mut self, run: ItemRun) {
        let (mut first, mut end) = (u64::from(run.first.0), u64::from(run.first.0) + u64::from(run.count));
        if let Some((&start, &other)) = self.runs.range(..=first).next_back()
            && other >= first
        {
            if other >= end {
                return;
            }
            first = start;
        }
        while let Some((&start, &other)) = self.runs.range(first..=end).next() {
            self.runs.remove(&start);
            end = end.max(other);
        }
        self.runs.insert(first, end);
    }
}

impl Extend<ItemId> for Covered {
    fn extend<I: IntoIterator<Item = ItemId>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.insert(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_inserted_in_any_order() {
        let lists: [&[u32]; 5] = [&[5, 6, 7], &[1], &[3, 4], &[2, 3, 4, 5, 9], &[0, 20, 10, 19]];
        let mut covered = Covered::default();
        let mut expected = std::collections::BTreeSet::<u32>::new();
        for list in lists {
            covered.insert_all(&list.iter().copied().map(ItemId).collect());
            expected.extend(list);
            for number in 0..25 {
                assert_eq!(covered.contains(ItemId(number)), expected.contains(&number), "{number} after {list:?}");
            }
        }
        assert_eq!(covered.runs.into_iter().collect::<Vec<_>>(), [(0, 8), (9, 11), (19, 21)]);
    }
}
