//! Rows as bytes: how they get from whoever reduces a bundle to whoever writes a table.
//!
//! A row is its values in the order of the columns. A value is a byte that says what it is, and for a text its length as a
//! variable-length integer (seven bits in each byte, the lowest first) and its bytes, for an integer eight bytes.

use crate::value::Value;

const NULL: u8 = 0;
const TEXT: u8 = 1;
const INTEGER: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;

/// Encodes rows.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
    rows: u64,
}

impl Encoder {
    pub(crate) fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Null => self.bytes.push(NULL),
            Value::Flag(flag) => self.bytes.push(if *flag { TRUE } else { FALSE }),
            Value::Integer(number) => {
                self.bytes.push(INTEGER);
                self.bytes.extend(number.to_le_bytes());
            }
            Value::Text(text) => {
                self.bytes.push(TEXT);
                let mut length = text.len();
                while length >= 0x80 {
                    self.bytes.push(length as u8 | 0x80);
                    length >>= 7;
                }
                self.bytes.push(length as u8);
                self.bytes.extend(text.as_bytes());
            }
        }
    }

    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Returns the bytes, and the number of rows.
    pub(crate) fn finish(self) -> (Vec<u8>, u64) {
        (self.bytes, self.rows)
    }
}

/// Decodes values that an [`Encoder`] has written.
#[derive(Clone, Debug)]
pub(crate) struct Decoder<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// A value, with a text as its place in the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Null,
    Text(std::ops::Range<usize>),
    Integer(i64),
    Flag(bool),
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Returns whether there is no other row.
    pub(crate) fn is_at_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }

    /// Returns how many bytes were decoded.
    #[cfg(feature = "parquet")]
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the next value. What no encoder has written is null.
    pub(crate) fn placed(&mut self) -> Placed {
        match self.byte() {
            TEXT => {
                let length = self.length();
                let start = self.offset.min(self.bytes.len());
                self.offset = start.saturating_add(length).min(self.bytes.len());
                Placed::Text(start..self.offset)
            }
            INTEGER => Placed::Integer(i64::from_le_bytes(std::array::from_fn(|_| self.byte()))),
            FALSE => Placed::Flag(false),
            TRUE => Placed::Flag(true),
            _ => Placed::Null,
        }
    }

    /// Returns the next value.
    pub(crate) fn value(&mut self) -> Value<'a> {
        match self.placed() {
            Placed::Null => Value::Null,
            Placed::Integer(number) => Value::Integer(number),
            Placed::Flag(flag) => Value::Flag(flag),
            Placed::Text(range) => Value::Text(String::from_utf8_lossy(&self.bytes[range])),
        }
    }

    fn length(&mut self) -> usize {
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.byte();
            length |= usize::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if byte & 0x80 == 0 {
                return length;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.offset).copied().unwrap_or_default();
        self.offset += 1;
        byte
    }
}

/// Returns the values of each row, of which each has `columns`.
pub(crate) fn rows(bytes: &[u8], columns: usize) -> impl Iterator<Item = Vec<Value<'_>>> {
    let mut decoder = Decoder::new(bytes);
    std::iter::from_fn(move || {
        let is_there = !decoder.is_at_end() && columns > 0;
        is_there.then(|| (0..columns).map(|_| decoder.value()).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value<'static>> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Flag),
            any::<i64>().prop_map(Value::Integer),
            ".{0,300}".prop_map(|text| Value::Text(Cow::Owned(text))),
        ]
    }

    proptest! {
        #[test]
        fn rows_come_back(values in prop::collection::vec(prop::collection::vec(value(), 3), 0..20)) {
            let mut encoder = Encoder::default();
            for row in &values {
                row.iter().for_each(|value| encoder.value(value));
                encoder.end_row();
            }
            let (bytes, count) = encoder.finish();
            prop_assert_eq!(count as usize, values.len());
            prop_assert_eq!(rows(&bytes, 3).collect::<Vec<_>>(), values);
        }

        #[test]
        fn other_bytes_are_no_harm(bytes: Vec<u8>) {
            prop_assert!(rows(&bytes, 2).count() <= bytes.len());
        }
    }
}
