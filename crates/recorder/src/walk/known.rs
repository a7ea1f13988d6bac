//! The texts that the pack stores, and where.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use rollout_trace_schema::packed::StoredRange;

use super::{Draft, Fingerprint};

/// The number of entries at which a generation is complete and the generation before it is dropped.
const GENERATION: usize = 16384;

/// The initial capacity. Growing step by step would move each entry several times.
const FIRST_ENTRIES: usize = 1024;

/// Finds stored texts by their fingerprints, for all threads of a rollout.
///
/// It has two generations. This makes it forget texts that have not been used for long, without recording every use.
#[derive(Debug, Default)]
pub(crate) struct KnownTexts {
    young: Places,
    old: Places,
}

type Places = HashMap<Fingerprint, Place, BuildHasherDefault<KeyedAlready>>;

/// Hashes a fingerprint by combining its halves, because it is already a keyed hash.
#[derive(Default)]
struct KeyedAlready(u64);

impl Hasher for KeyedAlready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, half: u64) {
        // The halves are below 2⁶¹, and a hash table uses the highest bits.
        self.0 = self.0.rotate_left(32) ^ half << 3;
    }
}

#[derive(Clone, Debug)]
enum Place {
    One(StoredRange),
    Many(Box<[StoredRange]>),
}

impl KnownTexts {
    /// Calls `visit` with the ranges of a text. Returns whether the text is known.
    pub(super) fn visit(&mut self, fingerprint: Fingerprint, mut visit: impl FnMut(StoredRange)) -> bool {
        let place = match self.young.get(&fingerprint) {
            Some(place) => place,
            None => {
                let Some(place) = self.old.remove(&fingerprint) else { return false };
                self.make_room();
                self.young.entry(fingerprint).or_insert(place)
            }
        };
        match place {
            Place::One(range) => visit(*range),
            Place::Many(ranges) => ranges.iter().copied().for_each(visit),
        }
        true
    }

    /// Remembers the texts that the record `number`, made from `draft`, is the first to store. The record must already
    /// be written.
    pub(crate) fn learn(&mut self, draft: &Draft, number: u64) {
        for (fingerprint, ranges) in draft.findings.iter() {
            let place = match ranges {
                [one] => Place::One(one.stored_in(number)),
                many => Place::Many(many.iter().map(|range| range.stored_in(number)).collect()),
            };
            self.make_room();
            self.young.insert(fingerprint, place);
        }
    }

    fn make_room(&mut self) {
        if self.young.capacity() == 0 {
            self.young.reserve(FIRST_ENTRIES);
        }
        if self.young.len() >= GENERATION {
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
    }
}
