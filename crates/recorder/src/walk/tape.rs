//! What a thread's last model-facing document said, to compare the next one with.

use std::mem;

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
    /// Memory for what follows the units that stay.
    units_behind: Vec<Unit>,
    tokens_behind: Vec<u8>,
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
        self.new_tokens.capacity()
            + self.tokens_behind.capacity()
            + 48 * (self.rest.capacity() + self.units_behind.capacity())
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
        let (mut tokens_end, mut text_end) = (self.tokens_start(edit.kept), self.text_start(edit.kept));
        if edit.kept == 0 && edit.rest.iter().all(|step| matches!(step, Edit::New(_))) {
            if self.has_tokens {
                mem::swap(&mut self.tokens, &mut edit.new_tokens);
            }
            self.units.clear();
        } else {
            self.copy_behind(edit);
            if self.has_tokens {
                self.tokens.truncate(tokens_end);
                self.tokens.extend_from_slice(&edit.tokens_behind);
            }
            self.units.truncate(edit.kept);
        }
        let mut kept_behind = edit.units_behind.drain(..);
        for step in &edit.rest {
            match *step {
                Edit::New(NewUnit { tokens_len, text_len, identity }) => {
                    tokens_end += tokens_len;
                    text_end += text_len;
                    self.units.push(Unit { tokens_end, text_end, identity });
                }
                // The copies have lengths in place of ends.
                Edit::Keep { count, .. } => self.units.extend(kept_behind.by_ref().take(count).map(|unit| {
                    tokens_end += unit.tokens_end;
                    text_end += unit.text_end;
                    Unit { tokens_end, text_end, ..unit }
                })),
            }
        }
    }

    /// Copies what will stand behind the units that stay: tokens in their new order, and old units with lengths in place of ends.
    fn copy_behind(&self, edit: &mut TapeEdit) {
        edit.units_behind.clear();
        edit.tokens_behind.clear();
        let mut new = &edit.new_tokens[..];
        for step in &edit.rest {
            match *step {
                Edit::Keep { first, count } => {
                    let (mut tokens_at, mut text_at) = (self.tokens_start(first), self.text_start(first));
                    if self.has_tokens {
                        let tokens = &self.tokens[tokens_at..self.tokens_start(first + count)];
                        edit.tokens_behind.extend_from_slice(tokens);
                    }
                    edit.units_behind.extend(self.units[first..first + count].iter().map(|unit| {
                        let length = Unit {
                            tokens_end: unit.tokens_end - tokens_at,
                            text_end: unit.text_end - text_at,
                            ..*unit
                        };
                        (tokens_at, text_at) = (unit.tokens_end, unit.text_end);
                        length
                    }));
                }
                Edit::New(unit) if self.has_tokens => {
                    let (own, rest) = new.split_at(unit.tokens_len);
                    edit.tokens_behind.extend_from_slice(own);
                    new = rest;
                }
                Edit::New(_) => {}
            }
        }
    }
}
