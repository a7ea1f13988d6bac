//! What a thread's model last saw.
//!
//! Source: reduction, section 5.5.

use rollout_trace_model::ItemId;
use rollout_trace_schema::ResponsesItemId;

use super::{bucket::Bucket, facts::Facts};
use crate::{
    fingerprint::{Fingerprint, FingerprintMap},
    item::Identity,
    map::HashMap,
};

/// Places in a list of items by the fingerprints of the items.
type Places = FingerprintMap<Bucket>;

/// The items that the model last saw, in order, with an index by identity.
///
/// [`ItemFacts::in_live`](super::facts::ItemFacts::in_live) is each item's first place here.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    items: Vec<ItemId>,
    /// The later places of each item that has more than one, ascending.
    repeats: HashMap<ItemId, Vec<u32>>,
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

    pub(super) fn push(&mut self, item: ItemId, facts: &mut Facts) {
        let place = u32::try_from(self.items.len()).expect("a history has fewer items than bytes in memory");
        self.items.push(item);
        let known = facts.of_mut(item);
        match known.in_live {
            None => known.in_live = Some(place),
            Some(_) => self.repeats.entry(item).or_default().push(place),
        }
        let identity = known.identity;
        self.by_content.entry(identity.content).or_default().insert(place, &self.items, facts);
        if let Some(encrypted) = identity.encrypted {
            self.by_encrypted.entry(encrypted).or_default().insert(place, &self.items, facts);
        }
    }

    fn pop(&mut self, facts: &mut Facts) {
        let Some(item) = self.items.pop() else { return };
        let place = u32::try_from(self.items.len()).expect("a history has fewer items than bytes in memory");
        let known = facts.of_mut(item);
        if known.in_live == Some(place) {
            known.in_live = None;
        } else if let Some(places) = self.repeats.get_mut(&item) {
            places.pop();
        }
        remove(&mut self.by_content, known.identity.content, place, known.own_id.as_ref());
        if let Some(encrypted) = known.identity.encrypted {
            remove(&mut self.by_encrypted, encrypted, place, known.own_id.as_ref());
        }
    }

    /// Replaces all items after the first `kept`, at a cost in proportion to the difference.
    pub(super) fn replace_from(&mut self, kept: usize, items: &[ItemId], facts: &mut Facts) {
        let same = self.items[kept..].iter().zip(items).take_while(|(old, new)| old == new).count();
        while self.items.len() > kept + same {
            self.pop(facts);
        }
        for &item in &items[same..] {
            self.push(item, facts);
        }
    }

    /// Changes the identity by which an item is found, if it is here. The facts already have the new one.
    pub(super) fn reidentify(&mut self, item: ItemId, old: Identity, facts: &Facts) {
        let new = facts.of(item).identity;
        let own_id = facts.of(item).own_id.as_ref();
        for place in self.places(item, facts) {
            if new.content != old.content {
                remove(&mut self.by_content, old.content, place, own_id);
                self.by_content.entry(new.content).or_default().insert(place, &self.items, facts);
            }
            if new.encrypted != old.encrypted {
                if let Some(encrypted) = old.encrypted {
                    remove(&mut self.by_encrypted, encrypted, place, own_id);
                }
                if let Some(encrypted) = new.encrypted {
                    self.by_encrypted.entry(encrypted).or_default().insert(place, &self.items, facts);
                }
            }
        }
    }

    /// Notes that an item, which had no id, has got one. The facts already have it.
    pub(super) fn name(&mut self, item: ItemId, own_id: &ResponsesItemId, facts: &Facts) {
        let identity = facts.of(item).identity;
        for place in self.places(item, facts) {
            let encrypted = identity.encrypted.and_then(|encrypted| self.by_encrypted.get_mut(&encrypted));
            for bucket in self.by_content.get_mut(&identity.content).into_iter().chain(encrypted) {
                bucket.name(place, own_id);
            }
        }
    }

    /// Returns the first item with this identity that the pass has not claimed and that may be sighted with this id.
    pub(super) fn find(
        &mut self,
        identity: &Identity,
        own_id: Option<&ResponsesItemId>,
        facts: &Facts,
    ) -> Option<ItemId> {
        let by_content = self.by_content.get_mut(&identity.content);
        let by_encrypted = identity.sought.and_then(|encrypted| self.by_encrypted.get_mut(&encrypted));
        let buckets = by_content.into_iter().chain(by_encrypted);
        let place = buckets.filter_map(|bucket| bucket.find(own_id, &self.items, facts)).min()?;
        Some(self.items[place as usize])
    }

    /// Returns all places of an item.
    fn places(&self, item: ItemId, facts: &Facts) -> Vec<u32> {
        let Some(first) = facts.of(item).in_live else { return Vec::new() };
        std::iter::once(first).chain(self.repeats.get(&item).into_iter().flatten().copied()).collect()
    }
}

