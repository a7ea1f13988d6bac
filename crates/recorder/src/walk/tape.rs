//! What a thread's last model-facing document said, to compare the next one with.

use std::{mem, ops::Range};

use super::Fingerprint;

/// The tokens of a document, in units: the fields around its outermost arrays, and the elements of these.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// The tokens of all units; empty where only fingerprints are kept.
    pub(super) tokens: Vec<u8>,
    pub(super) has_tokens: bool,
    pub(super) units: Vec<Unit>,
    /// The elements of the outermost array called `input`: the first one's unit, and how many.
    pub(super) input: Option<(usize, usize)>,
}

/// One unit of a document. Its beginning is the end of the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    /// Where its tokens end among those of the document.
    pub(super) tokens_end: usize,
    /// Where its text ends in the document.
    pub(super) text_end: u64,
    pub(super) identity: Identity,
}

/// What makes a unit the same as another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// Of the tokens, without a leading comma.
    pub(super) fingerprint: Fingerprint,
    pub(super) comma: bool,
}

/// A unit that the old tape does not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewUnit {
    pub(super) tokens_len: usize,
    pub(super) text_len: u64,
    pub(super) identity: Identity,
}

/// How the next document's tape comes from this one's.
#[derive(Debug, Default)]
pub(super) struct TapeEdit {
    /// How many units stay at the beginning.
    pub(super) kept: usize,
    /// What follows them.
    pub(super) rest: Vec<Edit>,
    /// The tokens of the new units, one after the other.
    pub(super) new_tokens: Vec<u8>,
    pub(super) input: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// These units of the old tape.
    Keep { first: usize, count: usize },
    /// A new unit.
    New(NewUnit),
}

impl TapeEdit {
    /// Becomes an empty edit.
    pub(super) fn clear(&mut self) {
        self.kept = 0;
        self.rest.clear();
        self.new_tokens.clear();
        self.input = None;
    }

    /// How much memory it holds, about.
    pub(super) fn memory(&self) -> usize {
        self.new_tokens.capacity() + 48 * self.rest.capacity()
    }

    /// Notes that units of the old tape come next.
    pub(super) fn keep(&mut self, unit: usize, count: usize) {
        if self.rest.is_empty() && self.kept == unit {
            self.kept += count;
            return;
        }
        match self.rest.last_mut() {
            Some(Edit::Keep { first, count: before }) if *first + *before == unit => *before += count,
            _ => self.rest.push(Edit::Keep { first: unit, count }),
        }
    }

    /// How many units the document has so far.
    pub(super) fn units(&self) -> usize {
        self.kept
            + self.rest.iter().map(|edit| if let Edit::Keep { count, .. } = edit { *count } else { 1 }).sum::<usize>()
    }
}

impl Tape {
    /// How much memory the tokens take.
    pub(crate) fn bytes(&self) -> usize {
        self.tokens.len()
    }

    /// Gives the tokens' memory back; fingerprints remain.
    pub(crate) fn forget_tokens(&mut self) {
        self.tokens = Vec::new();
        self.has_tokens = false;
    }

    /// Where a unit's tokens begin.
    pub(super) fn tokens_start(&self, unit: usize) -> usize {
        unit.checked_sub(1).map_or(0, |before| self.units[before].tokens_end)
    }

    /// A unit's tokens, if they are kept.
    #[inline]
    pub(super) fn unit_tokens(&self, unit: usize) -> &[u8] {
        &self.tokens[self.tokens_start(unit)..self.units[unit].tokens_end]
    }

    /// Where a unit's text begins in the document.
    pub(super) fn text_start(&self, unit: usize) -> u64 {
        unit.checked_sub(1).map_or(0, |before| self.units[before].text_end)
    }

