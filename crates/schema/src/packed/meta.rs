//! The description of a record: what its data and its document consist of.

use thiserror::Error;

use super::{DataRange, StoredRange, varint};

/// What the bytes of a part are. This decides which mark can replace them if they are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Any text.
    Text,
    /// A whole JSON string.
    String,
    /// An array's first element, or its beginning.
    FirstElement,
    /// A comma and an array's later element, or its beginning.
    LaterElement,
    /// The rest of the preceding element.
    RestOfElement,
    /// The text between a JSON string's quotes, or some of it.
    InString,
}

impl PartKind {
    const ALL: [Self; 6] =
        [Self::Text, Self::String, Self::FirstElement, Self::LaterElement, Self::RestOfElement, Self::InString];
}

/// A run of a record's data with a checksum of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the bytes are.
    pub kind: PartKind,
    /// The number of bytes.
    pub len: u64,
    /// [Their checksum](super::Checksums::of_part).
    pub check: u32,
}

/// A run of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the base's document.
    Base {
        /// Where the piece starts in that document.
        offset: u64,
        /// The number of bytes.
        len: u64,
    },
    /// Bytes that a record stores as data. Ranges of the record's own data follow one another without gaps.
    Data(DataRange),
}

impl Piece {
    /// Returns the number of bytes.
    pub fn len(self) -> u64 {
        match self {
            Self::Base { len, .. } => len,
            Self::Data(range) => range.len(),
        }
    }

    /// Returns whether the piece is empty. No sound record has such a piece.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The description of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordMeta {
    /// The document's length.
    pub document_len: u64,
    /// The number of the record whose document [`Piece::Base`] refers to.
    pub base: Option<u64>,
    /// The parts that divide the data.
    pub parts: Vec<Part>,
    /// The pieces that make up the document.
    pub pieces: Vec<Piece>,
}

/// Why a meta cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct MetaError(&'static str);

impl RecordMeta {
    /// Appends the meta of the record with this number.
    pub fn encode(&self, number: u64, out: &mut Vec<u8>) {
        varint::put(out, self.document_len);
        varint::put(out, self.base.map_or(0, |base| number.wrapping_sub(base)));
        varint::put(out, self.parts.len() as u64);
        for part in &self.parts {
            varint::put(out, part.len << 3 | part.kind as u64);
            out.extend_from_slice(&part.check.to_le_bytes());
        }
        if matches!(self.pieces[..], [] | [Piece::Data(DataRange::Own { .. })]) {
            varint::put(out, 0);
            return;
        }
        varint::put(out, self.pieces.len() as u64);
        let mut base_end = 0_u64;
        for piece in &self.pieces {
            match *piece {
                Piece::Data(DataRange::Own { len, .. }) => varint::put(out, len << 2),
                Piece::Base { offset, len } => {
                    varint::put(out, len << 2 | 1);
                    varint::put(out, varint::zigzag(offset.wrapping_sub(base_end).cast_signed()));
                    base_end = offset + len;
                }
                Piece::Data(DataRange::Stored(StoredRange { record, offset, len })) => {
                    varint::put(out, len << 2 | 2);
                    varint::put(out, varint::zigzag(record.wrapping_sub(number).cast_signed()));
                    varint::put(out, offset);
                }
            }
        }
    }

    /// Reads the meta of the record with this number, whose data has `data_len` bytes.
    ///
    /// # Errors
    ///
    /// The bytes are not a meta, or its numbers contradict one another.
    pub fn decode(bytes: &[u8], number: u64, data_len: u32) -> Result<Self, MetaError> {
        let mut rest = bytes;
        let mut next = || varint::take(&mut rest).ok_or(MetaError("the record's description is cut off"));
        let document_len = next()?;
        let base = match next()? {
            0 => None,
            distance => Some(number.checked_sub(distance).ok_or(MetaError("the base has no number"))?),
        };
        let part_count = next()?;
        let mut meta = Self { document_len, base, parts: Vec::new(), pieces: Vec::new() };
        let mut parts_len = 0_u64;
        for _ in 0..part_count {
            let head = varint::take(&mut rest).ok_or(MetaError("the list of parts is cut off"))?;
            let kind = *PartKind::ALL.get((head & 7) as usize).ok_or(MetaError("a part has an unknown kind"))?;
            let (check, after) = rest.split_first_chunk().ok_or(MetaError("the list of parts is cut off"))?;
            rest = after;
            let len = head >> 3;
            parts_len = parts_len.saturating_add(len);
            meta.parts.push(Part { kind, len, check: u32::from_le_bytes(*check) });
        }
        let data_len = u64::from(data_len);
        if parts_len != data_len {
            return Err(MetaError("the parts do not add up to the data"));
        }
        let own_len = meta.decode_pieces(rest, number)?;
        if meta.pieces.is_empty() && data_len > 0 {
            meta.pieces.push(Piece::Data(DataRange::Own { offset: 0, len: data_len }));
        } else if own_len != data_len {
            return Err(MetaError("the pieces do not add up to the data"));
        }
        if meta.pieces.iter().map(|piece| piece.len()).fold(0, u64::saturating_add) != document_len {
            return Err(MetaError("the pieces do not add up to the document"));
        }
        Ok(meta)
    }

