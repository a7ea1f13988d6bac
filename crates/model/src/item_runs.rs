//! Lists of items as runs of consecutive numbers.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};

use crate::ItemId;

/// How many runs a list copies when it is changed while another list shares them. The runs before those stay shared.
const COPIED_RUNS: usize = 64;

/// A list of items, kept as runs of consecutive numbers.
///
/// Each request shows the conversation before it again, so the lists of all requests together grow with the square of
/// their number. Items are numbered as they are first seen, so that even a long conversation is a few runs. Where it is
/// many, because the conversations of a thread take turns, a list that is cloned and then extended shares them with the
/// list that it was cloned from.
///
/// It serializes as the list of its items, and is read from such a list or from a list of runs, which
/// [`WithRuns`](crate::WithRuns) writes.
///
/// ```
/// use rollout_trace_model::{ItemId, ItemRun, ItemRuns};
///
/// let items: ItemRuns = [1, 2, 3, 7].map(ItemId).into_iter().collect();
/// assert_eq!(items.len(), 4);
/// assert!(items.runs().eq([ItemRun { first: ItemId(1), count: 3 }, ItemRun { first: ItemId(7), count: 1 }]));
/// assert_eq!(items.iter().last(), Some(ItemId(7)));
/// ```
#[derive(Clone, Default)]
pub struct ItemRuns {
    last: Arc<Block>,
    items: usize,
}

/// The last runs of a list, after those of an earlier block.
#[derive(Clone, Default)]
struct Block {
    runs: Vec<ItemRun>,
    /// How many items the blocks before it have.
    start: usize,
    /// Whether an item of the list up to here has a lower number than an item before it, or the same.
    is_descending: bool,
    /// The block before. Its last run does not count: this block begins with that run.
    before: Option<Arc<Block>>,
}

/// Items with consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemRun {
    /// The first item.
    pub first: ItemId,
    /// How many items there are.
    pub count: u32,
}

impl ItemRun {
    /// Returns the items.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = ItemId> + ExactSizeIterator {
        (0..self.count).map(move |offset| ItemId(self.first.0 + offset))
    }

    /// Returns whether the item is one of them.
    pub fn contains(self, item: ItemId) -> bool {
        item.0 >= self.first.0 && item.0 - self.first.0 < self.count
    }
}

