//! Storing each long string of a bundle only once.

use std::sync::PoisonError;

use rollout_trace_schema::{
    json_text::{Quotes, unescape_written, write_inside, write_string},
    packed::{DataRange, LONG_STRING, PartKind, StoredRange},
};

use super::{Draft, Fingerprint, WalkContext, cuts::Cuts};

/// Adds strings to a draft, by reference if they are already stored.
pub(super) struct Sharing<'s, 'w> {
    pub(super) context: &'s WalkContext<'w>,
    pub(super) draft: &'s mut Draft,
}

/// Where a piece of JSON text starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextStart {
    /// Outside of a string.
    OutsideString,
    /// Outside or inside of a string.
    Anywhere,
}

impl Sharing<'_, '_> {
    /// Adds a long string that is not stored, as a part of its own. `fingerprint` is that of the text before redaction.
    pub(super) fn put_string(&mut self, text: &[u8], fingerprint: Fingerprint, ranges: &mut Vec<DataRange>) {
        write_string(text, self.draft.record.data());
        if let Some(own) = self.draft.record.own(PartKind::String) {
            self.draft.findings.note(fingerprint, &[own]);
            own.push(ranges);
        }
    }

    /// Adds the text between the quotes of a long string that is not stored, in chunks.
    ///
    /// The opening quote is the last byte of data. The caller adds the closing quote next.
    pub(super) fn put_chunks(&mut self, text: &[u8], fingerprint: Fingerprint, ranges: &mut Vec<DataRange>) {
        let mut string = vec![quote_at(self.draft.record.data_len() - 1)];
        let mut put = |range: DataRange| {
            range.push(&mut string);
            range.push(ranges);
        };
        for chunk in Cuts::new(text, self.context.key.cuts()) {
            let fingerprint = chunk.is_worth_sharing.then(|| self.context.key.of_chunk(chunk.text));
            let stored = fingerprint.map(|fingerprint| self.stored(fingerprint)).unwrap_or_default();
            if !stored.is_empty() {
                for range in stored {
                    self.draft.record.stored(range);
                    put(DataRange::Stored(range));
                }
                continue;
            }
            write_inside(chunk.text, self.draft.record.data());
            if let Some(own) = self.draft.record.own(PartKind::InString) {
                if let Some(fingerprint) = fingerprint {
                    self.draft.findings.note(fingerprint, &[own]);
                }
                put(own);
            }
        }
        quote_at(self.draft.record.data_len()).push(&mut string);
        self.draft.findings.note(fingerprint, &string);
    }

    /// Adds JSON text, or a piece of it, and shares everything in it that looks like a long string.
    ///
    /// If the text may start inside of a string, the text between two strings may be taken for one. This is harmless,
    /// because only equal bytes are shared.
    pub(super) fn put_json(&mut self, json: &[u8], start: TextStart) {
        let string_kind = match start {
            TextStart::OutsideString => PartKind::String,
            TextStart::Anywhere => PartKind::Text,
        };
        let mut text = Vec::new();
        let mut put = 0;
        let mut open: Option<usize> = None;
        for quote in Quotes::new(json, 0) {
            let Some(opening) = open.replace(quote) else { continue };
            // If a string is not escaped exactly as the recorder would, no fingerprint is stored for it.
            if quote - opening > LONG_STRING
                && unescape_written(&json[opening + 1..quote], &mut text)
                && text.len() >= LONG_STRING
            {
                self.put_text(&json[put..opening]);
                let fingerprint = self.context.key.of_string(&text);
                let stored = self.stored(fingerprint);
                stored.iter().for_each(|range| self.draft.record.stored(*range));
                if stored.is_empty() {
                    self.draft.record.data().extend_from_slice(&json[opening..=quote]);
                    if let Some(own) = self.draft.record.own(string_kind) {
                        self.draft.findings.note(fingerprint, &[own]);
                    }
                }
                put = quote + 1;
                open = None;
            } else if start == TextStart::OutsideString {
                open = None;
            }
        }
        self.put_text(&json[put..]);
    }

    /// Returns the ranges of the stored text with this fingerprint. Returns an empty list if there is no such text.
    pub(super) fn stored(&self, fingerprint: Fingerprint) -> Vec<StoredRange> {
        let mut ranges = Vec::new();
        let mut known = self.context.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.visit(fingerprint, |stored| ranges.push(stored));
        ranges
    }

    fn put_text(&mut self, text: &[u8]) {
        self.draft.record.data().extend_from_slice(text);
        self.draft.record.own(PartKind::Text);
    }
}

/// Returns the range of a quote, which is one byte of the record's data.
fn quote_at(offset: usize) -> DataRange {
    DataRange::Own { offset: offset as u64, len: 1 }
}
