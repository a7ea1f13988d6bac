//! What a thread's last model-facing document said, to compare the next one with.

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

/// One unit of a document.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    pub(super) tokens_len: u32,
    pub(super) text_len: u32,
    /// Of the tokens, without a leading comma.
    pub(super) fingerprint: Fingerprint,
    pub(super) comma: bool,
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
    New(Unit),
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
        self.new_tokens.capacity() + 40 * self.rest.capacity()
    }

    /// Notes that a unit of the old tape comes next.
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

    /// Becomes the tape of the next document. Only what changed is touched.
    pub(super) fn apply(&mut self, edit: &mut TapeEdit) {
        self.input = edit.input;
        if edit.rest.is_empty() {
            let kept: usize = self.units[..edit.kept].iter().map(|unit| unit.tokens_len as usize).sum();
            self.units.truncate(edit.kept);
            if self.has_tokens {
                self.tokens.truncate(kept);
            }
            return;
        }
        if edit.rest.iter().all(|step| matches!(step, Edit::New(_))) {
            self.append(edit);
            return;
        }
        let starts = self.has_tokens.then(|| self.starts());
        let mut units = Vec::new();
        let mut tokens = Vec::new();
        let mut new = &edit.new_tokens[..];
        for step in &edit.rest {
            match *step {
                Edit::Keep { first, count } => {
                    units.extend_from_slice(&self.units[first..first + count]);
                    if let Some(starts) = &starts {
                        tokens.extend_from_slice(&self.tokens[starts[first]..starts[first + count]]);
                    }
                }
                Edit::New(unit) => {
                    units.push(unit);
                    if starts.is_some() {
                        let (own, rest) = new.split_at(unit.tokens_len as usize);
                        tokens.extend_from_slice(own);
                        new = rest;
                    }
                }
            }
        }
        self.units.truncate(edit.kept);
        self.units.append(&mut units);
        if let Some(starts) = starts {
            self.tokens.truncate(starts[edit.kept]);
            self.tokens.append(&mut tokens);
        }
    }

    /// Takes new units behind those that stay.
    fn append(&mut self, edit: &mut TapeEdit) {
        let kept: usize = self.units[..edit.kept].iter().map(|unit| unit.tokens_len as usize).sum();
        self.units.truncate(edit.kept);
        self.units
            .extend(edit.rest.iter().filter_map(|step| if let Edit::New(unit) = step { Some(*unit) } else { None }));
        if !self.has_tokens {
            return;
        }
        if kept == 0 {
            std::mem::swap(&mut self.tokens, &mut edit.new_tokens);
        } else {
            self.tokens.truncate(kept);
            self.tokens.append(&mut edit.new_tokens);
        }
    }

    /// Where the units begin in the tokens, and where the last one ends.
    fn starts(&self) -> Vec<usize> {
        let mut at = 0;
        let mut starts = vec![0];
        starts.extend(self.units.iter().map(|unit| {
            at += unit.tokens_len as usize;
            at
        }));
        starts
    }
}
