//! The places of items among all items of a graph.

use std::ops::Range;

use rollout_trace_model::{ItemId, ItemRun};

/// The places of items among all items of a graph, in the order of their numbers. A table about items has an entry for
/// each place, and so is as large as the graph, whatever the numbers are.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemPlaces {
    first: u32,
    count: usize,
    /// The numbers, unless they have no gaps, as those of a reducer have none.
    numbers: Option<Vec<u32>>,
}

impl ItemPlaces {
    /// Places items, which must come in the order of their numbers.
    pub(crate) fn of(items: impl Iterator<Item = ItemId>) -> Self {
        let numbers: Vec<u32> = items.map(|item| item.0).collect();
        let (first, count) = (numbers.first().copied().unwrap_or_default(), numbers.len());
        let has_gaps = numbers.last().is_some_and(|last| (last - first) as usize + 1 != count);
        Self { first, count, numbers: has_gaps.then_some(numbers) }
    }

    /// Returns how many items there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the place of an item, or `None` if the graph does not contain it.
    pub(crate) fn get(&self, item: ItemId) -> Option<usize> {
        let Range { start, end } = self.of_run(ItemRun { first: item, count: 1 });
        (start < end).then_some(start)
    }

    /// Returns the places of the items of a run that the graph contains.
    pub(crate) fn of_run(&self, run: ItemRun) -> Range<usize> {
        let start = u64::from(run.first.0);
        self.before(start)..self.before(start + u64::from(run.count))
    }

    /// Returns how many items have a lower number.
    fn before(&self, number: u64) -> usize {
        match &self.numbers {
            Some(numbers) => numbers.partition_point(|other| u64::from(*other) < number),
            None => (number.saturating_sub(u64::from(self.first)) as usize).min(self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(numbers: &[u32]) -> ItemPlaces {
        ItemPlaces::of(numbers.iter().copied().map(ItemId))
    }

    #[test]
    fn numbers_without_gaps() {
        let places = places(&[3, 4, 5]);
        assert_eq!([2, 3, 5, 6].map(|number| places.get(ItemId(number))), [None, Some(0), Some(2), None]);
        assert_eq!(places.of_run(ItemRun { first: ItemId(4), count: 9 }), 1..3);
    }

    #[test]
    fn numbers_with_gaps_of_any_size() {
        let places = places(&[0, 7, u32::MAX]);
        assert_eq!(places.len(), 3);
        assert_eq!([0, 1, 7, u32::MAX].map(|number| places.get(ItemId(number))), [Some(0), None, Some(1), Some(2)]);
        assert_eq!(places.of_run(ItemRun { first: ItemId(1), count: u32::MAX }), 1..3);
        assert_eq!(places.of_run(ItemRun { first: ItemId(8), count: 5 }), 2..2);
    }

    #[test]
    fn no_items() {
        assert_eq!(places(&[]).get(ItemId(0)), None);
    }
}
