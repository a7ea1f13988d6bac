//! The walk over a value that compares instead of formatting.

use std::sync::{Mutex, PoisonError};

use rollout_trace_schema::{json_text::write_string, packed::PartKind};

use super::{
    Fingerprint, FingerprintKey, Scratch, Spares, WalkError,
    cuts::CUT_TEXT,
    draft::{Draft, DraftPiece, push_merged},
    known::{KnownTexts, Stored},
    sharing::{LONG_STRING, Sharing, put_ranges},
    short,
    tape::{Edit, Identity, NewUnit, Tape, TapeEdit},
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
    /// The unit of the base that the next one is compared with.
    expected: usize,
    /// The first of the base's units that the document has and that draft and edit do not mention yet: all up to the expected one.
    kept_from: usize,
    /// What the expected unit still has to say.
    left: &'w [u8],
    matching: bool,
    /// Where the current unit's tokens begin among the new ones.
    unit_start: usize,
    unit_kind: PartKind,
    /// How many objects lie around, or [`INSIDE`].
    pub(super) level: u8,
    pub(super) cut_fields: bool,
    keep_tape: bool,
    is_first: bool,
    edit: TapeEdit,
    pub(super) draft: Draft,
    failed: Option<WalkError>,
    texts: UnitTexts,
    /// How many elements of `input` the caller vouches for.
    unchanged: usize,
    pub(super) next_is_input: bool,
    hint_was_wrong: bool,
}

/// Memory for what one unit says.
#[derive(Debug, Default)]
pub(super) struct UnitTexts {
    /// The unit's tokens with a fingerprint in the place of each long string.
    digest: Vec<u8>,
    /// The fingerprints of the unit's long strings, in their order.
    long: Vec<Fingerprint>,
    ranges: Vec<DraftPiece>,
}

/// What a walk found.
pub(crate) struct Walked {
    pub(crate) scratch: Scratch,
    pub(crate) hint_was_wrong: bool,
}

