//! The walk over a value, which compares instead of formatting.

use std::sync::{Mutex, PoisonError};

use rollout_trace_schema::{
    json_text::{MAX_NESTING, check_nesting, write_string},
    packed::{BaseDocument, DataRange, LONG_STRING, PartKind, StoredRange},
};
use serde::Serialize;

use super::{
    Draft, Fingerprint, FingerprintKey, Scratch, Spares, WalkError,
    cuts::CUT_TEXT,
    known::KnownTexts,
    sharing::Sharing,
    short,
    tape::{Edit, Identity, InputUnits, NewUnit, Tape, TapeEdit},
    tokens::{self, TEXT_HEAD, Token},
};
use crate::{redaction::Redaction, request_shape::RequestShape, secrets::Surroundings};

/// The size of tokens below which it is cheaper to store a unit again than to refer to it.
const SMALL_UNIT: usize = 64;

/// How much an array or object counts in [`Walker::enter`], where an `Option` or a newtype counts 1: they take stack, but no
/// level of the document.
pub(super) const CONTAINER: usize = 4;

/// The maximum depth of objects whose fields begin units.
const MAX_FIELD_DEPTH: u8 = 4;

/// The number of units after which fields no longer begin units.
const MAX_FIELD_UNITS: usize = 4096;

/// How many bytes are reserved for a thread's first request. Reserved memory that is not used is never touched, while
/// growing step by step would touch the memory of each step.
const FIRST_RESERVE: usize = 4 << 20;

/// The state that all walks of a recorder share.
pub(crate) struct WalkContext<'w> {
    pub(crate) key: &'w FingerprintKey,
    pub(crate) known: &'w Mutex<KnownTexts>,
    pub(crate) spares: &'w Spares,
    pub(crate) redaction: Option<&'w Redaction>,
    pub(crate) max_document: usize,
}

impl WalkContext<'_> {
    /// Returns the replacement for a string, or `None` if it may be written. `after` are the tokens after it.
    fn redacted(&self, text: &[u8], after: &[u8], surroundings: &mut Surroundings) -> Option<String> {
        let redaction = self.redaction?;
        if tokens::is_name(after) {
            redaction.apply_to_name(tokens::text(text), surroundings)
        } else {
            redaction.apply_to_string(tokens::text(text), surroundings)
        }
    }

    /// Returns an empty scratch for a document that came as bytes, unless the document is too large.
    pub(super) fn scratch_for(&self, body: &[u8]) -> Result<Scratch, WalkError> {
        if body.len() > self.max_document {
            return Err(WalkError::TooLarge { limit: self.max_document });
        }
        Ok(self.spares.take())
    }
}

/// The purpose of walking over a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A thread's first request. It is probably large, and its texts are not cut into chunks: they are many at once and
    /// mostly unlike any stored text.
    FirstRequest(RequestShape),
    /// A later request.
    Request(Hint),
    /// A document that has much in common with the last request but is not the next one.
    Relative,
    /// A document that is compared with no other document.
    Alone,
}

/// What the caller knows about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) shape: RequestShape,
    /// How many of its first items, as the caller vouches, are those of the thread's last request.
    pub(crate) unchanged: usize,
}

impl Purpose {
    /// Returns where the document has its conversation.
    fn shape(self) -> RequestShape {
        match self {
            Self::FirstRequest(shape) | Self::Request(Hint { shape, .. }) => shape,
            Self::Relative | Self::Alone => RequestShape::RESPONSES,
        }
    }

    /// Returns whether the next request is compared with this document.
    fn is_request(self) -> bool {
        matches!(self, Self::FirstRequest(_) | Self::Request(_))
    }
}

/// The document with which a walk compares.
#[derive(Clone, Copy)]
pub(super) struct WalkBase<'w> {
    pub(super) document: &'w BaseDocument,
    pub(super) tape: &'w Tape,
}