impl ItemRuns {
    /// Returns how many items the list has.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Returns whether the list has no items.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Returns the runs, in order.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = ItemRun> + '_ {
        // Most lists have one block, and need no room for others.
        let mut parts = self.parts_from_last();
        let last = parts.next();
        let mut earlier: Vec<_> = parts.collect();
        earlier.reverse();
        earlier.into_iter().chain(last).flat_map(|part| part.runs.iter().copied())
    }

    /// Returns how many runs are in the last block, which the list shares with others only until it is extended.
    pub fn own_runs(&self) -> usize {
        self.last.runs.len()
    }

    /// Returns whether each item has a higher number than the item before it.
    pub fn is_ascending(&self) -> bool {
        !self.last.is_descending
    }

    /// Returns whether no item is in the list twice.
    pub fn is_distinct(&self) -> bool {
        if self.is_ascending() {
            return true;
        }
        let mut runs: Vec<_> = self.runs().collect();
        runs.sort_unstable_by_key(|run| run.first);
        let end = |run: &ItemRun| u64::from(run.first.0) + u64::from(run.count);
        runs.windows(2).all(|pair| end(&pair[0]) <= u64::from(pair[1].first.0))
    }

    /// Returns the items, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ItemId> + '_ {
        self.runs().flat_map(ItemRun::iter)
    }

    /// Returns the item at a place, counted from 0.
    pub fn get(&self, place: usize) -> Option<ItemId> {
        if place >= self.items {
            return None;
        }
        let part = self.parts_from_last().find(|part| part.start <= place)?;
        let mut before = part.start;
        for run in part.runs {
            let after = before + run.count as usize;
            if place < after {
                return Some(ItemId(run.first.0 + (place - before) as u32));
            }
            before = after;
        }
        None
    }

    /// Returns whether the item is in the list. If the list is ascending, as most are, only few of its runs are
    /// compared, otherwise all of them.
    pub fn contains(&self, item: ItemId) -> bool {
        if self.last.is_descending {
            return self.runs().any(|run| run.contains(item));
        }
        let starts_by = |runs: &[ItemRun]| runs.first().is_some_and(|run| run.first <= item);
        let Some(part) = self.parts_from_last().find(|part| starts_by(part.runs)) else { return false };
        let after = part.runs.partition_point(|run| run.first <= item);
        part.runs[after - 1].contains(item)
    }

    /// Returns the place of the first occurrence of an item, counted from 0.
    pub fn position(&self, item: ItemId) -> Option<usize> {
        let mut before = 0;
        for run in self.runs() {
            if run.contains(item) {
                return Some(before + (item.0 - run.first.0) as usize);
            }
            before += run.count as usize;
        }
        None
    }

    /// Returns how many items, from the first, both lists have in common, at a cost in proportion to the number of runs.
    pub fn common_prefix(&self, other: &Self) -> usize {
        let mut same = 0;
        for (left, right) in self.runs().zip(other.runs()) {
            if left.first != right.first {
                break;
            }
            same += left.count.min(right.count) as usize;
            if left.count != right.count {
                break;
            }
        }
        same
    }

    /// Returns the items after the first `count`, at a cost in proportion to what is returned.
    pub fn skip(&self, count: usize) -> impl Iterator<Item = ItemId> + '_ {
        self.slice(count..self.items)
    }

    /// Returns the items at these places, as far as there are any. Runs that are shared with other lists, and that come
    /// after these places, are passed over as a whole.
    pub fn slice(&self, places: Range<usize>) -> impl Iterator<Item = ItemId> + '_ {
        let mut runs = Vec::new();
        let mut after = self.items;
        for part in self.parts_from_last() {
            if part.start < places.end {
                for run in part.runs.iter().rev() {
                    if after <= places.start {
                        break;
                    }
                    let before = after - run.count as usize;
                    let (first, end) = (before.max(places.start), after.min(places.end));
                    if first < end {
                        let first_item = ItemId(run.first.0 + (first - before) as u32);
                        runs.push(ItemRun { first: first_item, count: (end - first) as u32 });
                    }
                    after = before;
                }
            }
            if part.start <= places.start {
                break;
            }
            after = part.start;
        }
        runs.into_iter().rev().flat_map(ItemRun::iter)
    }

    /// Keeps the first `count` items. The blocks before the last of them stay shared with other lists.
    pub(crate) fn truncate(&mut self, count: usize) {
        if count >= self.items {
            return;
        }
        let mut block = &self.last;
        while count <= block.start
            && let Some(before) = &block.before
        {
            block = before;
        }
        let mut kept = Block { runs: Vec::new(), before: block.before.clone(), ..**block };
        let mut left = count - block.start;
        for run in &block.runs {
            let len = left.min(run.count as usize);
            if len == 0 {
                break;
            }
            kept.runs.push(ItemRun { first: run.first, count: len as u32 });
            left -= len;
        }
        self.last = Arc::new(kept);
        self.items = count;
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: ItemId) {
        self.push_run(ItemRun { first: item, count: 1 });
    }

    /// Adds a run at the end. A run that continues the last one makes it longer, so that equal lists have equal runs.
    fn push_run(&mut self, next: ItemRun) {
        let start = self.items;
        self.items += next.count as usize;
        let block = self.own_block(start);
        if let Some(run) = block.runs.last_mut() {
            if run.first.0.checked_add(run.count) == Some(next.first.0)
                && let Some(count) = run.count.checked_add(next.count)
            {
                run.count = count;
                return;
            }
            block.is_descending |= next.first < run.first || run.contains(next.first);
        }
        block.runs.push(next);
    }

    /// Returns the last block, which no other list shares any more. `items` is how many items the list has.
    fn own_block(&mut self, items: usize) -> &mut Block {
        if Arc::get_mut(&mut self.last).is_none() && self.last.runs.len() > COPIED_RUNS {
            // The last run may still grow, so it belongs to the new block.
            let last = self.last.runs.last().copied();
            self.last = Arc::new(Block {
                start: items - last.map_or(0, |run| run.count as usize),
                is_descending: self.last.is_descending,
                before: Some(self.last.clone()),
                runs: last.into_iter().collect(),
            });
        }
        Arc::make_mut(&mut self.last)
    }

    /// Returns the runs of each block, from the last block to the first.
    fn parts_from_last(&self) -> impl Iterator<Item = Part<'_>> {
        let last = Part { runs: &self.last.runs, start: self.last.start, before: self.last.before.as_ref() };
        std::iter::successors(Some(last), |part| {
            let block = part.before?;
            let (_, runs) = block.runs.split_last()?;
            Some(Part { runs, start: block.start, before: block.before.as_ref() })
        })
    }
}

