//! Tables of the shards of schema 3 in a pack.

use thiserror::Error;

use super::varint;

/// The first number of a record whose document is found by a table alone.
const FIRST_TABLED: u64 = 1 << 62;

/// The number of the table of shard 0.
const FIRST_TABLE: u64 = 1 << 63;

/// The beginning of the ids whose records have the number in the id.
const NUMBERED_ID: &str = "raw_payload:";

/// The length of a shard's record without its id and its document.
const SHARD_RECORD_BYTES: usize = 2 + 8;

/// Says which documents of a pack are the records of a shard.
///
/// ```
/// use rollout_trace_schema::packed::{ShardTable, TableEntry};
///
/// let entry = |id: &str, number| TableEntry { id: id.into(), number };
/// let table = ShardTable {
///     is_ended: true,
///     records: vec![entry("raw_payload:1", 1), entry("raw_payload:2", 2), entry("x", 1 << 62)],
/// };
/// let bytes = table.encode();
/// assert_eq!(bytes, [0, 0, 0, 1 << 1 | 1, b'x', 0]);
/// assert_eq!(ShardTable::decode(&bytes, 8 << 20)?, table);
/// # Ok::<(), rollout_trace_schema::packed::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardTable {
    /// Whether the last frame of the shard ends. A recorder that was killed leaves its last shard without an end.
    pub is_ended: bool,
    /// The records in their order.
    pub records: Vec<TableEntry>,
}

/// A record of a shard, and where in the pack its document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// The payload's id.
    pub id: Box<str>,
    /// The number of the record in the pack.
    pub number: u64,
}

/// Why a table cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct TableError(&'static str);

impl ShardTable {
    /// Returns the number of the record that holds the table of a shard. Returns `None` if no pack can have the shard,
    /// because its number is too large.
    pub fn record_number(shard: u64) -> Option<u64> {
        (shard < FIRST_TABLE).then_some(FIRST_TABLE | shard)
    }

    /// Returns the shard whose table the record with this number holds. Returns `None` if it holds something else.
    pub fn shard_of(record: u64) -> Option<u64> {
        record.checked_sub(FIRST_TABLE)
    }

    /// Returns the record number of the `index`th document without a number of its own, counted from 0.
    pub fn tabled_number(index: u64) -> u64 {
        FIRST_TABLED + index
    }

    /// Encodes the table as the document of its record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put(&mut out, u64::from(!self.is_ended));
        let mut expected = 1;
        for TableEntry { id, number } in &self.records {
            if number_of_id(id) == Some(*number) {
                varint::put(&mut out, varint::zigzag(number.wrapping_sub(expected).cast_signed()) << 1);
                expected = number + 1;
            } else {
                varint::put(&mut out, (id.len() as u64) << 1 | 1);
                out.extend_from_slice(id.as_bytes());
                varint::put(&mut out, number.wrapping_sub(FIRST_TABLED));
            }
        }
        out
    }

    /// Decodes a table.
    ///
    /// # Errors
    ///
    /// The bytes are not a table, or its shard would have more than `max_shard_bytes` without any document.
    pub fn decode(mut bytes: &[u8], max_shard_bytes: usize) -> Result<Self, TableError> {
        const CUT_OFF: TableError = TableError("the list of its records is cut off");
        const NO_NUMBER: TableError = TableError("a record has a number that no document has");
        let is_ended = match varint::take(&mut bytes) {
            Some(0) => true,
            Some(1) => false,
            _ => return Err(TableError("its beginning is unknown")),
        };
        let mut table = Self { is_ended, records: Vec::new() };
        let (mut expected, mut left) = (1_u64, max_shard_bytes);
        while !bytes.is_empty() {
            let head = varint::take(&mut bytes).ok_or(CUT_OFF)?;
            let entry = if head & 1 == 0 {
                let number = expected.checked_add_signed(varint::unzigzag(head >> 1));
                let number = number.filter(|number| *number < FIRST_TABLED).ok_or(NO_NUMBER)?;
                expected = number + 1;
                TableEntry { id: format!("{NUMBERED_ID}{number}").into(), number }
            } else {
                let len = usize::try_from(head >> 1).map_err(|_| CUT_OFF)?;
                let (id, rest) = bytes.split_at_checked(len).ok_or(CUT_OFF)?;
                bytes = rest;
                let id = str::from_utf8(id).map_err(|_| TableError("an id is not UTF-8"))?;
                let index = varint::take(&mut bytes).ok_or(CUT_OFF)?;
                let number = FIRST_TABLED.checked_add(index).filter(|number| *number < FIRST_TABLE);
                TableEntry { id: id.into(), number: number.ok_or(NO_NUMBER)? }
            };
            left = left
                .checked_sub(SHARD_RECORD_BYTES + entry.id.len())
                .ok_or(TableError("it has more records than a shard has room for"))?;
            table.records.push(entry);
        }
        Ok(table)
    }
}