/// Walks over one value.
///
/// While the value has the same tokens as the expected unit of the base, nothing is written. From the first difference
/// on, the unit's tokens are written. At the unit's end they are looked up among all stored units, and only a unit that
/// is not found is turned into text.
pub(crate) struct Walker<'w> {
    context: &'w WalkContext<'w>,
    base: Option<WalkBase<'w>>,
    purpose: Purpose,
    /// Where the document has its conversation, which is called its input.
    pub(super) shape: RequestShape,
    /// The index of the base's unit with which the current one is compared.
    expected: usize,
    /// The first of the base's units, up to the expected one, that the document has but that draft and edit do not
    /// mention yet.
    kept_from: usize,
    unit: CurrentUnit<'w>,
    unit_kind: PartKind,
    pub(super) depth: Depth,
    /// How deep the value is that is being walked over, in quarters of a level.
    nesting: usize,
    /// What the next value is, according to its field.
    pub(super) next_value: NextValue,
    edit: TapeEdit,
    draft: Draft,
    failed: Option<WalkError>,
    texts: UnitTexts,
    hint: HintOutcome,
    pub(super) input: InputField,
    /// Where in the document the text is that is written next. Only a redactor asks for it.
    surroundings: Surroundings,
}

/// The unit that is being walked over.
#[derive(Clone, Copy)]
enum CurrentUnit<'w> {
    /// So far it has the same tokens as the expected unit of the base. `left` are the tokens that have not been
    /// compared yet.
    Same { tokens: &'w [u8], left: &'w [u8] },
    /// It differs from the expected unit. Its tokens start at `start` among the new ones.
    New { start: usize },
}

/// The position of the walk in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Inside of this many objects, and outside of all arrays.
    Objects(u8),
    /// Inside of an element of an outermost array, all of which belongs to the element's unit.
    Element,
}

/// The role of a value in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextValue {
    /// The value of the field with the conversation, whose elements a caller may vouch for.
    Input,
    /// Any other value.
    Other,
}

/// Whether the document has a conversation where requests of its API have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputField {
    Missing,
    /// It is there, or the document is raw JSON text, which the walk does not look into.
    Found,
}

/// Whether the elements that the caller vouched for are unchanged. Only a debug build checks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HintOutcome {
    /// They are unchanged, as far as they were checked.
    Kept,
    /// At least one has changed.
    Wrong,
}

/// Reused memory for the texts of one unit.
#[derive(Debug, Default)]
pub(super) struct UnitTexts {
    /// The unit's tokens, with a fingerprint in place of each long string.
    digest: Vec<u8>,
    /// The fingerprints of the unit's long strings, in order.
    long: Vec<Fingerprint>,
    ranges: Vec<DataRange>,
}

/// The result of a walk.
pub(crate) struct Walked {
    pub(crate) scratch: Scratch,
    pub(crate) hint: HintOutcome,
    pub(crate) input: InputField,
}

impl<'w> Walker<'w> {
    pub(super) fn new(context: &'w WalkContext<'w>, base: Option<WalkBase<'w>>, purpose: Purpose) -> Self {
        let Scratch { draft, edit, texts } = context.spares.take();
        let mut walker = Self {
            context,
            base,
            purpose,
            shape: purpose.shape(),
            expected: 0,
            kept_from: 0,
            unit: CurrentUnit::New { start: 0 },
            unit_kind: PartKind::Text,
            depth: Depth::Objects(0),
            nesting: 0,
            next_value: NextValue::Other,
            edit,
            draft,
            failed: None,
            texts,
            hint: HintOutcome::Kept,
            input: InputField::Missing,
            surroundings: Surroundings::default(),
        };
        if matches!(purpose, Purpose::FirstRequest(_)) {
            walker.edit.new_tokens.reserve(FIRST_RESERVE);
            walker.draft.record.data().reserve(FIRST_RESERVE);
        }
        walker.begin_unit();
        walker
    }

    /// Walks over a value.
    pub(super) fn walk<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Walked, WalkError> {
        value.serialize(&mut self).map_err(|error| *error)?;
        self.finish()
    }

