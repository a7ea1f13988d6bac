//! The items that bear one Responses id, and those that a response may show again.

use rollout_trace_model::ItemId;
use rollout_trace_schema::ResponsesItemId;

use super::{bucket::Cursor, facts::Facts};
use crate::{
    fingerprint::{Fingerprint, FingerprintMap},
    item::{Identity, Sighting},
    map::{HashMap, HashSet},
};

/// Up to this many items are searched one by one.
const SEARCHED: usize = 8;

/// Items by fingerprint, each list in the order of the thread's list.
type Index = FingerprintMap<(Vec<ItemId>, Cursor)>;

/// The items of a thread that bear one Responses id.
///
/// It is one item, unless a provider numbers its items anew in each response. Such an id has an index.
#[derive(Debug, Default)]
pub(super) struct Bearers {
    items: Vec<ItemId>,
    /// Whether one of them is an agent message or a tool output.
    pub(super) has_delivery: bool,
    index: Option<Box<Index>>,
}

impl Bearers {
    pub(super) fn items(&self) -> &[ItemId] {
        &self.items
    }

    pub(super) fn add(&mut self, item: ItemId, facts: &Facts) {
        self.items.push(item);
        if let Some(index) = &mut self.index {
            file(index, item, facts.of(item).identity, facts);
        } else if self.items.len() > SEARCHED {
            let mut index = Box::<Index>::default();
            for &item in &self.items {
                file(&mut index, item, facts.of(item).identity, facts);
            }
            self.index = Some(index);
        }
    }

    /// Updates the index for an item whose identity or place in the thread's list changes.
    pub(super) fn change(&mut self, item: ItemId, facts: &mut Facts, change: impl FnOnce(&mut Facts)) {
        if let Some(index) = &mut self.index {
            for key in keys(facts.of(item).identity) {
                let Some((items, cursor)) = index.get_mut(&key) else { continue };
                let at = place_of(items, item, facts);
                if items.get(at) == Some(&item) {
                    items.remove(at);
                    cursor.note_removed(at);
                }
            }
        }
        change(facts);
        if let Some(index) = &mut self.index {
            file(index, item, facts.of(item).identity, facts);
        }
    }

    /// Returns the first of the items with this identity, in the order of the thread's list, that the pass has not
    /// claimed.
    fn find(&mut self, identity: &Identity, facts: &Facts) -> Option<ItemId> {
        match &mut self.index {
            Some(index) => find(index, identity, facts),
            None => first(&self.items, identity, facts),
        }
    }
}

/// The items that a response may show again: those that bear an id which the response shows.
///
/// Source: reduction, section 5.8.
pub(super) struct Candidates {
    ids: Vec<ResponsesItemId>,
    /// The items that may be sighted without an id, apart from those of the ids that have an index.
    searched: Index,
}

impl Candidates {
    pub(super) fn new(sightings: &[Sighting], bearers: &HashMap<ResponsesItemId, Bearers>, facts: &Facts) -> Self {
        let mut candidates = Self { ids: Vec::new(), searched: Index::default() };
        if sightings.iter().all(|sighting| sighting.own_id.is_some()) {
            return candidates;
        }
        let mut seen = HashSet::default();
        for id in sightings.iter().filter_map(|sighting| sighting.own_id.as_ref()).filter(|id| seen.insert(*id)) {
            match bearers.get(id) {
                Some(Bearers { index: Some(_), .. }) => candidates.ids.push(id.clone()),
                Some(Bearers { items, .. }) => {
                    for &item in items {
                        file(&mut candidates.searched, item, facts.of(item).identity, facts);
                    }
                }
                None => {}
            }
        }
        candidates
    }

    /// Returns the first candidate, in the order of the thread's list, that this is a sighting of and that the pass has
    /// not claimed.
    pub(super) fn find(
        &mut self,
        sighting: &Sighting,
        bearers: &mut HashMap<ResponsesItemId, Bearers>,
        facts: &Facts,
    ) -> Option<ItemId> {
        if let Some(id) = &sighting.own_id {
            return bearers.get_mut(id)?.find(&sighting.identity, facts);
        }
        let searched = find(&mut self.searched, &sighting.identity, facts);
        let indexed = self.ids.iter().filter_map(|id| bearers.get_mut(id)?.find(&sighting.identity, facts));
        searched.into_iter().chain(indexed).min_by_key(|&item| facts.of(item).in_order)
    }
}

fn keys(identity: Identity) -> impl Iterator<Item = Fingerprint> {
    [Some(identity.content), identity.encrypted].into_iter().flatten()
}

fn file(index: &mut Index, item: ItemId, identity: Identity, facts: &Facts) {
    for key in keys(identity) {
        let (items, _) = index.entry(key).or_default();
        items.insert(place_of(items, item, facts), item);
    }
}

/// Returns the index at which an item is, or at which it is to be inserted.
fn place_of(items: &[ItemId], item: ItemId, facts: &Facts) -> usize {
    let place = facts.of(item).in_order;
    items.partition_point(|&other| facts.of(other).in_order < place)
}

fn find(index: &mut Index, identity: &Identity, facts: &Facts) -> Option<ItemId> {
    let mut first = |key| {
        let (items, cursor) = index.get_mut(&key)?;
        cursor.first(items, facts, |item| item)
    };
    [Some(identity.content), identity.sought]
        .into_iter()
        .flatten()
        .filter_map(&mut first)
        .min_by_key(|&item| facts.of(item).in_order)
}

fn first(items: &[ItemId], identity: &Identity, facts: &Facts) -> Option<ItemId> {
    let fits = |item: &ItemId| !facts.is_claimed(*item) && facts.of(*item).identity.matches(identity);
    items.iter().copied().filter(fits).min_by_key(|&item| facts.of(item).in_order)
}
