//! Walking over JSON text without building it.

use serde_json::value::RawValue;

/// A place in a JSON text.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The offset of the next byte.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Steps over this byte, if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Steps over this byte, which must come next.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.take(byte) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(found) => format!("expected `{}` at byte {}, found `{}`", byte as char, self.at, found.escape_ascii()),
            None => format!("it ends after {} bytes, where `{}` was expected", self.at, byte as char),
        })
    }

    /// Goes on somewhere else.
    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The text that is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Steps over a value and gives its text.
    pub(super) fn value(&mut self) -> Result<&'a str, String> {
        self.peek();
        let mut values = serde_json::Deserializer::from_slice(&self.bytes[self.at..]).into_iter::<&'a RawValue>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(format!("{error}, counted from byte {}", self.at)),
            None => return Err(format!("it ends after {} bytes, where a value was expected", self.at)),
        };
        self.at += values.byte_offset();
        Ok(value.get())
    }
}