    fn finish(mut self) -> Result<Walked, WalkError> {
        self.cut();
        self.mention_kept();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(Walked {
                scratch: Scratch { draft: self.draft, edit: self.edit, texts: self.texts },
                hint: self.hint,
                input: self.input,
            }),
        }
    }

    /// Sets what the value of a field is, before the value is walked over.
    pub(super) fn begin_field_value(&mut self, value: NextValue) {
        let is_in_place = match self.depth {
            Depth::Objects(1) => true,
            Depth::Objects(2) => self.shape.wrapper.is_some(),
            _ => false,
        };
        if value == NextValue::Input && is_in_place {
            self.input = InputField::Found;
        }
        self.next_value = value;
    }

    #[inline]
    fn begin_unit(&mut self) {
        self.unit = match self.base.and_then(|base| base.tape.unit_tokens(self.expected)) {
            Some(tokens) => CurrentUnit::Same { tokens, left: tokens },
            None => CurrentUnit::New { start: self.edit.new_tokens.len() },
        };
    }

    /// Adds a token without a body.
    #[inline]
    pub(super) fn put_tag(&mut self, tag: u8) {
        if let CurrentUnit::Same { left, .. } = &mut self.unit {
            if let Some((&known, rest)) = left.split_first()
                && known == tag
            {
                *left = rest;
                return;
            }
            self.diverge();
        }
        self.edit.new_tokens.push(tag);
    }

    /// Adds a token with a body whose length depends on the tag.
    #[inline]
    pub(super) fn put_fixed<const N: usize>(&mut self, tag: u8, body: [u8; N]) {
        if let CurrentUnit::Same { left, .. } = &mut self.unit {
            if let Some((&known, rest)) = left.split_first()
                && known == tag
                && let Some((known, rest)) = rest.split_first_chunk()
                && *known == body
            {
                *left = rest;
                return;
            }
            self.diverge();
        }
        self.edit.new_tokens.push(tag);
        self.edit.new_tokens.extend_from_slice(&body);
    }

    /// Adds a token with a text.
    #[inline]
    pub(super) fn put_text(&mut self, tag: u8, text: &[u8]) {
        if let CurrentUnit::Same { left, .. } = &mut self.unit {
            if let Some((&[known, l0, l1, l2, l3], rest)) = left.split_first_chunk::<TEXT_HEAD>()
                && known == tag
                && u32::from_le_bytes([l0, l1, l2, l3]) as usize == text.len()
                && let Some((known, rest)) = rest.split_at_checked(text.len())
                && short::equal(known, text)
            {
                *left = rest;
                return;
            }
            self.diverge();
        }
        self.put_new_text(tag, text);
    }

    fn put_new_text(&mut self, tag: u8, text: &[u8]) {
        if text.len() > self.context.max_document {
            self.fail(WalkError::TooLarge { limit: self.context.max_document });
            return;
        }
        let head = tokens::text_head(tag, text.len());
        self.edit.new_tokens.reserve(TEXT_HEAD + text.len());
        self.edit.new_tokens.extend_from_slice(&head);
        self.edit.new_tokens.extend_from_slice(text);
    }

    /// Changes from comparing tokens to writing them.
    #[cold]
    fn diverge(&mut self) {
        if let CurrentUnit::Same { tokens, left } = self.unit {
            self.unit = CurrentUnit::New { start: self.edit.new_tokens.len() };
            self.edit.new_tokens.extend_from_slice(&tokens[..tokens.len() - left.len()]);
        }
    }

    /// Makes the whole walk fail. What the value does after this makes no difference.
    #[cold]
    pub(super) fn fail(&mut self, error: WalkError) {
        self.failed.get_or_insert(error);
    }

    /// Steps into a value of a value, unless that is too deep: walking takes stack.
    ///
    /// After an error, nobody steps out again, but then the walk has failed.
    #[inline]
    pub(super) fn enter(&mut self, levels: usize) -> Result<(), Box<WalkError>> {
        self.nesting += levels;
        if self.nesting <= MAX_NESTING * CONTAINER { Ok(()) } else { Err(too_deep()) }
    }

    /// Checks that a text, which becomes part of the document as it is, does not nest too deep in it.
    pub(super) fn check_nesting_of(&self, text: &str) -> Result<(), Box<WalkError>> {
        let left = MAX_NESTING.saturating_sub(self.nesting / CONTAINER);
        check_nesting(text.as_bytes(), left).map_err(|_| too_deep())
    }

    /// Steps out of a value.
    #[inline]
    pub(super) fn leave(&mut self, levels: usize) {
        self.nesting -= levels;
    }

    /// Ends the unit before a field, unless the unit is small: then the field becomes part of it.
    ///
    /// While the walk compares, units end where those of the base end.
    #[inline]
    pub(super) fn cut_before_field(&mut self) {
        let at_boundary = match self.unit {
            CurrentUnit::Same { left, .. } => left.is_empty(),
            CurrentUnit::New { start } => self.edit.new_tokens.len() - start >= SMALL_UNIT,
        };
        let is_outer = matches!(self.depth, Depth::Objects(depth) if depth <= MAX_FIELD_DEPTH);
        if at_boundary && is_outer && self.purpose != Purpose::Alone && self.edit.rest.len() < MAX_FIELD_UNITS {
            self.cut();
        }
    }

    /// Begins the elements of an outermost array.
    pub(super) fn begin_elements(&mut self, array: NextValue) {
        self.cut();
        if array == NextValue::Input {
            self.mention_kept();
            self.edit.input = Some(InputUnits { first: self.edit.units(), count: 0 });
        }
        self.depth = Depth::Element;
    }

    /// Begins an element's unit.
    #[inline]
    pub(super) fn begin_element(&mut self, kind: PartKind) {
        self.unit_kind = kind;
    }

    /// Ends the unit of an element, which is the one at `input_index` if the array is `input`.
    #[inline]
    pub(super) fn end_element(&mut self, input_index: Option<usize>) {
        let expected = self.expected;
        let vouched_for = input_index.is_some_and(|index| self.vouched_left(index).is_some());
        self.cut();
        // Only a debug build walks over an element that the caller vouches for.
        if vouched_for && self.expected != expected + 1 {
            self.hint = HintOutcome::Wrong;
        }
        if let (Some(_), Some(input)) = (input_index, &mut self.edit.input) {
            input.count += 1;
        }
        self.unit_kind = PartKind::Text;
    }

    /// Returns how many elements of `input` from `index` on the caller vouches for and the base has at this position.
    /// Returns `None` if there are none.
    fn vouched_left(&self, index: usize) -> Option<usize> {
        let Purpose::Request(Hint { unchanged, .. }) = self.purpose else { return None };
        let input = self.base?.tape.input?;
        let left = unchanged.min(input.count).checked_sub(index).filter(|left| *left > 0)?;
        (self.expected == input.first + index).then_some(left)
    }

    /// Takes elements of `input` from the base without reading them, from `index` on, if the caller vouches for them.
    ///
    /// `announced` is how many elements the value has announced from here on. If it has announced none, at most one
    /// element is taken. Returns how many were taken. If none was, the element must be walked over.
    pub(super) fn skip_unchanged(&mut self, index: usize, announced: Option<usize>) -> usize {
        if cfg!(debug_assertions) {
            return 0;
        }
        let Some(vouched_for) = self.vouched_left(index) else { return 0 };
        let count = vouched_for.min(announced.unwrap_or(1).max(1));
        if let (Some(_), Some(base)) = (self.context.redaction, self.base) {
            let skipped = (self.expected..self.expected + count).filter_map(|unit| base.tape.unit_tokens(unit));
            skipped.for_each(|tokens| tokens::pass(tokens, &mut self.surroundings));
        }
        self.expected += count;
        self.begin_unit();
        if let Some(input) = &mut self.edit.input {
            input.count += count;
        }
        count
    }

    /// Ends the current unit, unless it is empty.
    #[inline]
    pub(super) fn cut(&mut self) {
        let start = match self.unit {
            CurrentUnit::Same { left: [], tokens } => {
                if self.context.redaction.is_some() {
                    tokens::pass(tokens, &mut self.surroundings);
                }
                self.expected += 1;
                self.begin_unit();
                return;
            }
            CurrentUnit::Same { tokens, left } if tokens.len() == left.len() => return,
            CurrentUnit::Same { .. } => {
                let start = self.edit.new_tokens.len();
                self.diverge();
                start
            }
            CurrentUnit::New { start } if self.edit.new_tokens.len() == start => return,
            CurrentUnit::New { start } => start,
        };
        self.end_new_unit(start);
        if self.draft.record.document_len() > self.context.max_document as u64 {
            self.fail(WalkError::TooLarge { limit: self.context.max_document });
        }
        self.begin_unit();
    }

    /// Adds the units of the base that the document has, up to the expected one, to draft and edit.
    fn mention_kept(&mut self) {
        let Some(WalkBase { document, tape }) = self.base.filter(|_| self.kept_from < self.expected) else { return };
        let (start, end) = (tape.text_start(self.kept_from), tape.text_start(self.expected));
        self.draft.record.base(document, start, end - start);
        self.edit.keep(self.kept_from, self.expected - self.kept_from);
        self.kept_from = self.expected;
    }

    /// Uses a unit of the base in place of the current one, whose tokens start at `start` among the new ones.
    fn take_from_base(&mut self, unit: usize, start: usize) {
        self.pass_new_unit(start);
        self.edit.new_tokens.truncate(start);
        if unit != self.expected {
            self.mention_kept();
            self.kept_from = unit;
        }
        self.expected = unit + 1;
    }

    /// Ends a unit that differs from the expected one. Its tokens start at `start` among the new ones.
    fn end_new_unit(&mut self, start: usize) {
        let (identity, tokens_len) = self.identify_unit(start);
        if let Some(base) = self.base
            && !base.tape.has_tokens()
            && base.tape.units.get(self.expected).is_some_and(|expected| expected.identity == identity)
        {
            self.take_from_base(self.expected, start);
            return;
        }
        let mut stored: Vec<StoredRange> = Vec::new();
        let is_known = tokens_len >= SMALL_UNIT
            && self.known(|known| known.visit(identity.fingerprint, |range| stored.push(range)));
        if is_known && let Some(unit) = self.find_in_base(identity) {
            self.take_from_base(unit, start);
            return;
        }
        self.mention_kept();
        let before = self.draft.record.document_len();
        if is_known {
            self.pass_new_unit(start);
            if identity.comma {
                self.draft.record.data().push(b',');
                self.draft.record.own(PartKind::Text);
            }
            stored.into_iter().for_each(|range| self.draft.record.stored(range));
        } else {
            self.render_unit(start, tokens_len);
            let ranges = &mut self.texts.ranges;
            if tokens_len >= SMALL_UNIT {
                if identity.comma {
                    leave_first_byte_out(ranges);
                }
                self.draft.findings.note(identity.fingerprint, ranges);
            }
            ranges.clear();
        }
        if self.purpose.is_request() {
            let text_len = self.draft.record.document_len() - before;
            self.edit.rest.push(Edit::New(NewUnit { tokens_len, text_len, identity }));
        } else {
            self.edit.new_tokens.truncate(start);
        }
    }

    /// Notes the surroundings in a new unit that is not turned into text.
    fn pass_new_unit(&mut self, start: usize) {
        if self.context.redaction.is_some() {
            tokens::pass(&self.edit.new_tokens[start..], &mut self.surroundings);
        }
    }

    /// Computes the fingerprints of the unit that starts here and of its long strings, in one pass over its bytes.
    /// Returns the unit's identity and the length of its tokens.
    fn identify_unit(&mut self, start: usize) -> (Identity, usize) {
        let UnitTexts { digest, long, .. } = &mut self.texts;
        let unit_tokens = &self.edit.new_tokens[start..];
        let comma = unit_tokens[0] == tokens::COMMA;
        let without_comma = &unit_tokens[usize::from(comma)..];
        digest.clear();
        long.clear();
        let mut rest = without_comma;
        let mut copied = 0;
        while let Some(token) = tokens::next(&mut rest) {
            if let Token::String(text) = token
                && text.len() >= LONG_STRING
            {
                let fingerprint = self.context.key.of_string(text);
                let end = without_comma.len() - rest.len();
                digest.extend_from_slice(&without_comma[copied..end - text.len()]);
                digest.extend_from_slice(&fingerprint.to_bytes());
                long.push(fingerprint);
                copied = end;
            }
        }
        let digest = if copied == 0 {
            without_comma
        } else {
            digest.extend_from_slice(&without_comma[copied..]);
            &digest[..]
        };
        (Identity { fingerprint: self.context.key.of_unit(digest), comma }, unit_tokens.len())
    }

    /// Turns the unit that starts here into text, and adds the ranges of this text to the record.
    fn render_unit(&mut self, start: usize, tokens_len: usize) {
        let Self { context, draft, edit, texts: UnitTexts { long, ranges, .. }, surroundings, .. } = self;
        let mut unit_tokens = &edit.new_tokens[start..];
        let mut kind = if tokens_len < SMALL_UNIT { PartKind::Text } else { self.unit_kind };
        // Makes the text so far a part. This is done before a stored string and before a string that is a part of its
        // own.
        let mut end_part = |draft: &mut Draft, ranges: &mut Vec<DataRange>| {
            if let Some(own) = draft.record.own(kind) {
                own.push(ranges);
                if kind != PartKind::Text {
                    kind = PartKind::RestOfElement;
                }
            }
        };
        let mut long = long.iter();
        while let Some(token) = tokens::next(&mut unit_tokens) {
            match token {
                Token::String(text) if text.len() >= LONG_STRING => {
                    let fingerprint = *long.next().expect("identify_unit computes the fingerprint of each long string");
                    let stored = Sharing { context, draft }.stored(fingerprint);
                    if !stored.is_empty() {
                        if context.redaction.is_some() {
                            tokens::pass_string(text, unit_tokens, surroundings);
                        }
                        end_part(draft, ranges);
                        for range in stored {
                            draft.record.stored(range);
                            DataRange::Stored(range).push(ranges);
                        }
                        continue;
                    }
                    let redacted = context.redacted(text, unit_tokens, surroundings);
                    if redacted.is_none() && text.len() >= CUT_TEXT && !matches!(self.purpose, Purpose::FirstRequest(_))
                    {
                        draft.record.data().push(b'"');
                        end_part(draft, ranges);
                        Sharing { context, draft }.put_chunks(text, fingerprint, ranges);
                        draft.record.data().push(b'"');
                    } else {
                        end_part(draft, ranges);
                        let text = redacted.as_deref().map_or(text, str::as_bytes);
                        Sharing { context, draft }.put_string(text, fingerprint, ranges);
                    }
                }
                Token::String(text) => {
                    let redacted = context.redacted(text, unit_tokens, surroundings);
                    write_string(redacted.as_deref().map_or(text, str::as_bytes), draft.record.data());
                }
                Token::Other(other) => {
                    let out = draft.record.data();
                    let from = out.len();
                    other.render(out);
                    if let Some(redaction) = context.redaction {
                        if other.is_raw() {
                            redaction.apply_to_json(out, from);
                        } else {
                            other.pass(surroundings);
                        }
                    }
                }
            }
        }
        end_part(draft, ranges);
    }

    fn known<T>(&self, ask: impl FnOnce(&mut KnownTexts) -> T) -> T {
        ask(&mut self.context.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds a unit of the base. Searches from the expected one on first, because most changes insert or remove
    /// something.
    fn find_in_base(&self, identity: Identity) -> Option<usize> {
        let units = &self.base?.tape.units;
        let (before, rest) = units.split_at(self.expected.min(units.len()));
        let found = rest.iter().position(|unit| unit.identity == identity).map(|at| before.len() + at);
        found.or_else(|| before.iter().position(|unit| unit.identity == identity))
    }
}

#[cold]
fn too_deep() -> Box<WalkError> {
    Box::new(WalkError::TooDeep { limit: MAX_NESTING })
}

/// Removes the leading comma from a text.
fn leave_first_byte_out(ranges: &mut Vec<DataRange>) {
    if let Some(DataRange::Own { offset, len }) = ranges.first_mut() {
        *offset += 1;
        *len -= 1;
        if *len == 0 {
            ranges.remove(0);
        }
    }
}
