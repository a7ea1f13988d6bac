//! The walk over a value that compares instead of formatting.

use std::sync::{Mutex, PoisonError};

use rollout_trace_schema::packed::PartKind;

use super::{
    FingerprintKey, Scratch, Spares, WalkError,
    draft::{Draft, DraftPiece},
    escape,
    known::{KnownTexts, Stored},
    sharing::{LONG_STRING, Sharing},
    tape::{Edit, Tape, TapeEdit, Unit},
    tokens::{self, TEXT_HEAD, Token},
};
use crate::redaction::Redaction;

/// A unit with fewer bytes of tokens is cheaper to store again than to refer to.
const SMALL_UNIT: usize = 64;

/// How deep objects may lie in one another for their fields to be units.
const MAX_FIELD_DEPTH: u8 = 4;

/// A document with more units than this gets no more of them from fields.
const MAX_FIELD_UNITS: usize = 4096;

/// Everything inside an element belongs to its unit.
const INSIDE: u8 = u8::MAX;

/// What all walks of a recorder share.
pub(crate) struct WalkContext<'w> {
    pub(crate) key: &'w FingerprintKey,
    pub(crate) known: &'w Mutex<KnownTexts>,
    pub(crate) spares: &'w Spares,
    pub(crate) redaction: Option<&'w Redaction>,
    pub(crate) max_document: usize,
}

/// Walks over one value.
///
/// While what the value says is what the expected unit of the base says, nothing is written down. From the first difference on the
/// unit's tokens are, and at its end it is looked up among all that is stored; only what is not found is turned into text.
pub(crate) struct Walker<'w> {
    context: &'w WalkContext<'w>,
    base: &'w Tape,
    /// The unit of the base that the next one is compared with, and where its tokens and its text begin.
    expected: usize,
    tokens_at: usize,
    text_at: u64,
    /// Where in the base's tokens the comparison is, and where the expected unit ends.
    cursor: usize,
    expected_end: usize,
    matching: bool,
    /// Where the current unit's tokens begin among the new ones.
    unit_start: usize,
    unit_kind: PartKind,
    /// How many objects lie around, or [`INSIDE`].
    pub(super) level: u8,
    pub(super) cut_fields: bool,
    keep_tape: bool,
    edit: TapeEdit,
    pub(super) draft: Draft,
    failed: Option<WalkError>,
    /// Memory for the ranges of one unit.
    ranges: Vec<DraftPiece>,
    /// How many elements of `input` the caller vouches for.
    unchanged: usize,
    pub(super) next_is_input: bool,
    hint_was_wrong: bool,
}

/// What a walk found.
pub(crate) struct Walked {
    pub(crate) scratch: Scratch,
    pub(crate) hint_was_wrong: bool,
}

impl<'w> Walker<'w> {
    pub(crate) fn new(context: &'w WalkContext<'w>, base: &'w Tape) -> Self {
        let Scratch { draft, edit } = context.spares.take();
        let mut walker = Self {
            context,
            base,
            expected: 0,
            tokens_at: 0,
            text_at: 0,
            cursor: 0,
            expected_end: 0,
            matching: false,
            unit_start: 0,
            unit_kind: PartKind::Text,
            level: 0,
            cut_fields: false,
            keep_tape: false,
            edit,
            draft,
            failed: None,
            ranges: Vec::new(),
            unchanged: 0,
            next_is_input: false,
            hint_was_wrong: false,
        };
        walker.begin_unit();
        walker
    }

    /// Makes fields units, and keeps what the next document is to be compared with.
    pub(crate) fn for_request(mut self, unchanged: usize) -> Self {
        self.cut_fields = true;
        self.keep_tape = true;
        self.unchanged = unchanged;
        self
    }

