//! A record while it is being put together.

use std::ops::Range;

use rollout_trace_schema::{
    json_text::strings,
    packed::{Part, PartKind, Piece, RecordMeta, checksum},
};

use super::{
    stored::{Content, Stored},
    units::Unit,
};
use crate::packed::{Segment, push, slice};

/// A string that is at least this long is stored on its own, so that a tool's payload and the request that repeats it share it.
const LONG_STRING: usize = 128;

/// What is shorter costs more to refer to than to repeat.
const SHORT: usize = 48;

/// A record that has a number, but no place in the file yet.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) number: u64,
    document: &'a [u8],
    stored: &'a Stored,
    pub(super) data: Vec<u8>,
    parts: Vec<(PartKind, usize)>,
    pieces: Vec<DraftPiece>,
    /// What this record stores for the first time.
    pub(super) findings: Vec<(Content, Vec<Segment>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DraftPiece {
    Segment(Segment),
    Base { offset: u64, len: u64 },
}

impl<'a> Draft<'a> {
    pub(super) fn new(number: u64, document: &'a [u8], stored: &'a Stored) -> Self {
        Self { number, document, stored, data: Vec::new(), parts: Vec::new(), pieces: Vec::new(), findings: Vec::new() }
    }

    /// Makes bytes of the base's document the next piece.
    pub(super) fn base(&mut self, offset: usize, len: usize) {
        if len > 0 {
            self.pieces.push(DraftPiece::Base { offset: offset as u64, len: len as u64 });
        }
    }

    pub(super) fn units(&mut self, units: &[Unit]) {
        for unit in units {
            let mut segments = Vec::new();
            match unit.kind {
                PartKind::Text => self.text(unit.range.clone()),
                _ if unit.range.len() < SHORT => self.own(unit.kind, unit.range.clone(), &mut segments),
                _ => {
                    let document = self.document;
                    let content = Stored::content(&document[unit.range.clone()]);
                    if !self.refer(&content) {
                        self.divided(unit.kind, PartKind::RestOfElement, unit.range.clone(), &mut segments);
                        self.findings.push((content, segments));
                    }
                }
            }
        }
    }

    /// Makes text the next piece.
    pub(super) fn text(&mut self, range: Range<usize>) {
        self.divided(PartKind::Text, PartKind::Text, range, &mut Vec::new());
    }

    /// Makes bytes that may be anything the next piece.
    pub(super) fn raw(&mut self, range: Range<usize>) {
        self.own(PartKind::Text, range, &mut Vec::new());
    }

    /// Puts the long strings in a range on their own.
    fn divided(&mut self, first: PartKind, rest: PartKind, range: Range<usize>, segments: &mut Vec<Segment>) {
        let document = self.document;
        let mut kind = first;
        let mut at = range.start;
        for string in strings(&document[range.clone()]).filter(|string| string.len() >= LONG_STRING) {
            let string = range.start + string.start..range.start + string.end;
            if string.start > at {
                self.own(kind, at..string.start, segments);
                kind = rest;
            }
            at = string.end;
            let content = Stored::content(&document[string.clone()]);
            if let Some(known) = self.stored.get(&content) {
                segments.extend_from_slice(known);
                self.pieces.extend(known.iter().map(|segment| DraftPiece::Segment(*segment)));
            } else {
                let before = segments.len();
                // An element that is nothing but a string begins with it.
                let kind = if kind == first && first != PartKind::Text { first } else { PartKind::String };
                self.own(kind, string, segments);
                self.findings.push((content, segments[before..].to_vec()));
            }
            kind = rest;
        }
        self.own(kind, at..range.end, segments);
    }

    fn refer(&mut self, content: &Content) -> bool {
        let Some(known) = self.stored.get(content) else { return false };
        self.pieces.extend(known.iter().map(|segment| DraftPiece::Segment(*segment)));
        true
    }

    fn own(&mut self, kind: PartKind, range: Range<usize>, segments: &mut Vec<Segment>) {
        if range.is_empty() {
            return;
        }
        let segment = Segment { record: self.number, offset: self.data.len() as u64, len: range.len() as u64 };
        match self.parts.last_mut() {
            Some((PartKind::Text, len)) if kind == PartKind::Text => *len += range.len(),
            _ => self.parts.push((kind, range.len())),
        }
        self.data.extend_from_slice(&self.document[range]);
        self.pieces.push(DraftPiece::Segment(segment));
        segments.push(segment);
    }

    /// Where the document's bytes lie, by the layout of the base.
    pub(super) fn layout(&self, base: &[Segment]) -> Vec<Segment> {
        let mut layout = Vec::with_capacity(base.len() + self.pieces.len());
        for piece in &self.pieces {
            match *piece {
                DraftPiece::Segment(segment) => push(&mut layout, segment),
                DraftPiece::Base { offset, len } => {
                    slice(base, offset, len, |segment| push(&mut layout, segment));
                }
            }
        }
        layout
    }

    /// What the record says of itself: with a base, or by the whole layout without one.
    pub(super) fn meta(&self, salt: u64, base: Option<u64>, layout: &[Segment]) -> RecordMeta {
        let mut at = 0;
        let parts = self.parts.iter().map(|&(kind, len)| {
            let check = checksum(&self.data[at..at + len], salt) as u32;
            at += len;
            Part { kind, len: len as u64, check }
        });
        let parts = parts.collect();
        let whole = |segment: &Segment| DraftPiece::Segment(*segment);
        let without_base: Vec<DraftPiece>;
        let pieces = match base {
            Some(_) => &self.pieces,
            None => {
                without_base = layout.iter().map(whole).collect();
                &without_base
            }
        };
        let mut merged: Vec<DraftPiece> = Vec::new();
        for piece in pieces {
            match (merged.last_mut(), *piece) {
                (Some(DraftPiece::Segment(last)), DraftPiece::Segment(next))
                    if last.record == next.record && last.offset + last.len == next.offset =>
                {
                    last.len += next.len;
                }
                (_, piece) => merged.push(piece),
            }
        }
        let pieces = merged.into_iter().map(|piece| match piece {
            DraftPiece::Segment(Segment { record, len, .. }) if record == self.number => Piece::Own { len },
            DraftPiece::Segment(Segment { record, offset, len }) => Piece::Stored { record, offset, len },
            DraftPiece::Base { offset, len } => Piece::Base { offset, len },
        });
        let mut pieces: Vec<Piece> = pieces.collect();
        if let [Piece::Own { .. }] = pieces[..] {
            pieces.clear();
        }
        let base = base.filter(|_| pieces.iter().any(|piece| matches!(piece, Piece::Base { .. })));
        RecordMeta { document_len: self.document.len() as u64, base, parts, pieces }
    }
}
