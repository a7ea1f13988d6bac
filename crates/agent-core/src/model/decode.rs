//! Compressed bodies, which some servers send without being asked.

use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};

/// How many compressed bytes are decompressed at once, which bounds what a small piece can expand to.
const PIECE: usize = 4 << 10;

/// The bytes by which a gzip body is recognized.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Decompresses a body, whether or not a header says that it is compressed.
pub(super) enum Decoder {
    /// The beginning, as long as it does not show whether the body is compressed.
    Undecided {
        is_deflated: bool,
        start: Vec<u8>,
    },
    Plain,
    Gzip(MultiGzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

/// A body is compressed in a way that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("the body is compressed with {0}, which was not asked for and cannot be read")]
    Unknown(String),
    #[error("the compressed body is damaged: {0}")]
    Damaged(#[source] io::Error),
}

impl Decoder {
    /// Creates a decoder for a body with this header `Content-Encoding`, which may be empty.
    pub(super) fn new(encoding: &str) -> Result<Self, DecodeError> {
        let encoding = encoding.trim().to_ascii_lowercase();
        match encoding.as_str() {
            "" | "identity" | "gzip" | "x-gzip" | "deflate" => {
                Ok(Self::Undecided { is_deflated: encoding == "deflate", start: Vec::new() })
            }
            _ => Err(DecodeError::Unknown(encoding)),
        }
    }

    /// Adds a piece of the body, and passes the decompressed pieces to `take`.
    pub(super) fn push<E: From<DecodeError>>(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self::Undecided { is_deflated, start } = self else { return self.decode(piece, &mut take) };
        start.extend_from_slice(piece);
        if start.len() < GZIP.len() {
            return Ok(());
        }
        let start = std::mem::take(start);
        *self = match start[0] {
            _ if start.starts_with(GZIP) => Self::Gzip(MultiGzDecoder::new(Vec::new())),
            0x78 if *is_deflated => Self::Deflate(ZlibDecoder::new(Vec::new())),
            _ => Self::Plain,
        };
        self.decode(&start, &mut take)
    }

    /// Ends the body.
    pub(super) fn finish<E: From<DecodeError>>(&mut self, take: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if let Self::Undecided { start, .. } = self {
            return take(start);
        }
        Ok(())
    }

    fn decode<E: From<DecodeError>>(
        &mut self,
        piece: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for piece in piece.chunks(PIECE) {
            match self {
                Self::Undecided { .. } | Self::Plain => take(piece)?,
                Self::Gzip(decoder) => {
                    let result = decoder.write_all(piece).and_then(|()| decoder.flush());
                    take(&std::mem::take(decoder.get_mut()))?;
                    result.map_err(DecodeError::Damaged)?;
                }
                Self::Deflate(decoder) => {
                    let result = decoder.write_all(piece).and_then(|()| decoder.flush());
                    take(&std::mem::take(decoder.get_mut()))?;
                    result.map_err(DecodeError::Damaged)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{
        Compression,
        write::{GzEncoder, ZlibEncoder},
    };

    use super::*;

    fn decoded(encoding: &str, body: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
        let mut decoder = Decoder::new(encoding)?;
        let mut decoded = Vec::new();
        let mut take = |piece: &[u8]| {
            decoded.extend_from_slice(piece);
            Ok::<_, DecodeError>(())
        };
        body.chunks(size).try_for_each(|piece| decoder.push(piece, &mut take))?;
        decoder.finish(&mut take)?;
        Ok(decoded)
    }

    #[test]
    fn compressed_bodies_are_read_in_any_pieces() {
        let text = b"data: hello\n\n".repeat(1000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let zlib = zlib.finish().unwrap();
        let twice = [gzip.clone(), gzip.clone()].concat();
        for size in [1, 7, 100_000] {
            for (encoding, body, times) in
                [("gzip", &gzip, 1), ("", &gzip, 1), ("GZIP", &twice, 2), ("deflate", &zlib, 1), ("gzip", &text, 1)]
            {
                assert_eq!(decoded(encoding, body, size).unwrap(), text.repeat(times), "{encoding} {size}");
            }
        }
        assert_eq!(decoded("", b"{", 1).unwrap(), b"{");
        assert_eq!(decoded("gzip", b"", 1).unwrap(), b"");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = decoded("br", b"...", 9).unwrap_err().to_string();
        assert_eq!(error, "the body is compressed with br, which was not asked for and cannot be read");
        let error = decoded("gzip", &[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9], 99).unwrap_err().to_string();
        assert!(error.starts_with("the compressed body is damaged: "), "{error}");
    }
}
