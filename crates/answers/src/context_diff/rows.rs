//! The items that differ between two requests, and why.

use rollout_trace_model::{Compaction, ItemId, map::HashSet};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Pair, Relation,
    pairing::{Join, Pairing},
};
use crate::{Certainty, OriginClass};

/// An item that differs between two requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// The item: of the second request, or the one that it lacks.
    pub item_id: ItemId,
    /// Its place in the second request; of a dropped item, that among the items that could be expected.
    pub place: usize,
    /// What happened to it.
    pub change: Change,
    /// Why.
    pub cause: Cause,
    /// How certain the cause is.
    pub certainty: Certainty,
    /// Its size.
    pub tokens_estimate: u64,
    /// The item that it took the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was_item_id: Option<ItemId>,
    /// The size of that item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_estimate_was: Option<u64>,
    /// The place of a moved item among the items that could be expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<usize>,
}

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It took the place of an item of equal content.
    Copied,
    /// It took the place of another item.
    Rewritten,
    /// It is in another place.
    Moved,
    /// It is gone.
    Dropped,
}

/// Why an item differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A compaction replaced the history.
    Compaction,
    /// A tool answered.
    ToolResult,
    /// Another agent wrote.
    AgentMessage,
    /// A person wrote.
    Person,
    /// The harness added or changed it.
    Harness,
    /// An earlier answer of the model came in.
    EarlierAnswer,
    /// The two threads are not the same.
    Fork,
    /// The history was built anew.
    Rebuilt,
    /// An output was trimmed.
    Trimming,
    /// The answer of the first call was not kept.
    AnswerNotKept,
    /// Nothing recorded says why.
    Unrecorded,
    /// Unknown.
    Unknown,
}

/// How many items changed in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Those without a row.
    pub kept: usize,
    /// The copied ones.
    pub copied: usize,
    /// The added ones.
    pub added: usize,
    /// The dropped ones.
    pub dropped: usize,
    /// The rewritten ones.
    pub rewritten: usize,
    /// The moved ones.
    pub moved: usize,
}

/// Returns the items that differ, and how many there are of each kind.
pub(super) fn rows(pair: &Pair<'_, '_>, between: &[&Compaction]) -> (Vec<Row>, Counts) {
    let pairing = Pairing::of(pair, !between.is_empty());
    let causes = Causes {
        pair,
        is_compacted: !between.is_empty(),
        is_fork: pair.relation == Relation::OtherThread,
        replacements: between.iter().flat_map(|compaction| &compaction.replacement_item_ids).copied().collect(),
        inputs: between.iter().flat_map(|compaction| &compaction.input_item_ids).copied().collect(),
    };
    let tokens = |item: ItemId| pair.rollout.sizes(item).tokens_estimate;
    let row = |item_id: ItemId, place: usize, change: Change, (cause, certainty): (Cause, Certainty)| Row {
        item_id,
        place,
        change,
        cause,
        certainty,
        tokens_estimate: tokens(item_id),
        was_item_id: None,
        tokens_estimate_was: None,
        was: None,
    };
    let mut rows = Vec::new();
    for (place, item) in (pairing.start..).zip(pairing.after.iter().copied()) {
        if pairing.kept.contains(&item) {
            continue;
        }
        if let Some(was) = pairing.places.get(&item) {
            let moved = row(item, place, Change::Moved, (Cause::Unrecorded, Certainty::Inferred));
            rows.push(Row { was: Some(*was), ..moved });
        } else if let Some((was, join)) = pairing.pairs.get(&item).copied() {
            let change = if join == Join::Equal { Change::Copied } else { Change::Rewritten };
            let row = row(item, place, change, causes.of_pair(item, was, join));
            rows.push(Row { was_item_id: Some(was), tokens_estimate_was: Some(tokens(was)), ..row });
        } else {
            rows.push(row(item, place, Change::Added, causes.of_added(item)));
        }
    }
    let kept = pair.after.request_item_ids.len() - rows.len();
    let dropped: HashSet<_> = pairing.dropped.iter().copied().collect();
    for (place, item) in (pairing.start..).zip(pairing.expected.iter().copied()) {
        if dropped.contains(&item) {
            rows.push(row(item, place, Change::Dropped, causes.of_dropped(item)));
        }
    }
    let count = |change: Change| rows.iter().filter(|row| row.change == change).count();
    let counts = Counts {
        kept,
        copied: count(Change::Copied),
        added: count(Change::Added),
        dropped: count(Change::Dropped),
        rewritten: count(Change::Rewritten),
        moved: count(Change::Moved),
    };
    (rows, counts)
}

/// What the causes of rows depend on.
struct Causes<'p, 'r, 'a> {
    pair: &'p Pair<'r, 'a>,
    is_compacted: bool,
    is_fork: bool,
    replacements: HashSet<ItemId>,
    inputs: HashSet<ItemId>,
}

impl Causes<'_, '_, '_> {
    fn of_added(&self, item: ItemId) -> (Cause, Certainty) {
        if self.replacements.contains(&item) {
            return (Cause::Compaction, Certainty::Recorded);
        }
        let origin = self.pair.rollout.index().origin(item);
        let cause = match origin.class {
            OriginClass::Tool | OriginClass::Mcp => Cause::ToolResult,
            OriginClass::Agent => Cause::AgentMessage,
            OriginClass::Person => Cause::Person,
            OriginClass::Harness => Cause::Harness,
            OriginClass::Model => Cause::EarlierAnswer,
            OriginClass::Compaction | OriginClass::Before | OriginClass::Unknown if self.is_fork => {
                return (Cause::Fork, Certainty::Inferred);
            }
            OriginClass::Compaction | OriginClass::Before | OriginClass::Unknown => {
                return (Cause::Unknown, Certainty::Inferred);
            }
        };
        (cause, origin.certainty)
    }

    fn of_pair(&self, item: ItemId, was: ItemId, join: Join) -> (Cause, Certainty) {
        let certainty = match join {
            Join::Equal => Certainty::Matched,
            Join::Id => Certainty::Recorded,
            Join::Place => Certainty::Inferred,
        };
        let is_trimmed = || [item, was].iter().any(|item| self.pair.rollout.index().is_trimmed(*item));
        match () {
            () if self.is_compacted => (Cause::Compaction, certainty),
            () if self.is_fork => (Cause::Fork, certainty),
            () if join == Join::Equal => (Cause::Rebuilt, Certainty::Inferred),
            () if is_trimmed() => (Cause::Trimming, certainty),
            () if self.pair.rollout.index().origin(item).class == OriginClass::Harness => (Cause::Harness, certainty),
            () => (Cause::Unrecorded, Certainty::Inferred),
        }
    }

    fn of_dropped(&self, item: ItemId) -> (Cause, Certainty) {
        match () {
            () if self.inputs.contains(&item) => (Cause::Compaction, Certainty::Recorded),
            () if !self.pair.before.request_item_ids.contains(item) => (Cause::AnswerNotKept, Certainty::Matched),
            () if self.is_fork => (Cause::Fork, Certainty::Inferred),
            () if self.is_compacted => (Cause::Compaction, Certainty::Inferred),
            () => (Cause::Unrecorded, Certainty::Inferred),
        }
    }
}
