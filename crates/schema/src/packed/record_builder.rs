//! A record that is being built.

use thiserror::Error;

use super::{
    BaseDocument, Checksums, DataRange, META_CHECKSUM_LEN, Part, PartKind, Piece, RECORD_HEADER_LEN, RecordHeader,
    RecordMeta, StoredRange,
};

/// Builds a record: its data, the parts of its data and the pieces of its document.
///
/// Data is first appended to [`data`](Self::data) and then made a piece by [`own`](Self::own). A record gets its number
/// when it is sealed; until then it refers to its own data by offset alone.
#[derive(Debug)]
pub struct RecordBuilder {
    /// Room for the header, then the data; the meta too, once the record is sealed.
    bytes: Vec<u8>,
    /// Where the data that is not yet a piece starts in `bytes`.
    unclaimed: usize,
    /// The checksums of its parts are computed when the record is sealed.
    meta: RecordMeta,
    /// The pieces of a document that ends its chain, with its base's pieces replaced. It is kept to reuse its memory.
    unchained: Vec<Piece>,
}

impl Default for RecordBuilder {
    fn default() -> Self {
        let mut record = Self { bytes: Vec::new(), unclaimed: 0, meta: RecordMeta::default(), unchained: Vec::new() };
        record.clear();
        record
    }
}

impl RecordBuilder {
    /// Empties the record and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(RECORD_HEADER_LEN, 0);
        self.unclaimed = RECORD_HEADER_LEN;
        self.meta.document_len = 0;
        self.meta.base = None;
        self.meta.parts.clear();
        self.meta.pieces.clear();
    }

    /// Takes over the memory of a sealed record.
    pub fn reuse(&mut self, record: SealedRecord) {
        self.bytes = record.bytes;
        self.clear();
    }

    /// Returns how much memory the record holds, approximately.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
            + size_of::<Part>() * self.meta.parts.capacity()
            + size_of::<Piece>() * (self.meta.pieces.capacity() + self.unchained.capacity())
    }

    /// Returns the buffer to append data to. It starts with room for the header.
    pub fn data(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Returns the length of the data.
    pub fn data_len(&self) -> usize {
        self.bytes.len() - RECORD_HEADER_LEN
    }

    /// Returns the length of the document so far.
    pub fn document_len(&self) -> u64 {
        self.meta.document_len
    }

    /// Returns the pieces of the document so far.
    pub fn pieces(&self) -> &[Piece] {
        &self.meta.pieces
    }

    /// Returns whether some piece is bytes of this base.
    pub fn refers_to(&self, base: &BaseDocument) -> bool {
        self.meta.base == Some(base.number())
    }

    /// Makes the data that was appended since the last call the document's next piece, and a part of this kind.
    ///
    /// Returns `None` if nothing was appended.
    pub fn own(&mut self, kind: PartKind) -> Option<DataRange> {
        let len = (self.bytes.len() - self.unclaimed) as u64;
        if len == 0 {
            return None;
        }
        match self.meta.parts.last_mut() {
            Some(Part { kind: PartKind::Text, len: last, .. }) if kind == PartKind::Text => *last += len,
            _ => self.meta.parts.push(Part { kind, len, check: 0 }),
        }
        let range = DataRange::Own { offset: (self.unclaimed - RECORD_HEADER_LEN) as u64, len };
        self.unclaimed = self.bytes.len();
        self.push_range(range);
        Some(range)
    }

    /// Makes bytes that another record stores the document's next piece.
    pub fn stored(&mut self, range: StoredRange) {
        self.push_range(DataRange::Stored(range));
    }

    /// Makes bytes of the base's document the document's next piece. Does nothing if `len` is 0.
    ///
    /// All pieces of a record must be of the same base.
    pub fn base(&mut self, base: &BaseDocument, offset: u64, len: u64) {
        debug_assert!(self.meta.base.is_none_or(|before| before == base.number()), "one base");
        if len == 0 {
            return;
        }
        self.meta.base = Some(base.number());
        self.meta.document_len += len;
        match self.meta.pieces.last_mut() {
            Some(Piece::Base { offset: last, len: so_far }) if *last + *so_far == offset => *so_far += len,
            _ => self.meta.pieces.push(Piece::Base { offset, len }),
        }
    }

    fn push_range(&mut self, range: DataRange) {
        self.meta.document_len += range.len();
        push_piece(&mut self.meta.pieces, range);
    }

    /// Gives the record its number and completes its bytes, except for the header, which depends on the record's place
    /// in the file.
    ///
    /// `base` is the base that pieces refer to, if there is one. Pieces of a base that ends its chain are written as the
    /// ranges that store them.
    ///
    /// # Errors
    ///
    /// Data or meta have 4 GiB or more.
    pub fn seal(
        &mut self,
        number: u64,
        checksums: Checksums,
        base: Option<&BaseDocument>,
    ) -> Result<SealedRecord, RecordTooLarge> {
        let Self { meta, bytes, .. } = self;
        let mut rest = &bytes[RECORD_HEADER_LEN..];
        for part in &mut meta.parts {
            let (part_bytes, after) = rest.split_at(part.len as usize);
            rest = after;
            part.check = checksums.of_part(part_bytes);
        }
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| RecordTooLarge);
        let data_len = length(self.data_len())?;
        let data_end = self.bytes.len();
        match base.filter(|base| base.ends_chain() && self.refers_to(base)) {
            Some(base) => self.encode_unchained(number, base),
            None => self.meta.encode(number, &mut self.bytes),
        }
        let meta_len = length(self.bytes.len() - data_end)?;
        let check = checksums.of_meta(&self.bytes[data_end..], number);
        self.bytes.extend_from_slice(&check.to_le_bytes());
        debug_assert_eq!(self.bytes.len(), data_end + meta_len as usize + META_CHECKSUM_LEN);
        let header = RecordHeader { number, meta_len, data_len };
        Ok(SealedRecord { header, checksums, bytes: std::mem::take(&mut self.bytes) })
    }

    /// Appends the meta, in which each piece of the base is replaced by the ranges that store its bytes.
    fn encode_unchained(&mut self, number: u64, base: &BaseDocument) {
        let Self { meta, unchained, bytes, .. } = self;
        unchained.clear();
        for piece in &meta.pieces {
            match *piece {
                Piece::Data(range) => push_piece(unchained, range),
                Piece::Base { offset, len } => {
                    base.ranges().slice(offset, len, |range| push_piece(unchained, DataRange::Stored(range)));
                }
            }
        }
        // The pieces that refer to the base are still needed: they say where this document's bytes are stored.
        std::mem::swap(&mut meta.pieces, unchained);
        let chained_to = meta.base.take();
        meta.encode(number, bytes);
        meta.base = chained_to;
        std::mem::swap(&mut meta.pieces, unchained);
    }
}

