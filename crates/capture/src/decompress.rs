//! The copies of compressed bodies, decompressed as they come.

use std::{
    borrow::Cow,
    io::{self, Write},
    mem,
};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most bytes that a decompressor looks back, as a power of two. HTTP allows no more.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How many bytes brotli decompresses at once.
const PIECE: usize = 64 << 10;

/// How many bytes show which compression `deflate` means.
const START: usize = 2;

/// Removes the compression of a body piece by piece. Of a body that is cut off or damaged, everything before the defect
/// comes out.
pub(crate) struct Decoder {
    /// The compressions, the outermost one first.
    layers: Vec<Layer>,
    problem: Option<String>,
}

/// One compression of a body.
struct Layer {
    name: String,
    limit: usize,
    /// The beginning, until it shows which decompressor is needed.
    start: Vec<u8>,
    state: State,
}

enum State {
    Waiting,
    Open(Box<dyn Decompress>),
    /// The rest cannot be read.
    Broken,
}

/// A decompressor that writes into memory.
trait Decompress: Write + Send {
    /// Returns what was decompressed.
    fn output(&mut self) -> &mut Output;

    /// Decompresses what is left. Fails if the compressed bytes lack their end.
    fn end(&mut self) -> io::Result<()>;
}

/// Decompressed bytes. A small body can expand to any size, so there is a limit.
struct Output {
    bytes: Vec<u8>,
    left: usize,
}

impl Decoder {
    /// Makes a decoder for a body with this header `Content-Encoding`, which names the compressions in the order in which
    /// they were applied. At most `limit` bytes come out.
    pub(crate) fn new(encoding: &str, limit: usize) -> Self {
        let names = encoding.split(',').map(|name| name.trim().to_ascii_lowercase());
        let names = names.filter(|name| !matches!(name.as_str(), "" | "identity"));
        let layer = |name| Layer { name, limit, start: Vec::new(), state: State::Waiting };
        let mut layers: Vec<_> = names.map(layer).collect();
        layers.reverse();
        Self { layers, problem: None }
    }

    /// Returns whether the body is compressed.
    pub(crate) fn is_needed(&self) -> bool {
        !self.layers.is_empty()
    }

    /// Returns the decompressed bytes that the next piece of the body adds.
    pub(crate) fn push<'p>(&mut self, piece: &'p [u8]) -> Cow<'p, [u8]> {
        self.pass(piece, false)
    }

    /// Returns the decompressed bytes that were still missing at the body's end, and why there are not more.
    pub(crate) fn end(mut self) -> (Vec<u8>, Option<String>) {
        let last = self.pass(&[], true).into_owned();
        (last, self.problem)
    }

    fn pass<'p>(&mut self, piece: &'p [u8], is_end: bool) -> Cow<'p, [u8]> {
        let mut bytes = Cow::Borrowed(piece);
        for layer in &mut self.layers {
            let (mut out, mut problem) = layer.push(&bytes);
            if is_end && problem.is_none() {
                let (rest, found) = layer.end();
                out.extend_from_slice(&rest);
                problem = found;
            }
            self.problem = self.problem.take().or(problem);
            bytes = Cow::Owned(out);
        }
        bytes
    }
}

impl Layer {
    /// Returns what a piece adds, and why the rest cannot be read, if that shows here.
    fn push(&mut self, piece: &[u8]) -> (Vec<u8>, Option<String>) {
        if matches!(self.state, State::Waiting) {
            self.start.extend_from_slice(piece);
            if self.start.len() < START {
                return (Vec::new(), None);
            }
            let start = mem::take(&mut self.start);
            return match self.open(&start) {
                Some(problem) => (Vec::new(), Some(problem)),
                None => self.push(&start),
            };
        }
        self.with_open(|open| open.write_all(piece))
    }

    /// Returns what is left at the end.
    fn end(&mut self) -> (Vec<u8>, Option<String>) {
        if !self.start.is_empty() {
            let start = mem::take(&mut self.start);
            if let Some(problem) = self.open(&start) {
                return (Vec::new(), Some(problem));
            }
            let (out, problem) = self.push(&start);
            if problem.is_some() {
                return (out, problem);
            }
        }
        self.with_open(|open| open.end())
    }

    fn with_open(&mut self, run: impl FnOnce(&mut dyn Decompress) -> io::Result<()>) -> (Vec<u8>, Option<String>) {
        let State::Open(open) = &mut self.state else { return (Vec::new(), None) };
        let outcome = run(&mut **open);
        if outcome.is_err() {
            // What was decompressed before the defect may wait in a buffer.
            let _ = open.end();
        }
        let out = mem::take(&mut open.output().bytes);
        let problem = outcome.err().map(|error| {
            self.state = State::Broken;
            format!("the compressed body is cut off or damaged: {error}")
        });
        (out, problem)
    }

