//! The items of a snapshot that have one fingerprint.

use rollout_trace_model::ItemId;
use rollout_trace_schema::ResponsesItemId;

use super::facts::Facts;
use crate::map::HashMap;

/// Up to this many places are searched one by one.
const SEARCHED: usize = 8;

/// Places in a list of items, ascending.
///
/// Most buckets hold one place. A bucket that has outgrown [`SEARCHED`] has an index, so that a pass that finds each of
/// its places once does not search all of them each time.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    places: Vec<u32>,
    index: Option<Box<Index>>,
}

#[derive(Clone, Debug, Default)]
struct Index {
    all: Cursor,
    by_id: HashMap<Option<ResponsesItemId>, (Vec<u32>, Cursor)>,
}

/// How many entries of a list, from the first, hold items that a pass has claimed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    pass: u64,
    claimed: usize,
}

impl Bucket {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a place. `items` are those of the snapshot.
    pub(super) fn insert(&mut self, place: u32, items: &[ItemId], facts: &Facts) {
        insert(&mut self.places, place);
        if let Some(index) = &mut self.index {
            index.insert(place, facts.of(items[place as usize]).own_id.as_ref());
        } else if self.places.len() > SEARCHED {
            let mut index = Box::<Index>::default();
            for &place in &self.places {
                index.insert(place, facts.of(items[place as usize]).own_id.as_ref());
            }
            self.index = Some(index);
        }
    }

    /// Removes a place, if it is in the bucket, at which there is an item with this id.
    pub(super) fn remove(&mut self, place: u32, own_id: Option<&ResponsesItemId>) {
        let removed = remove(&mut self.places, place);
        if let (Some(index), Some(removed)) = (&mut self.index, removed) {
            index.all.note_removed(removed);
            index.remove(place, own_id);
        }
    }

    /// Updates the index after the item at a place, which had no id, has got one.
    pub(super) fn name(&mut self, place: u32, own_id: &ResponsesItemId) {
        if let Some(index) = &mut self.index
            && self.places.binary_search(&place).is_ok()
        {
            index.remove(place, None);
            index.insert(place, Some(own_id));
        }
    }

    /// Returns the first place with an item that the pass has not claimed and that may be sighted with this id.
    pub(super) fn find(&mut self, own_id: Option<&ResponsesItemId>, items: &[ItemId], facts: &Facts) -> Option<u32> {
        let item_of = |place: u32| items[place as usize];
        let Some(index) = &mut self.index else {
            return self.places.iter().copied().find(|&place| {
                let item = item_of(place);
                !facts.is_claimed(item) && may_bear(facts.of(item).own_id.as_ref(), own_id)
            });
        };
        let Some(own_id) = own_id else { return index.all.first(&self.places, facts, item_of) };
        let mut first = |id: Option<ResponsesItemId>| {
            let (places, cursor) = index.by_id.get_mut(&id)?;
            cursor.first(places, facts, item_of)
        };
        [first(Some(own_id.clone())), first(None)].into_iter().flatten().min()
    }
}

impl Index {
    fn insert(&mut self, place: u32, own_id: Option<&ResponsesItemId>) {
        insert(&mut self.by_id.entry(own_id.cloned()).or_default().0, place);
    }

    fn remove(&mut self, place: u32, own_id: Option<&ResponsesItemId>) {
        let own_id = own_id.cloned();
        let Some((places, cursor)) = self.by_id.get_mut(&own_id) else { return };
        if let Some(removed) = remove(places, place) {
            cursor.note_removed(removed);
        }
        if places.is_empty() {
            self.by_id.remove(&own_id);
        }
    }
}

impl Cursor {
    /// Returns the first entry of a list whose item is not claimed. During a pass, only items that are being claimed are
    /// added before the cursor.
    pub(super) fn first<T: Copy>(&mut self, entries: &[T], facts: &Facts, item_of: impl Fn(T) -> ItemId) -> Option<T> {
        if self.pass != facts.pass() {
            *self = Self { pass: facts.pass(), claimed: 0 };
        }
        let rest = entries.get(self.claimed..)?;
        self.claimed += rest.iter().take_while(|&&entry| facts.is_claimed(item_of(entry))).count();
        entries.get(self.claimed).copied()
    }

    pub(super) fn note_removed(&mut self, index: usize) {
        if index < self.claimed {
            self.claimed -= 1;
        }
    }
}

/// Returns whether an item with this id may be sighted with that one: both ids count, or one is missing.
pub(super) fn may_bear(own: Option<&ResponsesItemId>, sighted: Option<&ResponsesItemId>) -> bool {
    match (own, sighted) {
        (Some(own), Some(sighted)) => own == sighted,
        _ => true,
    }
}

fn insert(places: &mut Vec<u32>, place: u32) {
    match places.last() {
        Some(&last) if place <= last => {
            if let Err(at) = places.binary_search(&place) {
                places.insert(at, place);
            }
        }
        _ => places.push(place),
    }
}

/// Removes a place and returns its index, or `None` if it is not there.
fn remove(places: &mut Vec<u32>, place: u32) -> Option<usize> {
    let at = match places.last() {
        Some(&last) if place == last => places.len() - 1,
        _ => places.binary_search(&place).ok()?,
    };
    places.remove(at);
    Some(at)
}
