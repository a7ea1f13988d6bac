//! Tests of compressed bodies.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

use super::*;

#[path = "../../../tests/thread/compressed.rs"]
mod compressed;

use compressed::{brotli, gzip, zlib, zstd};

fn decoded(encoding: &str, body: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(encoding);
    let mut decoded = Vec::new();
    let mut take = |decoder: &mut Decoder| {
        while let Some(piece) = decoder.next()? {
            assert!(piece.len() <= PIECE);
            decoded.extend_from_slice(piece);
        }
        Ok::<_, DecodeError>(())
    };
    for piece in body.chunks(size) {
        decoder.push(piece);
        take(&mut decoder)?;
    }
    decoder.end();
    take(&mut decoder)?;
    Ok(decoded)
}

#[test]
fn compressed_bodies_are_read_in_any_pieces() {
    let text = b"data: hello\n\n".repeat(10_000);
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(&text).unwrap();
    let deflate = deflate.finish().unwrap();
    let both = gzip(&brotli(&text));
    let (gzip, zlib, brotli, zstd) = (gzip(&text), zlib(&text), brotli(&text), zstd(&text));
    let (gzips, zstds) = ([gzip.clone(), gzip.clone()].concat(), [zstd.clone(), zstd.clone()].concat());
    for size in [1, 7, 100_000] {
        for (encoding, body, times) in [
            ("gzip", &gzip, 1),
            ("x-gzip", &gzip, 1),
            ("", &gzip, 1),
            ("GZIP", &gzips, 2),
            ("br", &gzip, 1),
            ("deflate", &zlib, 1),
            ("deflate", &deflate, 1),
            ("br", &brotli, 1),
            ("zstd", &zstd, 1),
            ("", &zstd, 1),
            ("identity", &zstd, 1),
            ("zstd", &zstds, 2),
            ("br, gzip", &both, 1),
            ("identity, br , gzip", &both, 1),
            ("gzip", &text, 1),
            ("br", &text, 1),
            ("zstd", &text, 1),
            ("utf-8", &text, 1),
            ("", &text, 1),
        ] {
            assert!(decoded(encoding, body, size).unwrap() == text.repeat(times), "{encoding} {size}");
        }
    }
    for (encoding, body) in
        [("", &b"{"[..]), ("br", b"{"), ("", &GZIP[..1]), ("", &ZSTD[..3]), ("gzip", b""), ("br", b"")]
    {
        assert_eq!(decoded(encoding, body, 1).unwrap(), body, "{encoding}");
    }
    assert_eq!(decoded("br", "é".repeat(9).as_bytes(), 15).unwrap(), "é".repeat(9).as_bytes());
}

#[test]
fn what_has_arrived_of_a_body_that_was_cut_off_counts() {
    let text = b"data: hello\n\n".repeat(30_000);
    for (encoding, body) in [("gzip", gzip(&text)), ("br", brotli(&text)), ("zstd", zstd(&text))] {
        let read = decoded(encoding, &body[..body.len() * 3 / 4], 1000).unwrap();
        assert!(!read.is_empty() && text.starts_with(&read), "{encoding}: {}", read.len());
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = decoded("compress", b"\x1f\x9d\x90...", 9).unwrap_err().to_string();
    assert_eq!(error, "the body is compressed with compress, which was not asked for and cannot be read");
    for (encoding, body) in [
        ("gzip", &[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9][..]),
        ("br", &[0x11; 99]),
        ("zstd", &[0xff; 99]),
        ("deflate", &[0xff; 99]),
        ("", b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let error = decoded(encoding, body, 99).expect_err(encoding).to_string();
        assert!(error.starts_with("the compressed body is damaged: "), "{encoding}: {error}");
    }
}

#[test]
fn a_small_body_that_expands_without_end_is_read_in_small_pieces() {
    let zeros = vec![0; 100 << 20];
    for (encoding, body) in [("zstd", zstd(&zeros)), ("gzip", gzip(&zeros))] {
        let mut decoder = Decoder::new(encoding);
        decoder.push(&body);
        for _ in 0..100 {
            assert!(decoder.next().unwrap().is_some_and(|piece| piece.len() <= PIECE), "{encoding}");
        }
    }
    // A window beyond what HTTP allows would take memory before the first byte.
    let mut wide = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(27).unwrap();
    wide.write_all(&zeros).unwrap();
    assert!(matches!(decoded("zstd", &wide.finish().unwrap(), 1000), Err(DecodeError::Damaged(_))));
}
