//! Compressed bodies.

use std::io::Write;

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

/// Returns a text as brotli stores what it cannot compress.
pub(crate) fn brotli(text: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    for (number, piece) in text.chunks(1 << 16).enumerate() {
        // Each block begins with four fields: that it is not the last one, that its length has four digits, the length, and
        // that it is not compressed. In front of the first one is a bit for the size of the window.
        let header = (piece.len() - 1) << 3 | 1 << 19;
        let header = if number == 0 { header << 1 } else { header };
        stored.extend_from_slice(&header.to_le_bytes()[..3]);
        stored.extend_from_slice(piece);
    }
    // The last block is empty.
    stored.push(if text.is_empty() { 6 } else { 3 });
    stored
}