fn push_piece(pieces: &mut Vec<Piece>, range: DataRange) {
    if let Some(Piece::Data(last)) = pieces.last_mut()
        && last.join(range)
    {
        return;
    }
    pieces.push(Piece::Data(range));
}

/// Why a record cannot be written: its lengths do not fit into four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a record of 4 GiB or more cannot be written")]
pub struct RecordTooLarge;

/// A record that is complete except for its header.
#[derive(Debug)]
pub struct SealedRecord {
    header: RecordHeader,
    checksums: Checksums,
    bytes: Vec<u8>,
}

impl SealedRecord {
    /// Returns the record's bytes for its place in the file.
    pub fn at(&mut self, offset: u64) -> &[u8] {
        self.bytes[..RECORD_HEADER_LEN].copy_from_slice(&self.header.encode(self.checksums, offset));
        &self.bytes
    }

    /// Returns the record's length.
    pub fn record_len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the record's number.
    pub fn number(&self) -> u64 {
        self.header.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::{FileHeader, MAX_CHAIN};

    /// Returns the meta and the data that a reader finds in a record.
    fn decoded(record: &mut SealedRecord) -> (RecordMeta, Vec<u8>) {
        let checksums = record.checksums;
        let bytes = record.at(100).to_vec();
        let header = RecordHeader::decode(&bytes, checksums, 100).expect("a sound header");
        let (data, meta) = bytes[RECORD_HEADER_LEN..].split_at(header.data_len as usize);
        let meta = &meta[..header.meta_len as usize];
        (RecordMeta::decode(meta, header.number, header.data_len).expect("a sound meta"), data.to_vec())
    }

    fn seal(record: &mut RecordBuilder, number: u64, base: Option<&BaseDocument>) -> SealedRecord {
        record.seal(number, FileHeader::new(7).checksums(), base).expect("a small record")
    }

    fn append(record: &mut RecordBuilder, kind: PartKind, text: &str) {
        record.data().extend_from_slice(text.as_bytes());
        assert!(record.own(kind).is_some());
    }

    #[test]
    fn a_record_is_what_was_put_into_it() {
        let mut record = RecordBuilder::default();
        append(&mut record, PartKind::Text, "ab");
        append(&mut record, PartKind::Text, "c");
        assert_eq!(record.own(PartKind::String), None);
        let (meta, data) = decoded(&mut seal(&mut record, 1, None));
        assert_eq!((meta.document_len, meta.base, meta.parts.len(), &data[..]), (3, None, 1, &b"abc"[..]));
        let base = BaseDocument::new(1, &record, None);

        record.clear();
        record.base(&base, 0, 1);
        record.base(&base, 1, 1);
        append(&mut record, PartKind::String, "\"x\"");
        record.stored(StoredRange { record: 1, offset: 0, len: 1 });
        record.stored(StoredRange { record: 1, offset: 1, len: 1 });
        record.base(&base, 2, 0);
        let (meta, _) = decoded(&mut seal(&mut record, 2, Some(&base)));
        let expected = [
            Piece::Base { offset: 0, len: 2 },
            Piece::Data(DataRange::Own { offset: 0, len: 3 }),
            Piece::Data(DataRange::Stored(StoredRange { record: 1, offset: 0, len: 2 })),
        ];
        assert_eq!((meta.document_len, meta.base, &meta.pieces[..]), (7, Some(1), &expected[..]));
    }

    #[test]
    fn a_chain_of_bases_ends() {
        let mut record = RecordBuilder::default();
        append(&mut record, PartKind::Text, "start");
        seal(&mut record, 0, None);
        let mut base = BaseDocument::new(0, &record, None);
        for number in 1..100 {
            record.clear();
            let len = record_len(&base);
            record.base(&base, 0, len);
            append(&mut record, PartKind::Text, "+");
            let (meta, _) = decoded(&mut seal(&mut record, number, Some(&base)));
            assert_eq!(meta.base.is_none(), number % u64::from(MAX_CHAIN) == 0, "record {number}");
            assert_eq!(meta.document_len, len + 1);
            base = BaseDocument::new(number, &record, Some(base));
        }
    }

    fn record_len(base: &BaseDocument) -> u64 {
        let mut len = 0;
        base.ranges().slice(0, 1 << 20, |range| len += range.len);
        len
    }
}
