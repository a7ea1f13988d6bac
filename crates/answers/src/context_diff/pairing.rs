//! Which items of two requests are the same, moved, or took the place of others.

use rollout_trace_model::{
    ConversationItem, ItemId,
    map::{HashMap, HashSet},
};

use super::{Pair, Relation};

/// How the items of two requests belong together, apart from those with which both begin. These stay where they are.
pub(super) struct Pairing {
    /// How many items both requests begin with.
    pub(super) start: usize,
    /// The items that could be expected after them: those of the first request, and of its answer.
    pub(super) expected: Vec<ItemId>,
    /// The items of the second request after them.
    pub(super) after: Vec<ItemId>,
    /// The place among all that could be expected of each item of `after` that was expected.
    pub(super) places: HashMap<ItemId, usize>,
    /// The items that both have, in the same order.
    pub(super) kept: HashSet<ItemId>,
    /// The item that each new item took the place of, and how that is known.
    pub(super) pairs: HashMap<ItemId, (ItemId, Join)>,
    /// The items that are gone and that no other took the place of.
    pub(super) dropped: Vec<ItemId>,
}

/// How a new item and one that is gone belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// Their content is equal.
    Equal,
    /// An id joins them.
    Id,
    /// They are alone of their kind between two items that stayed.
    Place,
}

impl Pairing {
    pub(super) fn of(pair: &Pair<'_, '_>, is_compacted: bool) -> Self {
        let (sent, now) = (&pair.before.request_item_ids, &pair.after.request_item_ids);
        // What follows the beginning is not in it.
        let start = if sent.is_distinct() && now.is_distinct() { sent.common_prefix(now) } else { 0 };
        let mut places = HashMap::default();
        let mut expected = Vec::with_capacity(sent.len() - start);
        let mut expect = |item: ItemId| {
            places.entry(item).or_insert_with(|| {
                expected.push(item);
                start + expected.len() - 1
            });
        };
        sent.skip(start).for_each(&mut expect);
        if pair.relation != Relation::OtherThread {
            // What the answer repeats of the request stays at its first place.
            let answered = pair.before.response_item_ids.iter().copied();
            answered.filter(|item| start == 0 || !sent.contains(*item)).for_each(&mut expect);
        }
        let after: Vec<_> = now.skip(start).collect();
        let common: Vec<_> = after.iter().filter_map(|item| places.get(item).copied()).collect();
        let kept: HashSet<_> = increasing(&common).into_iter().map(|place| expected[place - start]).collect();
        let in_after: HashSet<_> = after.iter().copied().collect();
        places.retain(|item, _| in_after.contains(item));
        let mut pairing = Self { start, expected, after, places, kept, pairs: HashMap::default(), dropped: Vec::new() };
        pairing.pair(pair, is_compacted);
        pairing
    }

    /// Pairs new items with those that are gone.
    fn pair(&mut self, pair: &Pair<'_, '_>, is_compacted: bool) {
        let graph = pair.rollout.graph();
        let item = |id: &ItemId| graph.conversation_items.get(id);
        let mut new: Vec<_> = self.after.iter().filter(|id| !self.places.contains_key(id)).filter_map(item).collect();
        let mut gone: Vec<_> =
            self.expected.iter().filter(|id| !self.places.contains_key(id)).filter_map(item).collect();
        let fingerprint = |item: &ConversationItem| Some(pair.rollout.facts().fingerprint(item));
        self.join(&mut new, &mut gone, Join::Equal, fingerprint);
        self.join(&mut new, &mut gone, Join::Id, |item| item.responses_item_id.clone());
        self.join(&mut new, &mut gone, Join::Id, |item| Some((item.kind.clone(), item.call_id.clone()?)));
        if !is_compacted {
            self.join_by_place(&mut new, &mut gone);
        }
        self.dropped = gone.iter().map(|item| item.item_id).collect();
    }

