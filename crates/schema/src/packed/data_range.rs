//! Ranges of the data that records store.

/// A range of the data of a record that has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRange {
    /// The record's number.
    pub record: u64,
    /// Where the range starts in the record's data.
    pub offset: u64,
    /// The number of bytes.
    pub len: u64,
}

impl StoredRange {
    /// Returns whether `next` starts where this range ends.
    pub fn goes_on_in(self, next: Self) -> bool {
        // A damaged or forged file may claim any offset.
        self.record == next.record && self.offset.wrapping_add(self.len) == next.offset
    }
}

/// A range of stored data, as a record refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataRange {
    /// A range of the data of the record itself.
    Own {
        /// Where the range starts.
        offset: u64,
        /// The number of bytes.
        len: u64,
    },
    /// A range of the data of another record.
    Stored(StoredRange),
}

impl DataRange {
    /// Returns the number of bytes.
    pub fn len(self) -> u64 {
        match self {
            Self::Own { len, .. } | Self::Stored(StoredRange { len, .. }) => len,
        }
    }

    /// Returns whether the range is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the range as any other record refers to it, where `number` is the number of the record itself.
    pub fn stored_in(self, number: u64) -> StoredRange {
        match self {
            Self::Own { offset, len } => StoredRange { record: number, offset, len },
            Self::Stored(range) => range,
        }
    }

    /// Makes the range longer by `next` if that starts where the range ends. Returns whether it did.
    pub fn join(&mut self, next: Self) -> bool {
        match (self, next) {
            (Self::Own { offset, len }, Self::Own { offset: next, len: more }) if *offset + *len == next => {
                *len += more;
                true
            }
            (Self::Stored(range), Self::Stored(next)) if range.goes_on_in(next) => {
                range.len += next.len;
                true
            }
            _ => false,
        }
    }

    /// Appends a range to `ranges`, joined with the last one if it can be.
    pub fn push(self, ranges: &mut Vec<Self>) {
        if !ranges.last_mut().is_some_and(|last| last.join(self)) {
            ranges.push(self);
        }
    }
}
