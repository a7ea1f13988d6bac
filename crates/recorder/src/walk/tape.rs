//! The tokens of a thread's last model-facing document, with which the next one is compared.

use std::{mem, ops::Range};

use super::Fingerprint;

/// The tokens of a document, divided into units: the elements of its outermost arrays, and the fields around these.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// The tokens of all units. If memory is short, this is `None` and only the units' fingerprints are compared.
    tokens: Option<Vec<u8>>,
    pub(super) units: Vec<Unit>,
    pub(super) input: Option<InputUnits>,
}

/// The elements of the outermost array called `input`.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputUnits {
    /// The index of the first element's unit.
    pub(super) first: usize,
    pub(super) count: usize,
}

/// One unit of a document. It starts where the unit before it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    /// The end of its tokens among those of the document.
    pub(super) tokens_end: usize,
    /// The end of its text in the document.
    pub(super) text_end: u64,
    pub(super) identity: Identity,
}

/// The identity of a unit, which decides whether two units are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// The fingerprint of the tokens, without a leading comma.
    pub(super) fingerprint: Fingerprint,
    pub(super) comma: bool,
}

/// A unit that is not on the old tape.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewUnit {
    pub(super) tokens_len: usize,
    pub(super) text_len: u64,
    pub(super) identity: Identity,
}

/// How the next document's tape is made from this one's.
#[derive(Debug, Default)]
pub(super) struct TapeEdit {
    /// How many units at the start are kept.
    pub(super) kept: usize,
    /// The steps that follow these units.
    pub(super) rest: Vec<Edit>,
    /// The tokens of the new units, one after the other.
    pub(super) new_tokens: Vec<u8>,
    pub(super) input: Option<InputUnits>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// Some units of the old tape.
    Keep { first: usize, count: usize },
    /// A new unit.
    New(NewUnit),
}

impl TapeEdit {
    /// Empties the edit and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.kept = 0;
        self.rest.clear();
        self.new_tokens.clear();
        self.input = None;
    }

    /// Returns how much memory the edit holds, approximately.
    pub(super) fn memory(&self) -> usize {
        self.new_tokens.capacity() + 48 * self.rest.capacity()
    }

    /// Makes units of the old tape the next ones.
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

    /// Returns the number of units that the document has so far.
    pub(super) fn units(&self) -> usize {
        self.kept
            + self.rest.iter().map(|edit| if let Edit::Keep { count, .. } = edit { *count } else { 1 }).sum::<usize>()
    }
}

impl Tape {
    /// Returns how much memory the tokens take.
    pub(crate) fn bytes(&self) -> usize {
        self.tokens.as_ref().map_or(0, Vec::len)
    }

    /// Frees the memory of the tokens. The fingerprints are kept.
    pub(crate) fn forget_tokens(&mut self) {
        self.tokens = None;
    }

    /// Returns where a unit's tokens start.
    pub(super) fn tokens_start(&self, unit: usize) -> usize {
        unit.checked_sub(1).map_or(0, |before| self.units[before].tokens_end)
    }

    /// Returns a unit's tokens. Returns `None` if there is no such unit or the tokens are not kept.
    #[inline]
    pub(super) fn unit_tokens(&self, unit: usize) -> Option<&[u8]> {
        let (tokens, end) = (self.tokens.as_ref()?, self.units.get(unit)?.tokens_end);
        Some(&tokens[self.tokens_start(unit)..end])
    }

    /// Returns whether the tokens are kept.
    pub(super) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Returns where a unit's text starts in the document.
    pub(super) fn text_start(&self, unit: usize) -> u64 {
        unit.checked_sub(1).map_or(0, |before| self.units[before].text_end)
    }

    /// Turns this into the tape of the next document. Only the changed units and those after them are touched.
    pub(super) fn apply(&mut self, edit: &mut TapeEdit) {
        if self.units.is_empty() {
            self.tokens.get_or_insert_default();
        }
        self.input = edit.input;
        // Usually one run of units is replaced, and the units after it are kept.
        let (new, after) = match edit.rest[..] {
            [ref new @ .., Edit::Keep { first, count }] if first + count == self.units.len() => (new, first),
            ref new => (new, self.units.len()),
        };
        if after < edit.kept || new.iter().any(|step| matches!(step, Edit::Keep { .. })) {
            self.rebuild(edit);
        } else if (edit.kept, after) == (0, self.units.len()) {
            self.units.clear();
            if let Some(tokens) = &mut self.tokens {
                mem::swap(tokens, &mut edit.new_tokens);
            }
            self.push_new(new);
        } else {
            self.replace(edit.kept..after, &edit.new_tokens, new);
        }
    }

    /// Replaces a run of units by new ones.
    fn replace(&mut self, old: Range<usize>, new_tokens: &[u8], new: &[Edit]) {
        let (tokens_from, tokens_to) = (self.tokens_start(old.start), self.tokens_start(old.end));
        let text_to = self.text_start(old.end);
        if let Some(tokens) = &mut self.tokens {
            replace_bytes(tokens, tokens_from..tokens_to, new_tokens);
        }
        let after = self.units.split_off(old.end);
        self.units.truncate(old.start);
        self.push_new(new);
        let (tokens_end, text_end) = (self.tokens_start(self.units.len()), self.text_start(self.units.len()));
        self.units.extend(after.into_iter().map(|unit| Unit {
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

    /// Rebuilds the tape, except for the units at the start, which are kept.
    fn rebuild(&mut self, edit: &TapeEdit) {
        let mut next = Self::default();
        let mut next_tokens = Vec::new();
        let mut new = &edit.new_tokens[..];
        for step in &edit.rest {
            match *step {
                Edit::Keep { first, count } => {
                    let (mut tokens_at, mut text_at) = (self.tokens_start(first), self.text_start(first));
                    if let Some(tokens) = &self.tokens {
                        next_tokens.extend_from_slice(&tokens[tokens_at..self.tokens_start(first + count)]);
                    }
                    for unit in &self.units[first..first + count] {
                        next.push(unit.tokens_end - tokens_at, unit.text_end - text_at, unit.identity);
                        (tokens_at, text_at) = (unit.tokens_end, unit.text_end);
                    }
                }
                Edit::New(unit) => {
                    if self.has_tokens() {
                        let (own, rest) = new.split_at(unit.tokens_len);
                        next_tokens.extend_from_slice(own);
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
        if let Some(tokens) = &mut self.tokens {
            tokens.truncate(tokens_at);
            tokens.append(&mut next_tokens);
        }
    }
}

/// Replaces a range of bytes. `Vec::splice` would copy byte by byte.
fn replace_bytes(bytes: &mut Vec<u8>, range: Range<usize>, new: &[u8]) {
    let (len, after) = (bytes.len(), range.start + new.len());
    let new_len = after + (len - range.end);
    bytes.resize(new_len.max(len), 0);
    bytes.copy_within(range.end..len, after);
    bytes[range.start..after].copy_from_slice(new);
    bytes.truncate(new_len);
}
