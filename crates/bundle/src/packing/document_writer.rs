//! Dividing a document into the pieces of a record.

use std::ops::Range;

use memchr::memmem;
use rollout_trace_schema::{
    json_text::strings,
    packed::{BaseDocument, DataRange, LONG_STRING, PartKind, RecordBuilder},
};

use super::{
    content_index::{ContentHash, ContentIndex},
    units::Unit,
};

/// A unit that is shorter than this is stored again, because a reference to it would be longer.
const SHORT: usize = 48;

/// Writes one document into a record.
#[derive(Debug)]
pub(super) struct DocumentWriter<'d> {
    pub(super) document: &'d [u8],
    pub(super) stored: &'d ContentIndex,
    pub(super) record: &'d mut RecordBuilder,
    /// The content that this record is the first to store.
    pub(super) findings: Vec<(ContentHash, Vec<DataRange>)>,
}

impl DocumentWriter<'_> {
    /// Makes bytes of the base's document the next piece.
    pub(super) fn base(&mut self, base: &BaseDocument, range: Range<usize>) {
        self.record.base(base, range.start as u64, range.len() as u64);
    }

    pub(super) fn units(&mut self, units: &[Unit]) {
        for unit in units {
            let mut ranges = Vec::new();
            match unit.kind {
                PartKind::Text => self.text(unit.range.clone()),
                _ if unit.range.len() < SHORT => self.own(unit.kind, unit.range.clone(), &mut ranges),
                _ => {
                    let content = ContentIndex::hash(&self.document[unit.range.clone()]);
                    if !self.refer(&content, &mut ranges) {
                        self.divided(unit.kind, PartKind::RestOfElement, unit.range.clone(), &mut ranges);
                        self.findings.push((content, ranges));
                    }
                }
            }
        }
    }

    /// Makes text the next piece.
    pub(super) fn text(&mut self, range: Range<usize>) {
        self.divided(PartKind::Text, PartKind::Text, range, &mut Vec::new());
    }

    /// Makes bytes that need not be JSON the next pieces.
    ///
    /// They are cut between the elements of arrays of objects. Even if the JSON is quoted, as in the fragments of a
    /// prompt, most of these elements occur in other documents too.
    pub(super) fn raw(&mut self, range: Range<usize>) {
        let mut at = range.start;
        let ends = memmem::find_iter(&self.document[range.clone()], b"},{").map(|end| range.start + end + 1);
        for end in ends.chain([range.end]) {
            // Short elements stay with the one after them.
            if end - at < LONG_STRING && end < range.end {
                continue;
            }
            let (chunk, mut ranges) = (at..end, Vec::new());
            at = end;
            if chunk.len() < LONG_STRING {
                self.own(PartKind::Text, chunk, &mut ranges);
                continue;
            }
            let content = ContentIndex::hash(&self.document[chunk.clone()]);
            if !self.refer(&content, &mut ranges) {
                self.own(PartKind::Text, chunk, &mut ranges);
                self.findings.push((content, ranges));
            }
        }
    }

    /// Stores the long strings in a range as parts of their own. The other parts are of the kinds `first` and `rest`.
    fn divided(&mut self, first: PartKind, rest: PartKind, range: Range<usize>, ranges: &mut Vec<DataRange>) {
        let document = self.document;
        let mut kind = first;
        let mut at = range.start;
        for string in strings(&document[range.clone()]).filter(|string| string.len() >= LONG_STRING) {
            let string = range.start + string.start..range.start + string.end;
            if string.start > at {
                self.own(kind, at..string.start, ranges);
                kind = rest;
            }
            at = string.end;
            let content = ContentIndex::hash(&document[string.clone()]);
            if !self.refer(&content, ranges) {
                let before = ranges.len();
                // An element that consists only of a string starts with it.
                let kind = if kind == first && first != PartKind::Text { first } else { PartKind::String };
                self.own(kind, string, ranges);
                self.findings.push((content, ranges[before..].to_vec()));
            }
            kind = rest;
        }
        self.own(kind, at..range.end, ranges);
    }

    /// Makes content the next piece if it is already stored. Returns whether it is.
    fn refer(&mut self, content: &ContentHash, ranges: &mut Vec<DataRange>) -> bool {
        let Some(known) = self.stored.get(content) else { return false };
        for &range in known {
            self.record.stored(range);
            ranges.push(DataRange::Stored(range));
        }
        true
    }

    fn own(&mut self, kind: PartKind, range: Range<usize>, ranges: &mut Vec<DataRange>) {
        self.record.data().extend_from_slice(&self.document[range]);
        ranges.extend(self.record.own(kind));
    }
}
