//! What a thread's next model-facing document is compared with.

use rollout_trace_schema::packed::{MAX_CHAIN, PartKind};
use serde::Serialize;

use super::{
    Draft, Scratch, SealedRecord, WalkContext, WalkError,
    draft::DraftPiece,
    known::Stored,
    ranges::Ranges,
    sharing::Sharing,
    tape::Tape,
    walker::{Walked, Walker},
};

/// A thread's comparison state. It belongs to one call at a time, and moves on only after the call's record is written.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    base: Option<Base>,
    tape: Tape,
    body: Vec<u8>,
}

/// The record whose document is compared with.
#[derive(Debug)]
struct Base {
    number: u64,
    /// Where the document's bytes lie.
    ranges: Ranges,
    /// How many records must be read to put the document together.
    chain: u32,
}

/// How the comparison state moves on.
pub(crate) enum Moved {
    /// It stays: the document is only a relative of the next request.
    Not,
    /// The document was walked over.
    Walk,
    /// The document came as bytes.
    Body { prefix: usize, suffix: usize, middle: Vec<u8> },
}

/// How much room a thread's first request finds. Room that is not used is never touched, and to grow step by step would touch the
/// memory of each step.
const FIRST_RESERVE: usize = 4 << 20;

impl Compared {
    /// Walks over a request, whose first `unchanged` input items the caller vouches for.
    pub(crate) fn request<T: Serialize + ?Sized>(
        &self,
        context: &WalkContext<'_>,
        request: &T,
        unchanged: usize,
    ) -> Result<Walked, WalkError> {
        let mut walker = Walker::new(context, &self.tape).for_request(unchanged);
        if self.base.is_none() {
            walker = walker.for_first(FIRST_RESERVE);
        }
        request.serialize(&mut walker)?;
        walker.finish()
    }

    /// Walks over a document that has much in common with the last request but does not follow it.
    pub(crate) fn relative<T: Serialize + ?Sized>(
        &self,
        context: &WalkContext<'_>,
        document: &T,
    ) -> Result<Walked, WalkError> {
        let mut walker = Walker::new(context, &self.tape).for_relative_of_request();
        document.serialize(&mut walker)?;
        walker.finish()
    }

    /// Compares a request's bytes.
    pub(crate) fn body(&self, context: &WalkContext<'_>, body: &[u8]) -> Result<(Scratch, Moved), WalkError> {
        if body.len() > context.max_document {
            return Err(WalkError::TooLarge { limit: context.max_document });
        }
        let mut scratch = context.spares.take();
        let draft = &mut scratch.draft;
        let prefix = common_prefix(&self.body, body);
        let rest = self.body.len().min(body.len()) - prefix;
        let suffix = common_suffix(&self.body[self.body.len() - rest..], &body[body.len() - rest..]);
        let middle = &body[prefix..body.len() - suffix];
        draft.base(0, prefix as u64);
        Sharing { context }.put_json(draft, middle, prefix == 0);
        draft.base((self.body.len() - suffix) as u64, suffix as u64);
        Ok((scratch, Moved::Body { prefix, suffix, middle: middle.to_vec() }))
    }

    /// Gives a draft its number and its bytes.
    pub(crate) fn seal(&self, draft: &mut Draft, number: u64, salt: u64) -> SealedRecord {
        let base = self.base.as_ref();
        let unchained = base.is_some_and(|base| base.chain + 1 >= MAX_CHAIN);
        draft.seal(number, salt, base.map(|base| (base.number, &base.ranges)), unchained)
    }

    /// Moves on to the document of a record that is written.
    pub(crate) fn advance(&mut self, number: u64, scratch: &mut Scratch, moved: Moved) {
        let Scratch { draft, edit, .. } = scratch;
        match moved {
            Moved::Not => {}
            Moved::Walk => {
                self.tape.has_tokens |= self.tape.units.is_empty();
                self.tape.apply(edit);
                self.body = Vec::new();
                self.rebase(number, draft);
            }
            Moved::Body { prefix, suffix, middle } => {
                self.body.splice(prefix..self.body.len() - suffix, middle);
                self.tape = Tape::default();
                self.rebase(number, draft);
            }
        }
    }

    fn rebase(&mut self, number: u64, draft: &Draft) {
        let chain = self.base.as_ref().map_or(0, |base| base.chain);
        let uses_base = draft.pieces().iter().any(|piece| matches!(piece, DraftPiece::Base { .. }));
        let chain = if uses_base && chain + 1 < MAX_CHAIN { chain + 1 } else { 0 };
        let mut ranges = self.base.take().map(|base| base.ranges).unwrap_or_default();
        // Most of a request's ranges stay where they are.
        let (kept, behind) = match draft.pieces() {
            [DraftPiece::Base { offset: 0, len }, behind @ ..] => (*len, behind),
            behind => (0, behind),
        };
        let mut new = Vec::new();
        for piece in behind {
            match *piece {
                DraftPiece::Own { offset, len } => new.push(Stored { record: number, offset, len }),
                DraftPiece::Stored(stored) => new.push(stored),
                DraftPiece::Base { offset, len } => ranges.slice(offset, len, |range| new.push(range)),
            }
        }
        ranges.truncate(kept);
        new.into_iter().for_each(|range| ranges.push(range));
        self.base = Some(Base { number, ranges, chain });
    }

    /// How much memory the comparison takes.
    pub(crate) fn bytes(&self) -> usize {
        self.tape.bytes() + self.body.len()
    }

    /// Gives memory back; what can be known by fingerprints is still found.
    pub(crate) fn shrink(&mut self) {
        self.tape.forget_tokens();
        if !self.body.is_empty() {
            self.body = Vec::new();
            self.base = None;
        }
    }
}

/// The number of equal bytes at the start of both: whole blocks by `memcmp` first, for its speed.
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let start = blocks * BLOCK;
    start + left[start..].iter().zip(&right[start..]).take_while(|(l, r)| l == r).count()
}

/// The number of equal bytes at the end of both.
fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = left.rchunks_exact(BLOCK).zip(right.rchunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let skip = blocks * BLOCK;
    let (left, right) = (&left[..left.len() - skip], &right[..right.len() - skip]);
    skip + left.iter().rev().zip(right.iter().rev()).take_while(|(l, r)| l == r).count()
}

/// Puts a document that was given as bytes, without comparing it with another one.
pub(crate) fn whole_body(context: &WalkContext<'_>, body: &[u8]) -> Result<Scratch, WalkError> {
    if body.len() > context.max_document {
        return Err(WalkError::TooLarge { limit: context.max_document });
    }
    let mut scratch = context.spares.take();
    Sharing { context }.put_json(&mut scratch.draft, body, true);
    Ok(scratch)
}

/// Walks over a document that has nothing to be compared with but what is known to be stored.
pub(crate) fn whole<T: Serialize + ?Sized>(context: &WalkContext<'_>, document: &T) -> Result<Walked, WalkError> {
    let nothing = Tape::default();
    let mut walker = Walker::new(context, &nothing);
    document.serialize(&mut walker)?;
    walker.finish()
}

/// The kind of a string's part: where it is not sure that it is one, it is text.
pub(super) fn string_kind(sure: bool) -> PartKind {
    if sure { PartKind::String } else { PartKind::Text }
}
