//! Lists of items as runs of consecutive numbers.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};

use crate::ItemId;

/// A list of items, kept as runs of consecutive numbers.
///
/// Each request shows the conversation before it again, so the lists of all requests together grow with the square of
/// their number. Items are numbered as they are first seen, so that even a long conversation is a few runs.
///
/// It serializes as the list of its items, and is read from such a list or from a list of runs, which
/// [`WithRuns`](crate::WithRuns) writes.
///
/// ```
/// use rollout_trace_model::{ItemId, ItemRun, ItemRuns};
///
/// let items: ItemRuns = [1, 2, 3, 7].map(ItemId).into_iter().collect();
/// assert_eq!(items.len(), 4);
/// assert_eq!(items.runs(), [ItemRun { first: ItemId(1), count: 3 }, ItemRun { first: ItemId(7), count: 1 }]);
/// assert_eq!(items.iter().last(), Some(ItemId(7)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ItemRuns {
    runs: Vec<ItemRun>,
    items: usize,
    /// Whether an item has a lower number than an item before it, or the same.
    is_descending: bool,
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
    pub fn runs(&self) -> &[ItemRun] {
        &self.runs
    }

    /// Returns the items, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ItemId> + '_ {
        self.runs.iter().flat_map(|run| run.iter())
    }

    /// Returns whether the item is in the list. If the list is ascending, as most are, the cost is in proportion to the
    /// logarithm of the number of runs, otherwise to their number.
    pub fn contains(&self, item: ItemId) -> bool {
        if self.is_descending {
            return self.runs.iter().any(|run| run.contains(item));
        }
        let after = self.runs.partition_point(|run| run.first <= item);
        after > 0 && self.runs[after - 1].contains(item)
    }

    /// Returns the place of the first occurrence of an item, counted from 0.
    pub fn position(&self, item: ItemId) -> Option<usize> {
        let mut before = 0;
        for run in &self.runs {
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
        for (left, right) in self.runs.iter().zip(&other.runs) {
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
        let mut before = self.items;
        let runs = self.runs.iter().rposition(|run| {
            before -= run.count as usize;
            before <= count
        });
        let runs = &self.runs[runs.unwrap_or(0)..];
        runs.iter().flat_map(|run| run.iter()).skip(count - before)
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: ItemId) {
        self.push_run(ItemRun { first: item, count: 1 });
    }

    /// Adds a run at the end. A run that continues the last one makes it longer, so that equal lists have equal runs.
    fn push_run(&mut self, next: ItemRun) {
        self.items += next.count as usize;
        if let Some(run) = self.runs.last_mut() {
            if run.first.0.checked_add(run.count) == Some(next.first.0)
                && let Some(count) = run.count.checked_add(next.count)
            {
                run.count = count;
                return;
            }
            self.is_descending |= next.first < run.first || run.contains(next.first);
        }
        self.runs.push(next);
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
            for count in 0..=items.len() {
                assert_eq!(runs.skip(count).collect::<Vec<_>>(), items[count..]);
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
        assert_eq!(runs(&[1, 2, 3, 4]).runs(), [ItemRun { first: ItemId(1), count: 4 }]);
    }
}