/// The runs of one block that count.
struct Part<'a> {
    runs: &'a [ItemRun],
    start: usize,
    before: Option<&'a Arc<Block>>,
}

impl Drop for Block {
    /// Drops the blocks before it one by one: a recursion would go as deep as they are many.
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut block) = before.and_then(Arc::into_inner) {
            before = block.before.take();
        }
    }
}

impl fmt::Debug for ItemRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.runs()).finish()
    }
}

impl PartialEq for ItemRuns {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items && (Arc::ptr_eq(&self.last, &other.last) || self.runs().eq(other.runs()))
    }
}

impl Eq for ItemRuns {}

impl Hash for ItemRuns {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.items.hash(state);
        self.runs().for_each(|run| run.hash(state));
    }
}

impl Extend<ItemId> for ItemRuns {
    fn extend<I: IntoIterator<Item = ItemId>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl FromIterator<ItemId> for ItemRuns {
    fn from_iter<I: IntoIterator<Item = ItemId>>(items: I) -> Self {
        let mut runs = Self::default();
        runs.extend(items);
        runs
    }
}

impl Serialize for ItemRuns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for ItemRuns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;

        impl<'de> Visitor<'de> for Items {
            type Value = ItemRuns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of conversation items, or of runs of them")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<ItemRuns, A::Error> {
                let mut runs = ItemRuns::default();
                while let Some(run) = elements.next_element()? {
                    runs.push_run(run);
                }
                Ok(runs)
            }
        }

        deserializer.deserialize_seq(Items)
    }
}

/// Reads a run from `[first item number, count]`, or a run of one item from the id of that item.
impl<'de> Deserialize<'de> for ItemRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Run;

        impl<'de> Visitor<'de> for Run {
            type Value = ItemRun;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of an item, or [first item number, count]")
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<ItemRun, E> {
                Ok(ItemRun { first: id.parse().map_err(E::custom)?, count: 1 })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<ItemRun, A::Error> {
                let first = numbers.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let count: u32 = numbers.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                if numbers.next_element::<IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom("a run has more than two numbers"));
                }
                if count == 0 || u32::checked_add(first, count - 1).is_none() {
                    return Err(de::Error::custom(format!("there is no run of {count} items from item {first}")));
                }
                Ok(ItemRun { first: ItemId(first), count })
            }
        }

        deserializer.deserialize_any(Run)
    }
}

impl JsonSchema for ItemRuns {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ItemRuns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<ItemId>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(numbers: &[u32]) -> ItemRuns {
        numbers.iter().copied().map(ItemId).collect()
    }

    #[test]
    fn keeps_any_list_as_it_is() {
        for numbers in [&[][..], &[5], &[1, 2, 3, 9, 10, 4, 4, 5], &[u32::MAX - 1, u32::MAX, 0, 1], &[3, 2, 1]] {
            let runs = runs(numbers);
            let items: Vec<_> = numbers.iter().copied().map(ItemId).collect();
            assert_eq!(runs.iter().collect::<Vec<_>>(), items);
            assert_eq!((runs.len(), runs.is_empty()), (items.len(), items.is_empty()));
            let set: std::collections::BTreeSet<_> = items.iter().collect();
            assert_eq!(runs.is_distinct(), set.len() == items.len());
            for count in 0..=items.len() {
                assert_eq!(runs.skip(count).collect::<Vec<_>>(), items[count..]);
                for start in 0..=count {
                    assert_eq!(runs.slice(start..count).collect::<Vec<_>>(), items[start..count]);
                }
                assert_eq!(runs.slice(count..items.len() + 9).collect::<Vec<_>>(), items[count..]);
                assert_eq!(runs.common_prefix(&items[..count].iter().copied().collect()), count);
            }
            for number in 0..12 {
                assert_eq!(runs.contains(ItemId(number)), items.contains(&ItemId(number)), "{number} in {numbers:?}");
            }
            for &item in &items {
                assert_eq!(runs.position(item), items.iter().position(|other| *other == item));
            }
            let text = serde_json::to_string(&runs).unwrap();
            assert_eq!(text, serde_json::to_string(&items).unwrap());
            assert_eq!(serde_json::from_str::<ItemRuns>(&text).unwrap(), runs);
        }
        assert_eq!((runs(&[1, 2]).contains(ItemId(3)), runs(&[1, 2]).position(ItemId(3))), (false, None));
    }

