//! The messages of a request to which its items belong.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ItemId, ItemRuns};

/// For each item of a request, the index of the message in the request that it belongs to.
///
/// Where a message is an item, as in the Responses API, the list is empty. Each request repeats the messages of the one
/// before it, so a list that is extended shares what it has in common with the list that it was cloned from, like the
/// items themselves ([`ItemRuns`]).
///
/// ```
/// use rollout_trace_model::MessageIndexes;
///
/// let mut indexes: MessageIndexes = [0, 1, 1, 2].into_iter().collect();
/// indexes.truncate(3);
/// indexes.extend([2, 2]);
/// assert!(indexes.iter().eq([0, 1, 1, 2, 2]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageIndexes(ItemRuns);

impl MessageIndexes {
    /// Returns how many items there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no items, or each item is a message.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the indexes, one for each item.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.0.iter().map(|ItemId(index)| index)
    }

    /// Returns the message of the item at a place, counted from 0.
    pub fn get(&self, place: usize) -> Option<u32> {
        self.0.get(place).map(|ItemId(index)| index)
    }

    /// Keeps the first `count` indexes.
    pub fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Returns how much memory the list takes that it does not share, in units of a run.
    pub fn own_runs(&self) -> usize {
        self.0.own_runs()
    }
}

impl Extend<u32> for MessageIndexes {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, indexes: I) {
        self.0.extend(indexes.into_iter().map(ItemId));
    }
}

impl FromIterator<u32> for MessageIndexes {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Self {
        Self(indexes.into_iter().map(ItemId).collect())
    }
}

impl Serialize for MessageIndexes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for MessageIndexes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<u32>::deserialize(deserializer).map(Self::from_iter)
    }
}

impl JsonSchema for MessageIndexes {
    fn schema_name() -> Cow<'static, str> {
        "MessageIndexes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<u32>::json_schema(generator)
    }
}