/// Returns the number of the record that holds the document of `raw_payload:N`, which is N if it is below 2⁶² and has
/// no leading zeros. Returns `None` for any other id.
pub fn number_of_id(id: &str) -> Option<u64> {
    number_of_digits(id.strip_prefix(NUMBERED_ID)?)
}

/// Returns the number that these digits are, if it is below 2⁶² and has no leading zeros.
pub fn number_of_digits(digits: &str) -> Option<u64> {
    let is_usual = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|number| is_usual && *number < FIRST_TABLED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = TableEntry> {
        let tabled = (".{0,20}", 0..1_u64 << 62)
            .prop_map(|(id, index)| TableEntry { id: id.into(), number: ShardTable::tabled_number(index) });
        let numbered = prop_oneof![0..300_u64, 0..1_u64 << 62]
            .prop_map(|number| TableEntry { id: format!("raw_payload:{number}").into(), number });
        prop_oneof![numbered, tabled]
    }

    proptest! {
        #[test]
        fn tables_are_read_as_written(is_ended: bool, records in prop::collection::vec(entry(), 0..20)) {
            let table = ShardTable { is_ended, records };
            let bytes = table.encode();
            let len: usize = table.records.iter().map(|entry| entry.id.len() + SHARD_RECORD_BYTES).sum();
            prop_assert!(len == 0 || ShardTable::decode(&bytes, len - 1).is_err());
            prop_assert_eq!(ShardTable::decode(&bytes, len), Ok(table));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = ShardTable::decode(&bytes, 1 << 20);
        }
    }

    #[test]
    fn one_id_in_two_shards_has_two_numbers() {
        let records = vec![
            TableEntry { id: "raw_payload:3".into(), number: 3 },
            TableEntry { id: "raw_payload:2".into(), number: ShardTable::tabled_number(7) },
            TableEntry { id: "raw_payload:4".into(), number: 4 },
        ];
        let table = ShardTable { is_ended: false, records };
        let bytes = [&[1, 4 << 1, 13 << 1 | 1][..], b"raw_payload:2", &[7, 0]].concat();
        assert_eq!(table.encode(), bytes);
        assert_eq!(ShardTable::decode(&bytes, 1 << 10), Ok(table));
        for cut in [0, 3, 15, 16] {
            assert!(ShardTable::decode(&bytes[..cut], 1 << 10).is_err(), "{cut}");
        }
    }

    #[test]
    fn numbers_of_records() {
        assert_eq!(ShardTable::record_number(3), Some(1 << 63 | 3));
        assert_eq!(ShardTable::record_number(1 << 63), None);
        assert_eq!(ShardTable::shard_of(1 << 63 | 3), Some(3));
        assert_eq!(ShardTable::shard_of((1 << 63) - 1), None);
        for (id, number) in [
            ("raw_payload:0", Some(0)),
            ("raw_payload:12", Some(12)),
            ("raw_payload:01", None),
            ("raw_payload:+1", None),
            ("raw_payload:", None),
            ("raw_payload:4611686018427387903", Some((1 << 62) - 1)),
            ("raw_payload:4611686018427387904", None),
            ("12", None),
        ] {
            assert_eq!(number_of_id(id), number, "{id}");
        }
    }
}
