//! Long strings, of which the bundle keeps one copy.

use std::sync::PoisonError;

use rollout_trace_schema::packed::PartKind;

use super::{Draft, WalkContext, compared::string_kind, draft::DraftPiece, escape};

/// A string that is at least this long is looked up and stored on its own, so that a tool's payload and the request that repeats
/// it share it. A reference costs about 20 bytes.
pub(super) const LONG_STRING: usize = 128;

/// Puts strings by reference where they are stored already.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'w> {
    pub(super) context: &'w WalkContext<'w>,
}

impl Sharing<'_> {
    /// Puts a long string's text.
    pub(super) fn put_string(self, draft: &mut Draft, text: &[u8], ranges: &mut Vec<DraftPiece>) {
        let mark = draft.mark();
        escape::write_string(text, draft.data());
        self.share(draft, mark, PartKind::String, ranges);
    }

    /// Puts JSON text, or a piece of some, sharing what looks like long strings. With `sure`, it begins outside of a string.
    ///
    /// Where it is not sure, what lies between two strings may be taken for one. That does no harm: only equal bytes are shared.
    pub(super) fn put_json(self, draft: &mut Draft, json: &[u8], sure: bool) {
        let mut ranges = Vec::new();
        let mut put = 0;
        let quotes = Quotes { json, at: 0 };
        let mut open: Option<usize> = None;
        for quote in quotes {
            let Some(start) = open.replace(quote) else { continue };
            if quote - start > LONG_STRING {
                self.put_text(draft, &json[put..start]);
                let mark = draft.mark();
                draft.data().extend_from_slice(&json[start..=quote]);
                self.share(draft, mark, string_kind(sure), &mut ranges);
                ranges.clear();
                put = quote + 1;
                open = None;
            } else if sure {
                open = None;
            }
        }
        self.put_text(draft, &json[put..]);
    }

    fn put_text(self, draft: &mut Draft, text: &[u8]) {
        if !text.is_empty() {
            let mark = draft.mark();
            draft.data().extend_from_slice(text);
            draft.own(PartKind::Text, mark);
        }
    }

    /// Makes the data from `mark` on the next piece, unless it is stored already.
    fn share(self, draft: &mut Draft, mark: usize, kind: PartKind, ranges: &mut Vec<DraftPiece>) {
        let fingerprint = self.context.key.of(&draft.data()[mark..]);
        let mut known = self.context.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = ranges.len();
        if known.visit(fingerprint, |range| ranges.push(DraftPiece::Stored(range))) {
            draft.data().truncate(mark);
            for range in &ranges[before..] {
                if let DraftPiece::Stored(stored) = *range {
                    draft.stored(stored);
                }
            }
        } else {
            let own = draft.own(kind, mark);
            ranges.push(own);
            draft.find(fingerprint, std::iter::once(own));
        }
    }
}

/// Finds the quotes that begin or end strings.
struct Quotes<'j> {
    json: &'j [u8],
    at: usize,
}

impl Iterator for Quotes<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let found = self.at + self.json.get(self.at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            if self.json[found] == b'"' {
                self.at = found + 1;
                return Some(found);
            }
            self.at = found + 2;
        }
    }
}
