//! What a thread's model last saw.
//!
//! Source: reduction, section 5.5.

use std::{collections::HashMap, hash::BuildHasherDefault};

use rollout_trace_model::ItemId;

use crate::{
    fingerprint::{ByFingerprint, Fingerprint},
    item::Identity,
};

/// Places in a list of items, ascending, by the fingerprints of the items.
type Places = HashMap<Fingerprint, Vec<u32>, BuildHasherDefault<ByFingerprint>>;

/// The items that the model last saw, in order, with an index by identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    items: Vec<ItemId>,
    by_content: Places,
    by_encrypted: Places,
}

impl Snapshot {
    pub(crate) fn items(&self) -> &[ItemId] {
        &self.items
    }

    pub(crate) fn get(&self, place: usize) -> Option<ItemId> {
        self.items.get(place).copied()
    }

    pub(crate) fn push(&mut self, item: ItemId, identity: Identity) {
        let place = u32::try_from(self.items.len()).expect("a history has fewer items than bytes in memory");
        self.items.push(item);
        self.by_content.entry(identity.content).or_default().push(place);
        if let Some(encrypted) = identity.encrypted {
            self.by_encrypted.entry(encrypted).or_default().push(place);
        }
    }

    /// Replaces the items, at a cost in proportion to the difference.
    pub(crate) fn become_items(&mut self, items: &[ItemId], identity_of: impl Fn(ItemId) -> Identity) {
        let kept = self.items.iter().zip(items).take_while(|(old, new)| old == new).count();
        while self.items.len() > kept {
            let item = self.items.pop().expect("the list is longer than what is kept");
            let identity = identity_of(item);
            forget_last(&mut self.by_content, identity.content);
            if let Some(encrypted) = identity.encrypted {
                forget_last(&mut self.by_encrypted, encrypted);
            }
        }
        for &item in &items[kept..] {
            self.push(item, identity_of(item));
        }
    }

    /// Changes the identity by which an item is found.
    pub(crate) fn reidentify(&mut self, item: ItemId, old: Identity, new: Identity) {
        move_places(&mut self.by_content, &self.items, item, Some(old.content), Some(new.content));
        move_places(&mut self.by_encrypted, &self.items, item, old.encrypted, new.encrypted);
    }

    /// Returns the first item with this identity that `accept` accepts.
    pub(crate) fn find(&self, identity: &Identity, mut accept: impl FnMut(ItemId) -> bool) -> Option<ItemId> {
        let mut first = |places: Option<&Vec<u32>>| {
            places.into_iter().flatten().copied().find(|&place| accept(self.items[place as usize]))
        };
        let by_content = first(self.by_content.get(&identity.content));
        let by_encrypted = identity.encrypted.and_then(|encrypted| first(self.by_encrypted.get(&encrypted)));
        let place = match (by_content, by_encrypted) {
            (Some(left), Some(right)) => left.min(right),
            (left, right) => left.or(right)?,
        };
        Some(self.items[place as usize])
    }
}

fn forget_last(places: &mut Places, key: Fingerprint) {
    if let Some(list) = places.get_mut(&key) {
        list.pop();
        if list.is_empty() {
            places.remove(&key);
        }
    }
}

fn move_places(
    places: &mut Places,
    items: &[ItemId],
    item: ItemId,
    old: Option<Fingerprint>,
    new: Option<Fingerprint>,
) {
    if old == new {
        return;
    }
    let mut moved = Vec::new();
    if let Some(key) = old
        && let Some(list) = places.get_mut(&key)
    {
        list.retain(|&place| {
            let stays = items[place as usize] != item;
            if !stays {
                moved.push(place);
            }
            stays
        });
        if list.is_empty() {
            places.remove(&key);
        }
    } else {
        moved = (0..).zip(items).filter(|&(_, other)| *other == item).map(|(place, _)| place).collect();
    }
    if let Some(key) = new
        && !moved.is_empty()
    {
        let list = places.entry(key).or_default();
        list.extend(moved);
        list.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::fingerprint_text;

    fn identity(text: &str) -> Identity {
        Identity { content: fingerprint_text(text), encrypted: None }
    }

    #[test]
    fn finds_the_first_place_after_every_change() {
        let texts = ["a", "b", "a", "c", "a"];
        let of = |item: ItemId| identity(texts[item.0 as usize]);
        let mut snapshot = Snapshot::default();
        snapshot.become_items(&[ItemId(0), ItemId(1), ItemId(2)], of);
        assert_eq!(snapshot.find(&identity("a"), |_| true), Some(ItemId(0)));
        assert_eq!(snapshot.find(&identity("a"), |item| item != ItemId(0)), Some(ItemId(2)));
        snapshot.become_items(&[ItemId(1), ItemId(3), ItemId(4)], of);
        assert_eq!(snapshot.items(), [ItemId(1), ItemId(3), ItemId(4)]);
        assert_eq!(snapshot.find(&identity("a"), |_| true), Some(ItemId(4)));
        snapshot.reidentify(ItemId(3), identity("c"), identity("a"));
        assert_eq!(snapshot.find(&identity("a"), |_| true), Some(ItemId(3)));
        assert_eq!(snapshot.find(&identity("c"), |_| true), None);
    }
}
