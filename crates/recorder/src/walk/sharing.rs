//! Long strings, of which the bundle keeps one copy.

use std::sync::PoisonError;

use rollout_trace_schema::{
    json_text::{Quotes, unescape_written, write_inside, write_string},
    packed::PartKind,
};

use super::{
    Draft, Fingerprint, WalkContext,
    compared::string_kind,
    cuts::Cuts,
    draft::{DraftPiece, push_merged},
    known::Stored,
};

/// A string that is at least this long is looked up and stored as a part of its own, so that a tool's payload and the
/// request that repeats it share it. A reference costs about 20 bytes.
pub(super) const LONG_STRING: usize = 128;

/// Puts strings into a draft, by reference if they are stored already.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'w> {
    pub(super) context: &'w WalkContext<'w>,
}

impl Sharing<'_> {
    /// Puts a long string that is not stored as a part of its own. Its fingerprint is that of its text before redaction.
    pub(super) fn put_string(
        self,
        draft: &mut Draft,
        text: &[u8],
        fingerprint: Fingerprint,
        ranges: &mut Vec<DraftPiece>,
    ) {
        let mark = draft.mark();
        write_string(text, draft.data());
        let own = draft.own(PartKind::String, mark);
        draft.find(fingerprint, &[own]);
        push_merged(ranges, own);
    }

    /// Puts the inside of a long string that is not stored, in chunks. Its opening quote is the last byte of the data, and its
    /// closing quote will be the next one.
    pub(super) fn put_chunks(
        self,
        draft: &mut Draft,
        text: &[u8],
        fingerprint: Fingerprint,
        ranges: &mut Vec<DraftPiece>,
    ) {
        let mut string = vec![Draft::byte_at(draft.mark() - 1)];
        for chunk in Cuts::new(text, self.context.key.cuts()) {
            let fingerprint = chunk.is_worth_sharing.then(|| self.context.key.of_chunk(chunk.text));
            let stored = fingerprint.map(|fingerprint| self.stored(fingerprint)).unwrap_or_default();
            if !stored.is_empty() {
                put_ranges(draft, &stored, &mut string);
                continue;
            }
            let mark = draft.mark();
            write_inside(chunk.text, draft.data());
            let own = draft.own(PartKind::InString, mark);
            if let Some(fingerprint) = fingerprint {
                draft.find(fingerprint, &[own]);
            }
            push_merged(&mut string, own);
        }
        let opening = 1;
        if let [DraftPiece::Own { offset, len }, behind @ ..] = &string[..] {
            let first = DraftPiece::Own { offset: offset + opening, len: len - opening };
            std::iter::once(first)
                .filter(|first| first.len() > 0)
                .chain(behind.iter().copied())
                .for_each(|piece| push_merged(ranges, piece));
        }
        push_merged(&mut string, Draft::byte_at(draft.mark()));
        draft.find(fingerprint, &string);
    }

    /// Puts JSON text, or a piece of it, and shares what looks like long strings. With `sure`, it begins outside of a string.
    ///
    /// Otherwise the text between two strings may be taken for a string. That does no harm: only equal bytes are shared.
    pub(super) fn put_json(self, draft: &mut Draft, json: &[u8], sure: bool) {
        let mut text = Vec::new();
        let mut put = 0;
        let mut open: Option<usize> = None;
        for quote in Quotes::new(json, 0) {
            let Some(start) = open.replace(quote) else { continue };
            // A string that is written in another way has other bytes than the ones that are stored for its text.
            if quote - start > LONG_STRING
                && unescape_written(&json[start + 1..quote], &mut text)
                && text.len() >= LONG_STRING
            {
                self.put_text(draft, &json[put..start]);
                let fingerprint = self.context.key.of_string(&text);
                let stored = self.stored(fingerprint);
                stored.iter().for_each(|range| draft.stored(*range));
                if stored.is_empty() {
                    let mark = draft.mark();
                    draft.data().extend_from_slice(&json[start..=quote]);
                    let own = draft.own(string_kind(sure), mark);
                    draft.find(fingerprint, &[own]);
                }
                put = quote + 1;
                open = None;
            } else if sure {
                open = None;
            }
        }
        self.put_text(draft, &json[put..]);
    }

    /// Returns the ranges that are stored under a fingerprint, which are none if nothing is.
    pub(super) fn stored(self, fingerprint: Fingerprint) -> Vec<Stored> {
        let mut ranges = Vec::new();
        let mut known = self.context.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.visit(fingerprint, |stored| ranges.push(stored));
        ranges
    }

    fn put_text(self, draft: &mut Draft, text: &[u8]) {
        if !text.is_empty() {
            let mark = draft.mark();
            draft.data().extend_from_slice(text);
            draft.own(PartKind::Text, mark);
        }
    }
}

/// Puts stored ranges into a draft, and adds them to `ranges`.
pub(super) fn put_ranges(draft: &mut Draft, stored: &[Stored], ranges: &mut Vec<DraftPiece>) {
    for &range in stored {
        draft.stored(range);
        push_merged(ranges, DraftPiece::Stored(range));
    }
}
