//! Compressed bodies, which some servers send without being asked.

use std::{
    io::{self, BufRead, BufReader, Read},
    mem,
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
};

use brotli_decompressor::Decompressor;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// How many bytes are decompressed at once. A small body can expand to any size.
const PIECE: usize = 64 << 10;

/// The most bytes that a decompressor looks back, as a power of two. HTTP allows no more.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How many bytes of a body show that it is text. No compressed body has so many printable characters at its beginning.
const START: usize = 16;

/// The bytes by which gzip and zstd are recognized.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Decompresses a body piece by piece, whether or not a header says that it is compressed.
pub(super) struct Decoder {
    /// The values of the header `Content-Encoding`, in the order in which they were applied.
    encodings: Vec<String>,
    /// The beginning of the compressed body, as long as it does not show how the body is compressed.
    start: Vec<u8>,
    /// The compressed pieces on their way to `body`.
    pieces: Option<Sender<Vec<u8>>>,
    body: Option<Box<dyn Read + Send>>,
    is_ended: bool,
    buffer: Vec<u8>,
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
    pub(super) fn new(encoding: &str) -> Self {
        let encodings = encoding.split(',').map(|name| name.trim().to_ascii_lowercase());
        Self {
            encodings: encodings.filter(|name| !matches!(name.as_str(), "" | "identity")).collect(),
            start: Vec::new(),
            pieces: None,
            body: None,
            is_ended: false,
            buffer: vec![0; PIECE],
        }
    }

    /// Adds a piece of the compressed body.
    pub(super) fn push(&mut self, piece: &[u8]) {
        match &self.pieces {
            // An error is impossible: the body holds the receiver.
            Some(pieces) => drop(pieces.send(piece.to_vec())),
            None => self.start.extend_from_slice(piece),
        }
    }

    /// Notes that the whole compressed body has been added.
    pub(super) fn end(&mut self) {
        self.is_ended = true;
        self.pieces = None;
    }

    /// Returns the next bytes of the body, or `None` if there are none without more of the compressed body. A body that
    /// was cut off ends where it was cut off.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        if self.body.is_none() && !self.is_ended && !self.is_recognizable() {
            return Ok(None);
        }
        let body = match &mut self.body {
            Some(body) => body,
            None => {
                let (pieces, receiver) = channel();
                let start = mem::take(&mut self.start);
                let body = opened(&self.encodings, &start, receiver)?;
                let _ = pieces.send(start);
                self.pieces = (!self.is_ended).then_some(pieces);
                self.body.insert(body)
            }
        };
        loop {
            return match body.read(&mut self.buffer) {
                Ok(0) => Ok(None),
                Ok(length) => Ok(Some(&self.buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock || self.is_ended => Ok(None),
                Err(error) => Err(DecodeError::Damaged(error)),
            };
        }
    }

    /// Returns whether the beginning shows how the body is compressed.
    fn is_recognizable(&self) -> bool {
        match self.encodings.is_empty() {
            true => ![GZIP, ZSTD].iter().any(|mark| mark.len() > self.start.len() && mark.starts_with(&self.start)),
            false => self.start.len() >= START,
        }
    }
}

/// Returns the decompressed body that begins so. The header may be wrong.
fn opened(encodings: &[String], start: &[u8], pieces: Receiver<Vec<u8>>) -> Result<Box<dyn Read + Send>, DecodeError> {
    let arrived = Arrived { pieces, piece: Vec::new(), used: 0 };
    let marked = [(GZIP, "gzip"), (ZSTD, "zstd")].into_iter().find(|(mark, _)| start.starts_with(mark));
    let outermost = encodings.last().map(|name| if name == "x-gzip" { "gzip" } else { name });
    match marked {
        Some((_, found)) if outermost != Some(found) => return layer(found, Box::new(arrived), start),
        None if is_text(&start[..start.len().min(START)]) => return Ok(Box::new(arrived)),
        _ => {}
    }
    let mut body: Box<dyn BufRead + Send> = Box::new(arrived);
    for name in encodings.iter().rev() {
        body = Box::new(BufReader::new(layer(name, body, start)?));
    }
    Ok(body)
}

/// Returns a body with one compression removed. `start` is the beginning of the outermost one.
fn layer(name: &str, body: Box<dyn BufRead + Send>, start: &[u8]) -> Result<Box<dyn Read + Send>, DecodeError> {
    Ok(match name {
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(body)),
        // The name means zlib, but some servers leave out its header.
        "deflate" if is_zlib(start) => Box::new(ZlibDecoder::new(body)),
        "deflate" => Box::new(DeflateDecoder::new(body)),
        "br" => Box::new(Decompressor::new(body, PIECE)),
        "zstd" => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(DecodeError::Damaged)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(DecodeError::Damaged)?;
            Box::new(decoder)
        }
        _ => return Err(DecodeError::Unknown(name.to_owned())),
    })
}

fn is_zlib(start: &[u8]) -> bool {
    matches!(start, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

/// Returns whether bytes are the beginning of a text.
fn is_text(start: &[u8]) -> bool {
    let is_printable = |text: &str| !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace());
    match str::from_utf8(start) {
        Ok(text) => is_printable(text),
        // The last character may be cut off.
        Err(error) => {
            error.error_len().is_none() && str::from_utf8(&start[..error.valid_up_to()]).is_ok_and(is_printable)
        }
    }
}

/// The pieces of a compressed body. Reading beyond them is an error that passes.
struct Arrived {
    pieces: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    used: usize,
}

impl BufRead for Arrived {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.piece.len() {
            match self.pieces.try_recv() {
                Ok(piece) => (self.piece, self.used) = (piece, 0),
                Err(TryRecvError::Empty) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        Ok(&self.piece[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl Read for Arrived {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