    /// Opens the decompressor for a body with this beginning, or returns why it cannot be decompressed.
    fn open(&mut self, start: &[u8]) -> Option<String> {
        let output = Output { bytes: Vec::new(), left: self.limit };
        let open: Box<dyn Decompress> = match self.name.as_str() {
            "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(output)),
            // The name means zlib, but some servers leave out its header.
            "deflate" if is_zlib(start) => Box::new(ZlibDecoder::new(output)),
            "deflate" => Box::new(DeflateDecoder::new(output)),
            "br" => Box::new(DecompressorWriter::new(output, PIECE)),
            "zstd" => match zstd_decoder(output) {
                Ok(decoder) => Box::new(decoder),
                Err(error) => {
                    self.state = State::Broken;
                    return Some(error.to_string());
                }
            },
            name => {
                self.state = State::Broken;
                return Some(format!("the body is compressed with {name}, which cannot be read"));
            }
        };
        self.state = State::Open(open);
        None
    }
}

type ZstdDecoder = zstd::stream::write::Decoder<'static, Output>;

fn zstd_decoder(output: Output) -> io::Result<ZstdDecoder> {
    let mut decoder = ZstdDecoder::new(output)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

fn is_zlib(start: &[u8]) -> bool {
    matches!(start, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.left);
        if taken == 0 && !bytes.is_empty() {
            return Err(io::Error::other("it is larger than the limit when it is decompressed"));
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.left -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decompress for MultiGzDecoder<Output> {
    fn output(&mut self) -> &mut Output {
        self.get_mut()
    }

    fn end(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Decompress for ZlibDecoder<Output> {
    fn output(&mut self) -> &mut Output {
        self.get_mut()
    }

    fn end(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Decompress for DeflateDecoder<Output> {
    fn output(&mut self) -> &mut Output {
        self.get_mut()
    }

    fn end(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Decompress for DecompressorWriter<Output> {
    fn output(&mut self) -> &mut Output {
        self.get_mut()
    }

    fn end(&mut self) -> io::Result<()> {
        self.close()
    }
}

impl Decompress for ZstdDecoder {
    fn output(&mut self) -> &mut Output {
        self.get_mut()
    }

    fn end(&mut self) -> io::Result<()> {
        self.do_finish()
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write};

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn written(mut writer: impl Write, text: &[u8]) {
        writer.write_all(text).expect("memory takes it");
        writer.flush().expect("memory takes it");
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        written(write::GzEncoder::new(&mut out, Compression::fast()), text);
        out
    }

    /// Decompresses a body that comes in pieces of this size.
    fn decompressed(body: &[u8], encoding: &str, piece: usize) -> (Vec<u8>, Option<String>) {
        let mut decoder = Decoder::new(encoding, LIMIT);
        let mut bytes = Vec::new();
        body.chunks(piece).for_each(|piece| bytes.extend_from_slice(&decoder.push(piece)));
        let (last, problem) = decoder.end();
        bytes.extend_from_slice(&last);
        (bytes, problem)
    }

    #[test]
    fn each_compression_is_removed_however_the_body_is_cut() {
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
            for piece in [1, 7, body.len()] {
                let (bytes, problem) = decompressed(&body, encoding, piece);
                assert!(bytes == text && problem.is_none(), "{encoding} in pieces of {piece}: {problem:?}");
            }
        }
        // `hello` in an uncompressed block of brotli.
        assert_eq!(decompressed(b"\x0b\x02\x80hello\x03", "br", 1), (b"hello".to_vec(), None));
        assert_eq!(decompressed(b"", "gzip", 1), (Vec::new(), None), "an empty body is not compressed");
    }

    #[test]
    fn everything_before_a_cut_counts() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for (encoding, body) in [("gzip", gzip(&text)), ("zstd", zstd::encode_all(&text[..], 1).expect("memory"))] {
            let (bytes, problem) = decompressed(&body[..body.len() * 3 / 4], encoding, 1000);
            assert!(problem.is_some() && !bytes.is_empty() && text.starts_with(&bytes), "{encoding}");
        }
    }

    #[test]
    fn a_body_expands_to_the_limit_at_most() {
        let text = vec![b' '; 2 * LIMIT];
        for (encoding, body) in [("gzip", gzip(&text)), ("zstd", zstd::encode_all(&text[..], 1).expect("memory"))] {
            let (bytes, problem) = decompressed(&body, encoding, body.len());
            assert!(bytes.len() == LIMIT && problem.is_some_and(|text| text.contains("limit")), "{encoding}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (encoding, body) in [("compress", &b"xx"[..]), ("gzip", b"text"), ("br", &[0x11; 99]), ("zstd", b"text")] {
            assert!(decompressed(body, encoding, 99).1.is_some(), "{encoding}");
        }
    }
}
