//! The tokens of lists of items.

use rollout_trace_model::{ItemId, ItemRun, ItemRuns};

/// The estimated tokens of all items of a rollout, summed up, so that those of a list cost its runs and not its items.
#[derive(Clone, Debug, Default)]
pub struct ItemTokens {
    /// The numbers of the items, in ascending order.
    numbers: Vec<u32>,
    /// The tokens of the items up to each.
    sums: Vec<u64>,
}

impl ItemTokens {
    /// Adds an item. Its number is higher than those before.
    pub fn push(&mut self, item: ItemId, tokens: u64) {
        debug_assert!(
            self.numbers.last().is_none_or(|last| *last < item.0),
            "items come in the order of their numbers"
        );
        let before = self.sums.last().copied().unwrap_or_default();
        self.numbers.push(item.0);
        self.sums.push(before + tokens);
    }

    /// Changes the tokens of an item, if it is known. The cost is in proportion to the items after it.
    pub fn set(&mut self, item: ItemId, tokens: u64) {
        let Ok(place) = self.numbers.binary_search(&item.0) else { return };
        let before = place.checked_sub(1).map_or(0, |last| self.sums[last]);
        let was = self.sums[place] - before;
        if was != tokens {
            self.sums[place..].iter_mut().for_each(|sum| *sum = *sum - was + tokens);
        }
    }

    /// Returns the estimated tokens of a list of items.
    pub(crate) fn of(&self, items: &ItemRuns) -> u64 {
        let of_run = |run: ItemRun| {
            let first = u64::from(run.first.0);
            self.before(first + u64::from(run.count)) - self.before(first)
        };
        items.runs().map(of_run).sum()
    }

    /// Returns how many estimated tokens the first items of a run have that are not more than `tokens` together, and the
    /// first item that is not among them.
    pub(crate) fn fitting(&self, run: ItemRun, tokens: u64) -> (u64, Option<ItemId>) {
        let first = u64::from(run.first.0);
        let (start, end) = (self.place(first), self.place(first + u64::from(run.count)));
        let before = self.sum(start);
        let fit = start + self.sums[start..end].partition_point(|sum| sum - before <= tokens);
        (self.sum(fit) - before, (fit < end).then(|| ItemId(self.numbers[fit])))
    }

    /// Returns the tokens of the items with lower numbers.
    fn before(&self, number: u64) -> u64 {
        self.sum(self.place(number))
    }

    /// Returns the tokens of the items before a place.
    fn sum(&self, place: usize) -> u64 {
        place.checked_sub(1).map_or(0, |last| self.sums[last])
    }

    /// Returns how many items have lower numbers.
    fn place(&self, number: u64) -> usize {
        // Nearly always the numbers have no gaps, so that the place is known.
        let guess = self.numbers.first().map_or(0, |first| number.saturating_sub(u64::from(*first)));
        let guess = usize::try_from(guess).unwrap_or(usize::MAX).min(self.numbers.len());
        let is_at_or_above = |place: usize| self.numbers.get(place).is_none_or(|other| u64::from(*other) >= number);
        let is_right =
            is_at_or_above(guess) && guess.checked_sub(1).is_none_or(|last| u64::from(self.numbers[last]) < number);
        if is_right { guess } else { self.numbers.partition_point(|other| u64::from(*other) < number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_runs_also_over_gaps() {
        let mut tokens = ItemTokens::default();
        for (number, count) in [(3, 1), (4, 10), (5, 100), (9, 1000)] {
            tokens.push(ItemId(number), count);
        }
        let sum = |tokens: &ItemTokens, items: &[u32]| tokens.of(&items.iter().copied().map(ItemId).collect());
        assert_eq!(sum(&tokens, &[3, 4, 5]), 111);
        assert_eq!(sum(&tokens, &[4, 5, 9, 3]), 1111);
        assert_eq!(sum(&tokens, &[0, 1, 2, 6, 7, 8, 10, u32::MAX]), 0);
        let run = |first, count| ItemRun { first: ItemId(first), count };
        assert_eq!(tokens.fitting(run(3, 3), 11), (11, Some(ItemId(5))));
        assert_eq!(tokens.fitting(run(4, 9), 110), (110, Some(ItemId(9))));
        assert_eq!(tokens.fitting(run(0, 9), 5000), (111, None));
        tokens.set(ItemId(4), 20);
        tokens.set(ItemId(8), 5);
        assert_eq!([&[3, 4][..], &[5, 9]].map(|items| sum(&tokens, items)), [21, 1100]);
        assert_eq!(sum(&ItemTokens::default(), &[1]), 0);
    }
}
