//! Long strings, of which the bundle keeps one copy.

use std::sync::PoisonError;

use rollout_trace_schema::packed::PartKind;

use super::{
    Draft, Fingerprint, WalkContext,
    compared::string_kind,
    draft::{DraftPiece, push_merged},
    escape, tokens, unescape,
};

/// A string that is at least this long is looked up and stored on its own, so that a tool's payload and the request that repeats
/// it share it. A reference costs about 20 bytes.
pub(super) const LONG_STRING: usize = 128;

/// Puts strings by reference where they are stored already.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'w> {
    pub(super) context: &'w WalkContext<'w>,
}

impl Sharing<'_> {
    /// Puts a long string, whose fingerprint is that of its text as it came.
    pub(super) fn put_string(
        self,
        draft: &mut Draft,
        text: &[u8],
        fingerprint: Fingerprint,
        ranges: &mut Vec<DraftPiece>,
    ) {
        if self.put_stored(draft, fingerprint, ranges) {
            return;
        }
        let redacted = self.context.redaction.and_then(|redaction| redaction.apply(tokens::text(text)));
        let mark = draft.mark();
        escape::write_string(redacted.as_deref().map_or(text, str::as_bytes), draft.data());
        let own = draft.own(PartKind::String, mark);
        draft.find(fingerprint, &[own]);
        push_merged(ranges, own);
    }

    /// Puts JSON text, or a piece of some, sharing what looks like long strings. With `sure`, it begins outside of a string.
    ///
    /// Where it is not sure, what lies between two strings may be taken for one. That does no harm: only equal bytes are shared.
    pub(super) fn put_json(self, draft: &mut Draft, json: &[u8], sure: bool) {
        let mut text = Vec::new();
        let mut ranges = Vec::new();
        let mut put = 0;
        let quotes = Quotes { json, at: 0 };
        let mut open: Option<usize> = None;
        for quote in quotes {
            let Some(start) = open.replace(quote) else { continue };
            // What is written in another way than ours is not what stands for its text.
            if quote - start > LONG_STRING
                && unescape::read_string(&json[start + 1..quote], &mut text)
                && text.len() >= LONG_STRING
            {
                self.put_text(draft, &json[put..start]);
                let fingerprint = self.context.key.of_string(&text);
                ranges.clear();
                if !self.put_stored(draft, fingerprint, &mut ranges) {
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

    /// Puts what is stored under a fingerprint. False: nothing is.
    fn put_stored(self, draft: &mut Draft, fingerprint: Fingerprint, ranges: &mut Vec<DraftPiece>) -> bool {
        let mut known = self.context.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.visit(fingerprint, |stored| {
            draft.stored(stored);
            push_merged(ranges, DraftPiece::Stored(stored));
        })
    }

    fn put_text(self, draft: &mut Draft, text: &[u8]) {
        if !text.is_empty() {
            let mark = draft.mark();
            draft.data().extend_from_slice(text);
            draft.own(PartKind::Text, mark);
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