impl<'w> Walker<'w> {
    pub(crate) fn new(context: &'w WalkContext<'w>, base: &'w Tape) -> Self {
        let Scratch { draft, edit, texts } = context.spares.take();
        let mut walker = Self {
            context,
            base,
            expected: 0,
            kept_from: 0,
            left: &[],
            matching: false,
            unit_start: 0,
            unit_kind: PartKind::Text,
            level: 0,
            cut_fields: false,
            keep_tape: false,
            is_first: false,
            edit,
            draft,
            failed: None,
            texts,
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

    /// Takes the document for a thread's first: makes room for a large one, and does not cut its texts, which are many at once and
    /// mostly like nothing that is stored.
    pub(crate) fn for_first(mut self, bytes: usize) -> Self {
        self.is_first = true;
        self.edit.new_tokens.reserve(bytes);
        self.draft.data().reserve(bytes);
        self
    }

    /// Makes fields units.
    pub(crate) fn for_relative_of_request(mut self) -> Self {
        self.cut_fields = true;
        self
    }

    /// Ends the walk.
    pub(crate) fn finish(mut self) -> Result<Walked, WalkError> {
        self.cut();
        self.mention_kept();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(Walked {
                scratch: Scratch { draft: self.draft, edit: self.edit, texts: self.texts },
                hint_was_wrong: self.hint_was_wrong,
            }),
        }
    }

    #[inline]
    fn begin_unit(&mut self) {
        self.unit_start = self.edit.new_tokens.len();
        self.matching = self.base.has_tokens && self.expected < self.base.units.len();
        if self.matching {
            self.left = self.base.unit_tokens(self.expected);
        }
    }

    /// Puts a token without a body.
    #[inline]
    pub(super) fn put_tag(&mut self, tag: u8) {
        if self.matching {
            if let Some((&known, left)) = self.left.split_first()
                && known == tag
            {
                self.left = left;
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
            if let Some((&known, left)) = self.left.split_first()
                && known == tag
                && let Some((known, left)) = left.split_first_chunk()
                && *known == body
            {
                self.left = left;
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
        if self.matching {
            if let Some((&[known, l0, l1, l2, l3], left)) = self.left.split_first_chunk::<TEXT_HEAD>()
                && known == tag
                && u32::from_le_bytes([l0, l1, l2, l3]) as usize == text.len()
                && let Some((known, left)) = left.split_at_checked(text.len())
                && short::equal(known, text)
            {
                self.left = left;
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

    /// Goes from comparing to writing down.
    #[cold]
    fn diverge(&mut self) {
        self.matching = false;
        let said = self.base.unit_tokens(self.expected);
        self.edit.new_tokens.extend_from_slice(&said[..said.len() - self.left.len()]);
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
            self.left.is_empty()
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
            self.mention_kept();
            self.edit.input = Some((self.edit.units(), 0));
        }
        std::mem::replace(&mut self.level, INSIDE)
    }

    /// Whether an array that begins here is an outermost one.
    pub(super) fn is_outside(&self) -> bool {
        self.level != INSIDE
    }

    /// Says what the unit that begins is.
    #[inline]
    pub(super) fn begin_element(&mut self, first: bool) {
        self.unit_kind = if first { PartKind::FirstElement } else { PartKind::LaterElement };
    }

    /// Ends an element's unit.
    #[inline]
    pub(super) fn end_element(&mut self, input_index: Option<usize>) {
        let expected = self.expected;
        let vouched = input_index.is_some_and(|index| index < self.unchanged && self.is_in_base(index));
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

    /// Whether the base has this element of `input` where the walk is.
    fn is_in_base(&self, index: usize) -> bool {
        self.base.input.is_some_and(|(first, count)| index < count && self.expected == first + index)
    }

    /// Takes elements of `input` that the caller vouches for from the base, without a look at them: from `index` on, and no more
    /// than `left` unless that is 0, which means that nobody knows. Gives how many; none: the element must be walked over.
    pub(super) fn skip_unchanged(&mut self, index: usize, left: usize) -> usize {
        let Some((_, in_base)) = self.base.input else { return 0 };
        if cfg!(debug_assertions) || index >= self.unchanged || !self.is_in_base(index) {
            return 0;
        }
        let count = (self.unchanged.min(in_base) - index).min(left.max(1));
        self.expected += count;
        self.begin_unit();
        if let Some((_, so_far)) = &mut self.edit.input {
            *so_far += count;
        }
        count
    }

    /// Ends the current unit, if it has anything.
    #[inline]
    pub(super) fn cut(&mut self) {
        if self.matching {
            if self.left.is_empty() {
                self.expected += 1;
                self.begin_unit();
                return;
            }
            if self.left.len() == self.base.unit_tokens(self.expected).len() {
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

    /// Mentions the units of the base that the document has up to the expected one.
    fn mention_kept(&mut self) {
        if self.kept_from < self.expected {
            let (start, end) = (self.base.text_start(self.kept_from), self.base.text_start(self.expected));
            self.draft.base(start, end - start);
            self.edit.keep(self.kept_from, self.expected - self.kept_from);
            self.kept_from = self.expected;
        }
    }

    /// Takes a unit of the base in the place of the current one.
    fn take_from_base(&mut self, unit: usize) {
        self.edit.new_tokens.truncate(self.unit_start);
        if unit != self.expected {
            self.mention_kept();
            self.kept_from = unit;
        }
        self.expected = unit + 1;
    }

    fn end_new_unit(&mut self) {
        let (identity, tokens_len) = self.identify_unit();
        if !self.base.has_tokens
            && self.base.units.get(self.expected).is_some_and(|expected| expected.identity == identity)
        {
            self.take_from_base(self.expected);
            return;
        }
        let mut stored: Vec<Stored> = Vec::new();
        let is_known = tokens_len >= SMALL_UNIT
            && self.known(|known| known.visit(identity.fingerprint, |range| stored.push(range)));
        if is_known && let Some(unit) = self.find_in_base(identity) {
            self.take_from_base(unit);
            return;
        }
        self.mention_kept();
        let before = self.draft.document_len();
        if is_known {
            if identity.comma {
                let mark = self.draft.mark();
                self.draft.data().push(b',');
                self.draft.own(PartKind::Text, mark);
            }
            stored.into_iter().for_each(|range| self.draft.stored(range));
        } else {
            self.render_unit(tokens_len);
            let ranges = &mut self.texts.ranges;
            if tokens_len >= SMALL_UNIT {
                if identity.comma {
                    leave_first_byte_out(ranges);
                }
                self.draft.find(identity.fingerprint, ranges);
            }
            ranges.clear();
        }
        if self.keep_tape {
            let text_len = self.draft.document_len() - before;
            self.edit.rest.push(Edit::New(NewUnit { tokens_len, text_len, identity }));
        } else {
            self.edit.new_tokens.truncate(self.unit_start);
        }
    }

    /// Takes the fingerprints of the current unit and of its long strings, going over each of its bytes once.
    fn identify_unit(&mut self) -> (Identity, usize) {
        let UnitTexts { digest, long, .. } = &mut self.texts;
        let unit_tokens = &self.edit.new_tokens[self.unit_start..];
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

    /// Turns the current unit into text, and puts down the ranges that are its text.
    fn render_unit(&mut self, tokens_len: usize) {
        let Self { context, draft, edit, texts: UnitTexts { long, ranges, .. }, .. } = self;
        let mut unit_tokens = &edit.new_tokens[self.unit_start..];
        let mut kind = if tokens_len < SMALL_UNIT { PartKind::Text } else { self.unit_kind };
        let mut own = |draft: &mut Draft, ranges: &mut Vec<DraftPiece>, mark: usize| {
            if draft.mark() != mark {
                push_merged(ranges, draft.own(kind, mark));
                if kind != PartKind::Text {
                    kind = PartKind::RestOfElement;
                }
            }
        };
        let mut long = long.iter();
        let mut mark = draft.mark();
        while let Some(token) = tokens::next(&mut unit_tokens) {
            match token {
                Token::String(text) if text.len() >= LONG_STRING => {
                    let fingerprint = *long.next().expect("each long string has its fingerprint");
                    let sharing = Sharing { context };
                    // What stands before a stored string, or a part of its own, ends here.
                    let stored = sharing.stored(fingerprint);
                    if !stored.is_empty() {
                        own(draft, ranges, mark);
                        put_ranges(draft, &stored, ranges);
                        mark = draft.mark();
                        continue;
                    }
                    let redacted = context.redaction.and_then(|redaction| redaction.apply(tokens::text(text)));
                    if redacted.is_none() && text.len() >= CUT_TEXT && !self.is_first {
                        draft.data().push(b'"');
                        own(draft, ranges, mark);
                        sharing.put_chunks(draft, text, fingerprint, ranges);
                        mark = draft.mark();
                        draft.data().push(b'"');
                    } else {
                        own(draft, ranges, mark);
                        let text = redacted.as_deref().map_or(text, str::as_bytes);
                        sharing.put_string(draft, text, fingerprint, ranges);
                        mark = draft.mark();
                    }
                }
                Token::String(text) => {
                    let redacted = context.redaction.and_then(|redaction| redaction.apply(tokens::text(text)));
                    write_string(redacted.as_deref().map_or(text, str::as_bytes), draft.data());
                }
                Token::Other(other) => {
                    let from = draft.mark();
                    other.render(draft.data());
                    if let (Some(redaction), true) = (context.redaction, other.is_raw()) {
                        redaction.apply_to_json(draft.data(), from);
                    }
                }
            }
        }
        own(draft, ranges, mark);
    }

    fn known<T>(&self, ask: impl FnOnce(&mut KnownTexts) -> T) -> T {
        ask(&mut self.context.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds a unit of the base: behind the expected one first, as most of what changes is left out or put in.
    fn find_in_base(&self, identity: Identity) -> Option<usize> {
        let (before, behind) = self.base.units.split_at(self.expected.min(self.base.units.len()));
        let found = behind.iter().position(|unit| unit.identity == identity).map(|at| before.len() + at);
        found.or_else(|| before.iter().position(|unit| unit.identity == identity))
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
