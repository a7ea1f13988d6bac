//! The content of a thread's last model-facing document, with which the next one is compared.

use std::{mem, ops::Range};

use super::Fingerprint;

/// The tokens of a document, in units: the fields around its outermost arrays, and the elements of these.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// The tokens of all units. `None` if memory is short: then only the units' fingerprints are compared.
    tokens: Option<Vec<u8>>,
    pub(super) units: Vec<Unit>,
    pub(super) input: Option<InputUnits>,
}

/// The elements of the outermost array called `input`.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputUnits {
    /// The unit of the first element.
    pub(super) first: usize,
    pub(super) count: usize,
}

/// One unit of a document. It starts where the unit before it ends.
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

/// A unit that is not on the old tape.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewUnit {
    pub(super) tokens_len: usize,
    pub(super) text_len: u64,
    pub(super) identity: Identity,
}

/// How the next document's tape comes from this one's.
#[derive(Debug, Default)]
pub(super) struct TapeEdit {
    /// How many units at the start stay.
    pub(super) kept: usize,
    /// What follows them.
    pub(super) rest: Vec<Edit>,
    /// The tokens of the new units, one after the other.
    pub(super) new_tokens: Vec<u8>,
    pub(super) input: Option<InputUnits>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// These units of the old tape.
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

    /// The number of units that the document has so far.
    pub(super) fn units(&self) -> usize {
        self.kept
            + self.rest.iter().map(|edit| if let Edit::Keep { count, .. } = edit { *count } else { 1 }).sum::<usize>()
    }
}

impl Tape {
    /// How much memory the tokens take.
    pub(crate) fn bytes(&self) -> usize {
        self.tokens.as_ref().map_or(0, Vec::len)
    }

    /// Frees the memory of the tokens; the fingerprints stay.
    pub(crate) fn forget_tokens(&mut self) {
        self.tokens = None;
    }

    /// Where a unit's tokens start.
    pub(super) fn tokens_start(&self, unit: usize) -> usize {
        unit.checked_sub(1).map_or(0, |before| self.units[before].tokens_end)
    }

    /// Returns a unit's tokens. Returns `None` if there is no such unit or the tokens are not kept.
    #[inline]
    pub(super) fn unit_tokens(&self, unit: usize) -> Option<&[u8]> {
        let (tokens, end) = (self.tokens.as_ref()?, self.units.get(unit)?.tokens_end);
        Some(&tokens[self.tokens_start(unit)..end])
    }

    /// Whether the tokens are kept.
    pub(super) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Where a unit's text starts in the document.
    pub(super) fn text_start(&self, unit: usize) -> u64 {
        unit.checked_sub(1).map_or(0, |before| self.units[before].text_end)
    }

    /// Makes this the tape of the next document. Only what changed and what follows it is touched.
    pub(super) fn apply(&mut self, edit: &mut TapeEdit) {
        if self.units.is_empty() {
            self.tokens.get_or_insert_default();
        }
        self.input = edit.input;
        // Usually one run of units is replaced, and those after it stay.
        let (new, behind) = match edit.rest[..] {
            [ref new @ .., Edit::Keep { first, count }] if first + count == self.units.len() => (new, first),
            ref new => (new, self.units.len()),
        };
        if behind < edit.kept || new.iter().any(|step| matches!(step, Edit::Keep { .. })) {
            self.rebuild(edit);
        } else if (edit.kept, behind) == (0, self.units.len()) {
            self.units.clear();
            if let Some(tokens) = &mut self.tokens {
                mem::swap(tokens, &mut edit.new_tokens);
            }
            self.push_new(new);
        } else {
            self.replace(edit.kept..behind, &edit.new_tokens, new);
        }
    }

    /// Replaces a run of units by new ones.
    fn replace(&mut self, old: Range<usize>, new_tokens: &[u8], new: &[Edit]) {
        let (tokens_from, tokens_to) = (self.tokens_start(old.start), self.tokens_start(old.end));
        let text_to = self.text_start(old.end);
        if let Some(tokens) = &mut self.tokens {
            replace_bytes(tokens, tokens_from..tokens_to, new_tokens);
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

    /// Builds the tape anew, except for the units at the start that stay.
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

/// Replaces a range of bytes. `Vec::splice` would go byte by byte.
fn replace_bytes(bytes: &mut Vec<u8>, range: Range<usize>, new: &[u8]) {
    let (len, behind) = (bytes.len(), range.start + new.len());
    let new_len = behind + (len - range.end);
    bytes.resize(new_len.max(len), 0);
    bytes.copy_within(range.end..len, behind);
    bytes[range.start..behind].copy_from_slice(new);
    bytes.truncate(new_len);
}
