//! Bytes that were read from a connection and not used yet.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// How many bytes are read at once.
pub(super) const READ_BYTES: usize = 64 << 10;

/// Bytes that were read from a connection and not used yet.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    used: usize,
}

impl Buffer {
    /// Returns the bytes that were not used yet.
    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    /// Marks the first unused bytes as used.
    pub(super) fn consume(&mut self, count: usize) {
        self.used += count;
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
        }
    }

    /// Reads more bytes. Returns how many, which is 0 at the end of the stream.
    pub(super) async fn read_from(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.used > 0 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.reserve(READ_BYTES);
        reader.read_buf(&mut self.bytes).await
    }
}