fn remove(places: &mut Places, key: Fingerprint, place: u32, own_id: Option<&ResponsesItemId>) {
    if let Some(bucket) = places.get_mut(&key) {
        bucket.remove(place, own_id);
        if bucket.is_empty() {
            places.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::order::Order, *};
    use crate::fingerprint::fingerprint_text;

    fn identity(text: &str) -> Identity {
        Identity { content: fingerprint_text(text), encrypted: None, sought: None }
    }

    /// Makes one item for each text.
    fn made(texts: &[&str]) -> (Facts, Vec<ItemId>) {
        let (mut facts, mut order) = (Facts::default(), Order::default());
        facts.begin_pass();
        let items = texts.iter().map(|text| facts.add(identity(text), order.append())).collect();
        (facts, items)
    }

    #[test]
    fn finds_the_first_place_after_every_change() {
        let (mut facts, items) = made(&["a", "b", "a", "c", "a"]);
        let mut snapshot = Snapshot::default();
        snapshot.replace_from(0, &items[..3], &mut facts);
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[0]));
        facts.claim(items[0]);
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[2]));
        let later = [items[1], items[3], items[4]];
        snapshot.replace_from(0, &later, &mut facts);
        assert_eq!(snapshot.items(), later);
        assert_eq!(facts.of(items[0]).in_live, None);
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[4]));
        let old = std::mem::replace(&mut facts.of_mut(items[3]).identity, identity("a"));
        snapshot.reidentify(items[3], old, &facts);
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[3]));
        assert_eq!(snapshot.find(&identity("c"), None, &facts), None);
    }

    #[test]
    fn many_equal_items_are_found_in_order_and_by_their_ids() {
        let (mut facts, items) = made(&["a"; 40]);
        for &item in items.iter().skip(1).step_by(2) {
            facts.of_mut(item).own_id = Some(ResponsesItemId::new(format!("id {}", item.0)));
        }
        let mut snapshot = Snapshot::default();
        snapshot.replace_from(0, &items, &mut facts);
        let last = facts.of(items[39]).own_id.clone();
        for &item in items.iter().step_by(2) {
            assert_eq!(
                snapshot.find(&identity("a"), last.as_ref(), &facts),
                Some(item),
                "unnamed, and before the last"
            );
            facts.claim(item);
        }
        assert_eq!(snapshot.find(&identity("a"), last.as_ref(), &facts), Some(items[39]));
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[1]));
        facts.begin_pass();
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[0]));
        let name = ResponsesItemId::from("new");
        facts.of_mut(items[0]).own_id = Some(name.clone());
        snapshot.name(items[0], &name, &facts);
        assert_eq!(snapshot.find(&identity("a"), last.as_ref(), &facts), Some(items[2]));
        assert_eq!(snapshot.find(&identity("a"), Some(&name), &facts), Some(items[0]));
        facts.claim_prefix(3);
        assert_eq!(snapshot.find(&identity("a"), None, &facts), Some(items[3]));
        assert_eq!(snapshot.find(&identity("a"), Some(&name), &facts), Some(items[4]));
    }

    #[test]
    fn an_item_that_is_there_twice_is_found_at_both_places() {
        let (mut facts, items) = made(&["a", "b"]);
        let mut snapshot = Snapshot::default();
        snapshot.replace_from(0, &[items[0], items[1], items[0]], &mut facts);
        let old = std::mem::replace(&mut facts.of_mut(items[0]).identity, identity("c"));
        snapshot.reidentify(items[0], old, &facts);
        snapshot.replace_from(1, &[], &mut facts);
        assert_eq!(snapshot.find(&identity("c"), None, &facts), Some(items[0]));
        snapshot.replace_from(0, &[items[1], items[0]], &mut facts);
        assert_eq!(
            (snapshot.find(&identity("c"), None, &facts), facts.of(items[0]).in_live),
            (Some(items[0]), Some(1))
        );
        assert_eq!(snapshot.find(&identity("a"), None, &facts), None);
    }
}