    /// Becomes the tape of the next document. Only what changed, and what stands behind it, is touched.
    pub(super) fn apply(&mut self, edit: &mut TapeEdit) {
        self.input = edit.input;
        // Mostly there is something new, and behind it what stood behind what was there.
        let (new, behind) = match edit.rest[..] {
            [ref new @ .., Edit::Keep { first, count }] if first + count == self.units.len() => (new, first),
            ref new => (new, self.units.len()),
        };
        if behind < edit.kept || new.iter().any(|step| matches!(step, Edit::Keep { .. })) {
            self.rebuild(edit);
        } else if (edit.kept, behind) == (0, self.units.len()) {
            self.units.clear();
            if self.has_tokens {
                mem::swap(&mut self.tokens, &mut edit.new_tokens);
            }
            self.push_new(new);
        } else {
            self.replace(edit.kept..behind, &edit.new_tokens, new);
        }
    }

    /// Puts new units in the place of a run of old ones.
    fn replace(&mut self, old: Range<usize>, new_tokens: &[u8], new: &[Edit]) {
        let (tokens_from, tokens_to) = (self.tokens_start(old.start), self.tokens_start(old.end));
        let text_to = self.text_start(old.end);
        if self.has_tokens {
            replace_bytes(&mut self.tokens, tokens_from..tokens_to, new_tokens);
        }
        let behind = self.units.split_off(old.end);
        self.units.truncate(old.start);
        self.push_new(new);
        let (tokens_end, text_end) = (self.tokens_start(self.units.len()), self.text_start(self.units.len()));
        self.units.extend(behind.into_iter().map(|unit| Unit {
            tokens_end: unit.tokens_end - tokens_to + tokens_end,
            text_end: unit.text_end - text_to + text_end,
            ..unit
        }));
    }

    fn push_new(&mut self, new: &[Edit]) {
        for step in new {
            if let Edit::New(unit) = step {
                self.push(unit.tokens_len, unit.text_len, unit.identity);
            }
        }
    }

    fn push(&mut self, tokens_len: usize, text_len: u64, identity: Identity) {
        let end = self.units.len();
        let (tokens_end, text_end) = (self.tokens_start(end) + tokens_len, self.text_start(end) + text_len);
        self.units.push(Unit { tokens_end, text_end, identity });
    }

    /// Puts the tape together anew, but for the units that stay at the beginning.
    fn rebuild(&mut self, edit: &TapeEdit) {
        let mut next = Self { has_tokens: self.has_tokens, ..Self::default() };
        let mut new = &edit.new_tokens[..];
        for step in &edit.rest {
            match *step {
                Edit::Keep { first, count } => {
                    let (mut tokens_at, mut text_at) = (self.tokens_start(first), self.text_start(first));
                    if self.has_tokens {
                        next.tokens.extend_from_slice(&self.tokens[tokens_at..self.tokens_start(first + count)]);
                    }
                    for unit in &self.units[first..first + count] {
                        next.push(unit.tokens_end - tokens_at, unit.text_end - text_at, unit.identity);
                        (tokens_at, text_at) = (unit.tokens_end, unit.text_end);
                    }
                }
                Edit::New(unit) => {
                    if self.has_tokens {
                        let (own, rest) = new.split_at(unit.tokens_len);
                        next.tokens.extend_from_slice(own);
                        new = rest;
                    }
                    next.push(unit.tokens_len, unit.text_len, unit.identity);
                }
            }
        }
        let (tokens_at, text_at) = (self.tokens_start(edit.kept), self.text_start(edit.kept));
        self.units.truncate(edit.kept);
        self.units.extend(next.units.into_iter().map(|unit| Unit {
            tokens_end: unit.tokens_end + tokens_at,
            text_end: unit.text_end + text_at,
            ..unit
        }));
        if self.has_tokens {
            self.tokens.truncate(tokens_at);
            self.tokens.append(&mut next.tokens);
        }
    }
}

/// Replaces a range of bytes. `Vec::splice` would go byte by byte.
fn replace_bytes(bytes: &mut Vec<u8>, range: Range<usize>, new: &[u8]) {
    let (len, behind) = (bytes.len(), range.start + new.len());
    let new_len = behind + (len - range.end);
    bytes.resize(new_len.max(len), 0);
    bytes.copy_within(range.end..len, behind);
    bytes[range.start..behind].copy_from_slice(new);
    bytes.truncate(new_len);
}
