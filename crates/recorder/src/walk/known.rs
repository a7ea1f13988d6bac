//! What lies where in the bundle's file of payloads.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use rollout_trace_schema::packed::Piece;

use super::{
    Fingerprint,
    draft::{Draft, DraftPiece},
};

/// A range of the data of a record that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) record: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Stored {
    pub(super) fn piece(self) -> Piece {
        Piece::Stored { record: self.record, offset: self.offset, len: self.len }
    }

    /// Whether `next` begins where this ends.
    pub(super) fn goes_on_in(self, next: Self) -> bool {
        self.record == next.record && self.offset + self.len == next.offset
    }
}

/// How many entries a generation has before the one before it is forgotten.
const GENERATION: usize = 16384;

/// How many entries find room from the beginning: to grow step by step would put each in its place several times.
const FIRST_ENTRIES: usize = 1024;

/// Finds stored texts by their fingerprints, for all threads of a rollout.
///
/// It has two generations, so that it forgets what was long of no use without keeping account of every use.
#[derive(Debug, Default)]
pub(crate) struct KnownTexts {
    young: Places,
    old: Places,
}

type Places = HashMap<Fingerprint, Place, BuildHasherDefault<AsItIs>>;

/// Hashes a fingerprint by taking a half of it: it is a keyed hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, half: u64) {
        // The halves are below 2⁶¹, and a table looks at the highest bits.
        self.0 = self.0.rotate_left(32) ^ half << 3;
    }
}

#[derive(Clone, Debug)]
enum Place {
    One(Stored),
    Many(Box<[Stored]>),
}

impl KnownTexts {
    /// Calls `visit` with the ranges of a text; false: it is not known.
    pub(super) fn visit(&mut self, fingerprint: Fingerprint, mut visit: impl FnMut(Stored)) -> bool {
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

    /// Remembers what a record put down, now that it is written.
    pub(crate) fn learn(&mut self, draft: &Draft, record: u64) {
        let mut ranges = &draft.finding_ranges[..];
        for finding in &draft.findings {
            let (own, rest) = ranges.split_at(finding.ranges);
            ranges = rest;
            let mut stored = own.iter().filter_map(|&piece| match piece {
                DraftPiece::Own { offset, len } => Some(Stored { record, offset, len }),
                DraftPiece::Stored(stored) => Some(stored),
                DraftPiece::Base { .. } => None,
            });
            let place = match (own.len(), stored.next()) {
                (1, Some(one)) => Place::One(one),
                (_, first) => Place::Many(first.into_iter().chain(stored).collect()),
            };
            self.make_room();
            self.young.insert(finding.fingerprint, place);
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
