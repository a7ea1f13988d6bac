//! The copies of compressed bodies, decompressed.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most bytes that a body may have when it is decompressed. A small body can expand to any size.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

/// The most bytes that a decompressor looks back, as a power of two. HTTP allows no more.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How many compressed bytes are read at once.
const PIECE: usize = 64 << 10;

/// A body without its compression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decompressed {
    /// The bytes, as far as they can be read.
    pub(crate) bytes: Vec<u8>,
    /// Why the rest cannot be read, if there is a rest.
    pub(crate) problem: Option<String>,
}

/// Decompresses a body with this header `Content-Encoding`, which names the compressions in the order in which they were
/// applied. Of a body that was cut off, everything before the cut is returned.
pub(crate) fn decompressed(body: Vec<u8>, encoding: &str) -> Decompressed {
    let names = encoding.split(',').map(|name| name.trim().to_ascii_lowercase());
    let names: Vec<String> = names.filter(|name| !matches!(name.as_str(), "" | "identity")).collect();
    let mut decompressed = Decompressed { bytes: body, problem: None };
    for name in names.iter().rev() {
        let before = std::mem::take(&mut decompressed.bytes);
        let problem = layer(name, &before, &mut decompressed.bytes);
        decompressed.problem = decompressed.problem.or(problem);
    }
    decompressed
}

/// Removes one compression. Returns why it could not be removed completely.
fn layer(name: &str, body: &[u8], out: &mut Vec<u8>) -> Option<String> {
    let mut reader: Box<dyn Read + '_> = match name {
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(body)),
        // The name means zlib, but some servers leave out its header.
        "deflate" if is_zlib(body) => Box::new(ZlibDecoder::new(body)),
        "deflate" => Box::new(DeflateDecoder::new(body)),
        "br" => Box::new(Decompressor::new(body, PIECE)),
        "zstd" => match zstd_reader(body) {
            Ok(reader) => Box::new(reader),
            Err(error) => return Some(error.to_string()),
        },
        _ => return Some(format!("the body is compressed with {name}, which cannot be read")),
    };
    match (&mut reader).take(MAX_BYTES).read_to_end(out) {
        Err(error) => Some(format!("the compressed body is cut off or damaged: {error}")),
        Ok(length) if length as u64 == MAX_BYTES => {
            Some(format!("the body has more than {MAX_BYTES} bytes when it is decompressed"))
        }
        Ok(_) => None,
    }
}

fn zstd_reader(body: &[u8]) -> io::Result<impl Read + '_> {
    let mut reader = zstd::stream::read::Decoder::with_buffer(body)?;
    reader.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(reader)
}

fn is_zlib(start: &[u8]) -> bool {
    matches!(start, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write};

    use super::*;

    fn written(mut writer: impl Write, text: &[u8]) {
        writer.write_all(text).expect("memory takes it");
        writer.flush().expect("memory takes it");
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        written(write::GzEncoder::new(&mut out, Compression::fast()), text);
        out
    }

    #[test]
    fn each_compression_is_removed() {
        let text = b"data: hello\n\n".repeat(1000);
        let (mut zlib, mut deflate) = (Vec::new(), Vec::new());
        written(write::ZlibEncoder::new(&mut zlib, Compression::fast()), &text);
        written(write::DeflateEncoder::new(&mut deflate, Compression::fast()), &text);
        let zstd = zstd::encode_all(&text[..], 1).expect("memory takes it");
        let both = gzip(&zstd);
        for (encoding, body) in [
            ("", text.clone()),
            ("identity", text.clone()),
            ("GZIP", gzip(&text)),
            ("x-gzip", [gzip(&text[..13]), gzip(&text[13..])].concat()),
            ("deflate", zlib),
            ("deflate", deflate),
            ("zstd", zstd),
            ("zstd, gzip", both),
        ] {
            assert_eq!(decompressed(body, encoding), Decompressed { bytes: text.clone(), problem: None }, "{encoding}");
        }
        // `hello` in an uncompressed block of brotli.
        let brotli = decompressed(b"\x0b\x02\x80hello\x03".to_vec(), "br");
        assert_eq!(brotli, Decompressed { bytes: b"hello".to_vec(), problem: None });
    }

    #[test]
    fn what_came_of_a_body_that_was_cut_off_counts() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for (encoding, body) in [("gzip", gzip(&text)), ("zstd", zstd::encode_all(&text[..], 1).expect("memory"))] {
            let cut = decompressed(body[..body.len() * 3 / 4].to_vec(), encoding);
            assert!(cut.problem.is_some() && !cut.bytes.is_empty() && text.starts_with(&cut.bytes), "{encoding}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (encoding, body) in [("compress", &b"x"[..]), ("gzip", b"text"), ("br", &[0x11; 99]), ("zstd", b"text")] {
            assert!(decompressed(body.to_vec(), encoding).problem.is_some(), "{encoding}");
        }
    }
}
