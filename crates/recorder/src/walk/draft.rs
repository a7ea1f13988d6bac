//! A record while it is being put together.

use rollout_trace_schema::packed::{
    META_CHECKSUM_LEN, Part, PartKind, Piece, RECORD_HEADER_LEN, RecordHeader, RecordMeta, checksum,
};

use super::{Fingerprint, known::Stored, ranges::Ranges};

/// Pieces, parts and data of a record that has no number yet.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Room for the header, then the data.
    record: Vec<u8>,
    /// What the record will say of itself. Its pieces are put down when it is sealed, and so are the checksums of its parts.
    meta: RecordMeta,
    pieces: Vec<DraftPiece>,
    document_len: u64,
    /// What later documents may refer to, once the record is written.
    pub(super) findings: Vec<Finding>,
    pub(super) finding_ranges: Vec<DraftPiece>,
}

/// A piece of a record that has no number yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DraftPiece {
    /// Bytes of the record's own data.
    Own { offset: u64, len: u64 },
    /// Bytes of the base's document.
    Base { offset: u64, len: u64 },
    /// Bytes of another record's data.
    Stored(Stored),
}

/// Something that was put down for the first time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) fingerprint: Fingerprint,
    /// How many of the ranges belong to it.
    pub(super) ranges: usize,
}

impl DraftPiece {
    pub(crate) fn len(self) -> u64 {
        match self {
            Self::Own { len, .. } | Self::Base { len, .. } | Self::Stored(Stored { len, .. }) => len,
        }
    }
}

impl Draft {
    /// Becomes an empty draft.
    pub(super) fn clear(&mut self) {
        self.record.clear();
        self.record.resize(RECORD_HEADER_LEN, 0);
        self.meta.parts.clear();
        self.meta.pieces.clear();
        self.pieces.clear();
        self.document_len = 0;
        self.findings.clear();
        self.finding_ranges.clear();
    }

    /// How much memory it holds, about.
    pub(super) fn memory(&self) -> usize {
        self.record.capacity()
            + 32 * (self.meta.parts.capacity()
                + self.meta.pieces.capacity()
                + self.pieces.capacity()
                + self.finding_ranges.capacity())
    }

    /// Takes a record's memory back, to be used again.
    pub(crate) fn take_back(&mut self, record: SealedRecord) {
        self.record = record.bytes;
    }

    /// The data so far, to be appended to. What is appended becomes part of the document by [`Draft::own`].
    pub(super) fn data(&mut self) -> &mut Vec<u8> {
        &mut self.record
    }

    /// Where the next byte of data will stand in [`Draft::data`].
    pub(super) fn mark(&self) -> usize {
        self.record.len()
    }

    /// The length of the data.
    pub(crate) fn data_len(&self) -> usize {
        self.record.len() - RECORD_HEADER_LEN
    }

    /// The length of the document so far.
    pub(crate) fn document_len(&self) -> u64 {
        self.document_len
    }

    pub(crate) fn pieces(&self) -> &[DraftPiece] {
        &self.pieces
    }

    /// Makes the data from `mark` on, which must not be empty, the document's next piece.
    pub(super) fn own(&mut self, kind: PartKind, mark: usize) -> DraftPiece {
        let len = self.record.len() - mark;
        let len = len as u64;
        match self.meta.parts.last_mut() {
            Some(Part { kind: PartKind::Text, len: last, .. }) if kind == PartKind::Text => *last += len,
            _ => self.meta.parts.push(Part { kind, len, check: 0 }),
        }
        let piece = DraftPiece::Own { offset: (mark - RECORD_HEADER_LEN) as u64, len };
        self.push(piece);
        piece
    }

    /// The piece that is the byte of data at `mark`.
    pub(super) fn byte_at(mark: usize) -> DraftPiece {
        DraftPiece::Own { offset: (mark - RECORD_HEADER_LEN) as u64, len: 1 }
    }

    /// Makes the base's bytes the document's next piece.
    pub(super) fn base(&mut self, offset: u64, len: u64) {
        if len > 0 {
            self.push(DraftPiece::Base { offset, len });
        }
    }