    /// Pairs each new item with the first one that is gone and has the same key.
    fn join<K: std::hash::Hash + Eq>(
        &mut self,
        new: &mut Vec<&ConversationItem>,
        gone: &mut Vec<&ConversationItem>,
        join: Join,
        key: impl Fn(&ConversationItem) -> Option<K>,
    ) {
        let mut by_key: HashMap<K, std::collections::VecDeque<ItemId>> = HashMap::default();
        for item in gone.iter() {
            if let Some(key) = key(item) {
                by_key.entry(key).or_default().push_back(item.item_id);
            }
        }
        let mut taken = HashSet::default();
        new.retain(|item| {
            let found = key(item).and_then(|key| by_key.get_mut(&key)?.pop_front());
            let Some(found) = found else { return true };
            taken.insert(found);
            self.pairs.insert(item.item_id, (found, join));
            false
        });
        gone.retain(|item| !taken.contains(&item.item_id));
    }

    /// Pairs items that are alone of their role and kind between two items that stayed.
    fn join_by_place(&mut self, new: &mut Vec<&ConversationItem>, gone: &mut Vec<&ConversationItem>) {
        let (gaps_after, gaps_before) = (self.gaps(&self.after), self.gaps(&self.expected));
        let mut alone: HashMap<_, (Vec<&ConversationItem>, Vec<&ConversationItem>)> = HashMap::default();
        for item in new.iter().copied() {
            alone.entry((gaps_after[&item.item_id], &item.role, &item.kind)).or_default().0.push(item);
        }
        for item in gone.iter().copied() {
            alone.entry((gaps_before[&item.item_id], &item.role, &item.kind)).or_default().1.push(item);
        }
        let mut taken = HashSet::default();
        for (new, gone) in alone.values() {
            if let ([new], [gone]) = (new.as_slice(), gone.as_slice())
                && new.call_id.is_none()
                && gone.call_id.is_none()
            {
                taken.extend([new.item_id, gone.item_id]);
                self.pairs.insert(new.item_id, (gone.item_id, Join::Place));
            }
        }
        new.retain(|item| !taken.contains(&item.item_id));
        gone.retain(|item| !taken.contains(&item.item_id));
    }

    /// Returns how many items that stayed precede each item of a list.
    fn gaps(&self, items: &[ItemId]) -> HashMap<ItemId, usize> {
        let mut kept = 0;
        let gap = |item: &ItemId| {
            kept += usize::from(self.kept.contains(item));
            (*item, kept)
        };
        items.iter().map(gap).collect()
    }
}

/// Returns a longest increasing subsequence, found by patience sorting: each number goes on the leftmost pile whose top
/// is greater, and remembers the top of the pile to its left.
///
/// Example: of `2 0 1 3`, it is `0 1 3`.
fn increasing(numbers: &[usize]) -> Vec<usize> {
    // The places in `numbers` of the tops of the piles, and for each number that of the top to its left.
    let mut tops: Vec<usize> = Vec::new();
    let mut left = Vec::with_capacity(numbers.len());
    for (place, number) in numbers.iter().enumerate() {
        let pile = tops.partition_point(|top| numbers[*top] <= *number);
        left.push(pile.checked_sub(1).map(|pile| tops[pile]));
        if pile == tops.len() {
            tops.push(place);
        } else {
            tops[pile] = place;
        }
    }
    let mut longest = Vec::with_capacity(tops.len());
    let mut next = tops.last().copied();
    while let Some(place) = next {
        longest.push(numbers[place]);
        next = left[place];
    }
    longest.reverse();
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_that_increases() {
        for (numbers, longest) in
            [(&[][..], &[][..]), (&[2, 0, 1, 3], &[0, 1, 3]), (&[3, 2, 1, 0], &[0]), (&[0, 4, 2, 3, 1], &[0, 2, 3])]
        {
            assert_eq!(increasing(numbers), longest);
        }
    }
}