    #[test]
    fn a_list_of_runs_is_read() {
        for (text, numbers) in [
            ("[]", &[][..]),
            ("[[7,1]]", &[7]),
            ("[[1,2],[3,1],[2,2]]", &[1, 2, 3, 2, 3]),
            (r#"["conversation_item:4",[5,2]]"#, &[4, 5, 6]),
            ("[[4294967294,2],[0,1]]", &[u32::MAX - 1, u32::MAX, 0]),
        ] {
            assert_eq!(serde_json::from_str::<ItemRuns>(text).unwrap(), runs(numbers), "{text}");
        }
        for text in
            ["[[1,0]]", "[[1]]", "[[]]", "[[1,1,1]]", "[[4294967295,2]]", "[[-1,1]]", "[1]", "{}", r#"["item:1"]"#]
        {
            serde_json::from_str::<ItemRuns>(text).expect_err(text);
        }
    }

    #[test]
    fn runs_that_touch_and_are_too_long_for_one_stay_two() {
        let text = "[[0,4294967295],[4294967295,1]]";
        assert_eq!(serde_json::from_str::<ItemRuns>(text).unwrap().len(), 1 << 32);
    }

    #[test]
    fn a_conversation_that_grows_is_one_run() {
        assert!(runs(&[1, 2, 3, 4]).runs().eq([ItemRun { first: ItemId(1), count: 4 }]));
    }

    #[test]
    fn lists_that_share_runs_are_like_lists_that_do_not() {
        // Two conversations take turns, and a third one leaves the first after each of its items.
        let (mut lists, mut plain) = (vec![ItemRuns::default(); 3], vec![Vec::new(); 3]);
        for number in 0..2_000 {
            let at = number % 2;
            if number % 2 == 0 {
                (lists[2], plain[2]) = (lists[0].clone(), plain[0].clone());
            }
            for (list, item) in [(at, number * 2), (at, number * 2 + 1), (2, 9_000 - number)] {
                let item = ItemId(u32::try_from(item).unwrap());
                lists[list].push(item);
                plain[list].push(item);
            }
            if number % 97 != 96 {
                continue;
            }
            for (list, plain) in lists.iter().zip(&plain) {
                assert!(list.iter().eq(plain.iter().copied()));
                let whole: ItemRuns = plain.iter().copied().collect();
                assert_eq!((list, list.len()), (&whole, plain.len()));
                assert!(list.skip(plain.len() / 2).eq(plain[plain.len() / 2..].iter().copied()));
                assert_eq!(list.common_prefix(&lists[0]), whole.common_prefix(&lists[0]));
                for place in [0, plain.len() / 3, plain.len() - 1, plain.len()] {
                    assert_eq!(list.get(place), plain.get(place).copied());
                    let item = ItemId(u32::try_from(place * 2).unwrap());
                    assert_eq!(list.contains(item), plain.contains(&item));
                }
            }
        }
        assert!(lists[0].last.before.is_some() && lists[2].last.before.is_some(), "the lists share runs");
    }

    #[test]
    fn a_long_chain_of_shared_runs_is_dropped() {
        let mut list = ItemRuns::default();
        let mut shared = list.clone();
        for number in 0..50_000 * 2 * u32::try_from(COPIED_RUNS).unwrap() {
            if (number as usize).is_multiple_of(COPIED_RUNS) {
                shared = list.clone();
            }
            list.push(ItemId(number * 2));
        }
        drop(shared);
        assert!(list.parts_from_last().count() > 40_000);
        drop(list);
    }
}