    /// Reads the pieces. Returns how many bytes of the record's own data they have.
    fn decode_pieces(&mut self, mut rest: &[u8], number: u64) -> Result<u64, MetaError> {
        const CUT_OFF: MetaError = MetaError("the list of pieces is cut off");
        let count = varint::take(&mut rest).ok_or(CUT_OFF)?;
        let (mut base_end, mut own_end) = (0_u64, 0_u64);
        for _ in 0..count {
            let head = varint::take(&mut rest).ok_or(CUT_OFF)?;
            let len = head >> 2;
            if len == 0 {
                return Err(MetaError("a piece is empty"));
            }
            self.pieces.push(match head & 3 {
                0 => {
                    let offset = own_end;
                    own_end = own_end.saturating_add(len);
                    Piece::Data(DataRange::Own { offset, len })
                }
                1 if self.base.is_some() => {
                    let moved = varint::unzigzag(varint::take(&mut rest).ok_or(CUT_OFF)?);
                    let offset =
                        base_end.checked_add_signed(moved).ok_or(MetaError("a piece lies outside the base"))?;
                    base_end = offset.checked_add(len).ok_or(MetaError("a piece lies outside the base"))?;
                    Piece::Base { offset, len }
                }
                2 => {
                    let moved = varint::unzigzag(varint::take(&mut rest).ok_or(CUT_OFF)?);
                    let record = number.checked_add_signed(moved).ok_or(MetaError("a piece has no record"))?;
                    let offset = varint::take(&mut rest).ok_or(CUT_OFF)?;
                    Piece::Data(DataRange::Stored(StoredRange { record, offset, len }))
                }
                _ => return Err(MetaError("a piece has an unknown source")),
            });
        }
        if rest.is_empty() { Ok(own_end) } else { Err(MetaError("something follows the list of pieces")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part() -> impl Strategy<Value = Part> {
        (0..5_usize, 1..5000_u64, any::<u32>()).prop_map(|(kind, len, check)| Part {
            kind: PartKind::ALL[kind],
            len,
            check,
        })
    }

    fn own(offset: u64, len: u64) -> Piece {
        Piece::Data(DataRange::Own { offset, len })
    }

    fn stored(record: u64, offset: u64, len: u64) -> Piece {
        Piece::Data(DataRange::Stored(StoredRange { record, offset, len }))
    }

    fn piece() -> impl Strategy<Value = Piece> {
        prop_oneof![
            (0..1_u64 << 40, 1..1_u64 << 20).prop_map(|(offset, len)| Piece::Base { offset, len }),
            (0..1_u64 << 40, 0..1_u64 << 40, 1..1_u64 << 20)
                .prop_map(|(record, offset, len)| stored(record, offset, len)),
        ]
    }

    proptest! {
        #[test]
        fn metas_are_read_as_written(number in 1..1_u64 << 40, parts in prop::collection::vec(part(), 0..20),
                           mut pieces in prop::collection::vec(piece(), 0..20), cut in 0..100_usize) {
            let data_len: u64 = parts.iter().map(|part| part.len).sum();
            if data_len > 0 {
                pieces.insert(0, own(0, data_len));
            }
            let document_len = pieces.iter().map(|piece| piece.len()).sum();
            let meta = RecordMeta { document_len, base: Some(number - 1), parts, pieces };
            let mut bytes = Vec::new();
            meta.encode(number, &mut bytes);
            let data_len = u32::try_from(data_len).expect("small");
            prop_assert_eq!(RecordMeta::decode(&bytes, number, data_len), Ok(meta));
            let cut = cut % bytes.len();
            prop_assert!(RecordMeta::decode(&bytes[..cut], number, data_len).is_err());
            prop_assert!(RecordMeta::decode(&bytes, number, data_len + 1).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, number: u64, data_len: u32) {
            let _ = RecordMeta::decode(&bytes, number, data_len);
        }
    }

    #[test]
    fn lengths_whose_sum_overflows_are_refused() {
        let part = Part { kind: PartKind::Text, len: 1 << 60, check: 0 };
        let meta = RecordMeta { document_len: 0, base: None, parts: vec![part; 16], pieces: Vec::new() };
        let mut bytes = Vec::new();
        meta.encode(1, &mut bytes);
        assert!(RecordMeta::decode(&bytes, 1, 0).is_err());
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let meta = RecordMeta {
            document_len: 309,
            base: Some(5),
            parts: vec![Part { kind: PartKind::LaterElement, len: 2, check: 0x0403_0201 }],
            pieces: vec![
                Piece::Base { offset: 0, len: 300 },
                own(0, 2),
                stored(4, 9, 3),
                Piece::Base { offset: 299, len: 4 },
            ],
        };
        let mut bytes = Vec::new();
        meta.encode(7, &mut bytes);
        #[rustfmt::skip]
        assert_eq!(bytes, [
            0xb5, 0x02, 2,
            1, 2 << 3 | 3, 1, 2, 3, 4,
            4, 0xb1, 0x09, 0, 2 << 2, 3 << 2 | 2, 5, 9, 4 << 2 | 1, 1,
        ]);
    }
}