    /// Makes room for a large document.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.edit.new_tokens.reserve(bytes);
        self.draft.data().reserve(bytes);
    }

    /// Makes fields units.
    pub(crate) fn for_relative_of_request(mut self) -> Self {
        self.cut_fields = true;
        self
    }

    /// Ends the walk.
    pub(crate) fn finish(mut self) -> Result<Walked, WalkError> {
        self.cut();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(Walked {
                scratch: Scratch { draft: self.draft, edit: self.edit },
                hint_was_wrong: self.hint_was_wrong,
            }),
        }
    }

    fn begin_unit(&mut self) {
        self.cursor = self.tokens_at;
        self.unit_start = self.edit.new_tokens.len();
        match self.base.units.get(self.expected) {
            Some(unit) if self.base.has_tokens => {
                self.expected_end = self.tokens_at + unit.tokens_len as usize;
                self.matching = true;
            }
            _ => self.matching = false,
        }
    }

    /// Puts a token without a body.
    #[inline]
    pub(super) fn put_tag(&mut self, tag: u8) {
        if self.matching {
            if self.cursor < self.expected_end && self.base.tokens[self.cursor] == tag {
                self.cursor += 1;
                return;
            }
            self.diverge();
        }
        self.edit.new_tokens.push(tag);
    }

    /// Puts a token with a body of a length that the tag gives.
    #[inline]
    pub(super) fn put_fixed<const N: usize>(&mut self, tag: u8, body: [u8; N]) {
        if self.matching {
            let rest = &self.base.tokens[self.cursor..self.expected_end];
            if rest.len() > N && rest[0] == tag && rest[1..=N] == body {
                self.cursor += 1 + N;
                return;
            }
            self.diverge();
        }
        self.edit.new_tokens.push(tag);
        self.edit.new_tokens.extend_from_slice(&body);
    }

    /// Puts a token with a text.
    #[inline]
    pub(super) fn put_text(&mut self, tag: u8, text: &[u8]) {
        if text.len() > self.context.max_document {
            self.fail(WalkError::TooLarge { limit: self.context.max_document });
            return;
        }
        if self.matching {
            let rest = &self.base.tokens[self.cursor..self.expected_end];
            if let Some((&[known, l0, l1, l2, l3], rest)) = rest.split_first_chunk::<TEXT_HEAD>()
                && known == tag
                && u32::from_le_bytes([l0, l1, l2, l3]) as usize == text.len()
                && rest.get(..text.len()) == Some(text)
            {
                self.cursor += TEXT_HEAD + text.len();
                return;
            }
            self.diverge();
        }
        let head = tokens::text_head(tag, text.len());
        self.edit.new_tokens.extend_from_slice(&head);
        self.edit.new_tokens.extend_from_slice(text);
    }

    /// Goes from comparing to writing down.
    #[cold]
    fn diverge(&mut self) {
        self.matching = false;
        self.edit.new_tokens.extend_from_slice(&self.base.tokens[self.tokens_at..self.cursor]);
    }

    fn fail(&mut self, error: WalkError) {
        self.failed.get_or_insert(error);
    }

    /// Ends the unit where a field begins, unless the unit is small: then the field joins it.
    ///
    /// What is compared has its units where the base has them.
    #[inline]
    pub(super) fn cut_before_field(&mut self) {
        let at_boundary = if self.matching {
            self.cursor == self.expected_end
        } else {
            self.edit.new_tokens.len() - self.unit_start >= SMALL_UNIT
        };
        if at_boundary && self.cut_fields && self.level <= MAX_FIELD_DEPTH && self.edit.rest.len() < MAX_FIELD_UNITS {
            self.cut();
        }
    }

    /// Begins the elements of an outermost array. Gives the level to go back to.
    pub(super) fn begin_elements(&mut self) -> u8 {
        self.cut();
        if self.next_is_input {
            self.edit.input = Some((self.edit.units(), 0));
        }
        std::mem::replace(&mut self.level, INSIDE)
    }

    /// Whether an array that begins here is an outermost one.
    pub(super) fn is_outside(&self) -> bool {
        self.level != INSIDE
    }

    /// Says what the unit that begins is.
    pub(super) fn begin_element(&mut self, first: bool) {
        self.unit_kind = if first { PartKind::FirstElement } else { PartKind::LaterElement };
    }

    /// Ends an element's unit.
    pub(super) fn end_element(&mut self, input_index: Option<usize>) {
        let vouched = input_index.is_some_and(|index| self.is_vouched_for(index));
        let expected = self.expected;
        self.cut();
        // Only a build that checks hints walks over an element that the caller vouches for.
        if vouched && self.expected != expected + 1 {
            self.hint_was_wrong = true;
        }
        if let (Some(_), Some((_, count))) = (input_index, &mut self.edit.input) {
            *count += 1;
        }
        self.unit_kind = PartKind::Text;
    }

    /// Whether the caller says that this element of `input` is that of the base, and the base has it here.
    fn is_vouched_for(&self, index: usize) -> bool {
        index < self.unchanged
            && self.base.input.is_some_and(|(first, count)| index < count && self.expected == first + index)
    }

    /// Takes an element that the caller vouches for from the base, without a look at it. False: it must be walked over.
    #[inline]
    pub(super) fn skip_unchanged(&mut self, index: usize) -> bool {
        if cfg!(debug_assertions) || !self.is_vouched_for(index) {
            return false;
        }
        self.keep_expected();
        self.begin_unit();
        if let Some((_, count)) = &mut self.edit.input {
            *count += 1;
        }
        true
    }

    /// Ends the current unit, if it has anything.
    pub(super) fn cut(&mut self) {
        if self.matching {
            if self.cursor == self.tokens_at {
                return;
            }
            if self.cursor == self.expected_end {
                self.keep_expected();
                self.begin_unit();
                return;
            }
            self.diverge();
        } else if self.edit.new_tokens.len() == self.unit_start {
            return;
        }
        self.end_new_unit();
        if self.draft.document_len() > self.context.max_document as u64 {
            self.fail(WalkError::TooLarge { limit: self.context.max_document });
        }
        self.begin_unit();
    }

    /// Takes the expected unit from the base.
    #[inline]
    fn keep_expected(&mut self) {
        let unit = &self.base.units[self.expected];
        self.draft.base(self.text_at, u64::from(unit.text_len));
        self.edit.keep(self.expected, 1);
        self.text_at += u64::from(unit.text_len);
        self.tokens_at += unit.tokens_len as usize;
        self.expected += 1;
    }

    fn end_new_unit(&mut self) {
        let unit_tokens = &self.edit.new_tokens[self.unit_start..];
        let comma = unit_tokens[0] == tokens::COMMA;
        let tokens_len = unit_tokens.len();
        let fingerprint = self.context.key.of(&unit_tokens[usize::from(comma)..]);
        let is_like = |unit: &Unit| unit.fingerprint == fingerprint && unit.comma == comma;
        if !self.base.has_tokens && self.base.units.get(self.expected).is_some_and(is_like) {
            self.edit.new_tokens.truncate(self.unit_start);
            self.keep_expected();
            return;
        }
        let mut stored: Vec<Stored> = Vec::new();
        let is_known =
            tokens_len >= SMALL_UNIT && self.known(|known| known.visit(fingerprint, |range| stored.push(range)));
        if is_known && let Some(unit) = self.find_in_base(is_like) {
            self.edit.new_tokens.truncate(self.unit_start);
            self.expect(unit);
            self.keep_expected();
            return;
        }
        let before = self.draft.document_len();
        if is_known {
            if comma {
                let mark = self.draft.mark();
                self.draft.data().push(b',');
                self.draft.own(PartKind::Text, mark);
            }
            stored.into_iter().for_each(|range| self.draft.stored(range));
        } else {
            let mut ranges = std::mem::take(&mut self.ranges);
            self.render_unit(tokens_len, &mut ranges);
            if tokens_len >= SMALL_UNIT {
                if comma {
                    leave_first_byte_out(&mut ranges);
                }
                self.draft.find(fingerprint, ranges.drain(..));
            }
            ranges.clear();
            self.ranges = ranges;
        }
        let text_len = u32::try_from(self.draft.document_len() - before).unwrap_or(u32::MAX);
        if self.keep_tape {
            let tokens_len = u32::try_from(tokens_len).unwrap_or(u32::MAX);
            if text_len == u32::MAX || tokens_len == u32::MAX {
                self.fail(WalkError::TooLarge { limit: u32::MAX as usize });
            }
            self.edit.rest.push(Edit::New(Unit { tokens_len, text_len, fingerprint, comma }));
        } else {
            self.edit.new_tokens.truncate(self.unit_start);
        }
    }

    /// Turns the current unit into text, and appends the ranges that are its text.
    fn render_unit(&mut self, tokens_len: usize, ranges: &mut Vec<DraftPiece>) {
        let new_tokens = std::mem::take(&mut self.edit.new_tokens);
        let mut unit_tokens = &new_tokens[self.unit_start..];
        let mut kind = if tokens_len < SMALL_UNIT { PartKind::Text } else { self.unit_kind };
        let mut mark = self.draft.mark();
        while let Some(token) = tokens::next(&mut unit_tokens) {
            match token {
                Token::String(text) => {
                    let redacted = self.context.redaction.and_then(|redaction| redaction.apply(tokens::text(text)));
                    let text = redacted.as_deref().map_or(text, str::as_bytes);
                    if text.len() >= LONG_STRING {
                        self.own(ranges, &mut kind, mark);
                        Sharing { context: self.context }.put_string(&mut self.draft, text, ranges);
                        mark = self.draft.mark();
                    } else {
                        escape::write_string(text, self.draft.data());
                    }
                }
                Token::Other(other) => {
                    let from = self.draft.mark();
                    other.render(self.draft.data());
                    if let (Some(redaction), true) = (self.context.redaction, other.is_raw()) {
                        redaction.apply_to_json(self.draft.data(), from);
                    }
                }
            }
        }
        self.own(ranges, &mut kind, mark);
        self.edit.new_tokens = new_tokens;
    }

    fn own(&mut self, ranges: &mut Vec<DraftPiece>, kind: &mut PartKind, mark: usize) {
        if self.draft.mark() == mark {
            return;
        }
        ranges.push(self.draft.own(*kind, mark));
        if *kind != PartKind::Text {
            *kind = PartKind::RestOfElement;
        }
    }

    fn known<T>(&self, ask: impl FnOnce(&mut KnownTexts) -> T) -> T {
        ask(&mut self.context.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds a unit of the base: behind the expected one first, as most of what changes is left out or put in.
    fn find_in_base(&self, is_like: impl Fn(&Unit) -> bool) -> Option<usize> {
        let (before, behind) = self.base.units.split_at(self.expected.min(self.base.units.len()));
        let found = behind.iter().position(&is_like).map(|at| before.len() + at);
        found.or_else(|| before.iter().position(&is_like))
    }

    /// Makes another unit of the base the expected one.
    fn expect(&mut self, unit: usize) {
        if unit < self.expected {
            (self.expected, self.tokens_at, self.text_at) = (0, 0, 0);
        }
        for passed in &self.base.units[self.expected..unit] {
            self.tokens_at += passed.tokens_len as usize;
            self.text_at += u64::from(passed.text_len);
        }
        self.expected = unit;
    }
}

/// Leaves the leading comma out.
fn leave_first_byte_out(ranges: &mut Vec<DraftPiece>) {
    if let Some(DraftPiece::Own { offset, len }) = ranges.first_mut() {
        *offset += 1;
        *len -= 1;
        if *len == 0 {
            ranges.remove(0);
        }
    }
}