    /// Makes stored bytes the document's next piece.
    pub(super) fn stored(&mut self, stored: Stored) {
        self.push(DraftPiece::Stored(stored));
    }

    fn push(&mut self, piece: DraftPiece) {
        self.document_len += piece.len();
        push_merged(&mut self.pieces, piece);
    }

    /// Notes that what `ranges` cover can be referred to.
    pub(super) fn find(&mut self, fingerprint: Fingerprint, ranges: &[DraftPiece]) {
        self.finding_ranges.extend_from_slice(ranges);
        self.findings.push(Finding { fingerprint, ranges: ranges.len() });
    }

    /// Gives the record its number and all its bytes but for the header, which depends on where it will stand.
    ///
    /// `base` is the number of the base and the stored ranges of its document; with `unchained`, pieces of the base are written as
    /// these ranges.
    pub(super) fn seal(
        &mut self,
        number: u64,
        salt: u64,
        base: Option<(u64, &Ranges)>,
        unchained: bool,
    ) -> SealedRecord {
        let Self { meta, record, .. } = self;
        meta.document_len = self.document_len;
        meta.base = None;
        let mut rest = &record[RECORD_HEADER_LEN..];
        for part in &mut meta.parts {
            let (bytes, behind) = rest.split_at(part.len as usize);
            rest = behind;
            part.check = checksum(bytes, salt) as u32;
        }
        let in_order = matches!(self.pieces[..], [] | [DraftPiece::Own { .. }]);
        for &piece in self.pieces.iter().filter(|_| !in_order) {
            match (piece, base) {
                (DraftPiece::Own { len, .. }, _) => meta.pieces.push(Piece::Own { len }),
                (DraftPiece::Stored(stored), _) => meta.pieces.push(stored.piece()),
                (DraftPiece::Base { offset, len }, Some((_, ranges))) if unchained => {
                    ranges.slice(offset, len, |stored| meta.pieces.push(stored.piece()));
                }
                (DraftPiece::Base { offset, len }, base) => {
                    meta.base = base.map(|(number, _)| number);
                    meta.pieces.push(Piece::Base { offset, len });
                }
            }
        }
        let data_len = u32::try_from(self.data_len()).expect("a document's size is limited to less than 4 GiB");
        let mark = self.record.len();
        self.meta.encode(number, &mut self.record);
        let meta_len = u32::try_from(self.record.len() - mark).expect("a list of pieces is shorter than the document");
        let check = checksum(&self.record[mark..], salt ^ number);
        self.record.extend_from_slice(&check.to_le_bytes());
        debug_assert_eq!(self.record.len(), mark + meta_len as usize + META_CHECKSUM_LEN);
        SealedRecord { header: RecordHeader { number, meta_len, data_len }, bytes: std::mem::take(&mut self.record) }
    }
}

/// Appends a piece, or makes the last one longer where it goes on.
pub(super) fn push_merged(pieces: &mut Vec<DraftPiece>, piece: DraftPiece) {
    match (pieces.last_mut(), piece) {
        (Some(DraftPiece::Own { offset, len }), DraftPiece::Own { offset: next, len: more })
        | (Some(DraftPiece::Base { offset, len }), DraftPiece::Base { offset: next, len: more })
            if *offset + *len == next =>
        {
            *len += more;
        }
        (Some(DraftPiece::Stored(last)), DraftPiece::Stored(next)) if last.goes_on_in(next) => last.len += next.len,
        _ => pieces.push(piece),
    }
}

/// A record that is whole but for its header.
#[derive(Debug)]
pub(crate) struct SealedRecord {
    header: RecordHeader,
    bytes: Vec<u8>,
}

impl SealedRecord {
    /// The record's bytes for its place in the file.
    pub(crate) fn at(&mut self, salt: u64, offset: u64) -> &[u8] {
        self.bytes[..RECORD_HEADER_LEN].copy_from_slice(&self.header.encode(salt, offset));
        &self.bytes
    }

    /// The record's length.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The record's number.
    pub(crate) fn number(&self) -> u64 {
        self.header.number
    }
}
