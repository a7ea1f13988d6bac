//! Reading the lines of a session file, whatever its length.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    sync::{Arc, Mutex, PoisonError},
};

use memchr::memchr;
use rollout_trace_schema::json_text::{BYTE_ORDER_MARK, check_nesting};
use sha2::{Digest, Sha256};

use crate::Limits;

/// How a file begins that zstd compressed.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// How many bytes are read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// A line of a session file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Text that is not blank, and that nests no deeper than the limit.
    Text {
        /// The line's number, counted from 1.
        number: u64,
        /// The text.
        text: String,
        /// Whether the line ends in a newline.
        ended: bool,
    },
    /// A line that cannot be read, and why.
    Unreadable {
        /// The line's number.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The rest of the file cannot be read, and why.
    Stopped {
        /// The number of the line that was not read.
        number: u64,
        /// What is wrong with the file.
        reason: String,
    },
}

/// How many bytes of a file were read, and their hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digested(Arc<Mutex<(u64, Sha256)>>);

impl Digested {
    /// Digests the bytes of a whole file.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let digested = Self::default();
        digested.update(bytes);
        digested
    }

    /// Digests what can be read.
    pub(crate) fn read(mut file: impl Read) -> io::Result<Self> {
        let digested = Self::default();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(digested),
                Ok(read) => digested.update(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn update(&self, bytes: &[u8]) {
        let mut digest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        digest.0 += bytes.len() as u64;
        digest.1.update(bytes);
    }

    /// Returns how many bytes were read, and their SHA-256.
    pub(crate) fn finish(&self) -> (u64, String) {
        let digest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (digest.0, hex(&digest.1.clone().finalize()))
    }
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a file and digests what is read.
struct Digesting<R> {
    file: R,
    digested: Digested,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digested.update(&buffer[..read]);
        Ok(read)
    }
}

/// Reads the lines of a file, which zstd may have compressed.
pub(crate) struct Lines {
    input: Box<dyn BufRead + Send>,
    limits: Limits,
    number: u64,
    /// The decompressed bytes that may still be read. `None` if the file is not compressed.
    left: Option<u64>,
    stopped: bool,
    digested: Digested,
}

impl Lines {
    /// Begins to read a file.
    pub(crate) fn new(file: impl Read + Send + 'static, limits: Limits) -> io::Result<Self> {
        let digested = Digested::default();
        let file = Digesting { file, digested: digested.clone() };
        let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
        let compressed = loop {
            match input.fill_buf() {
                Ok(start) => break start.starts_with(&ZSTD_MAGIC),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        let input: Box<dyn BufRead + Send> = if compressed {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, zstd::Decoder::with_buffer(input)?))
        } else {
            Box::new(input)
        };
        let left = compressed.then_some(limits.max_archive_bytes);
        Ok(Self { input, limits, number: 0, left, stopped: false, digested })
    }

    /// Returns what is known about the bytes that were read.
    pub(crate) fn digested(&self) -> Digested {
        self.digested.clone()
    }

    /// Reads a line. Returns its bytes, and whether it ends in a newline.
    fn read_line(&mut self) -> io::Result<(Vec<u8>, bool, bool)> {
        let (mut line, mut too_long) = (Vec::new(), false);
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok((line, false, too_long));
            }
            let newline = memchr(b'\n', available);
            let part = &available[..newline.unwrap_or(available.len())];
            too_long |= line.len() + part.len() > self.limits.max_payload_bytes;
            if !too_long {
                line.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(newline.is_some());
            self.input.consume(consumed);
            if let Some(left) = &mut self.left {
                *left = left
                    .checked_sub(consumed as u64)
                    .ok_or_else(|| io::Error::other("it decompresses to more than the limit (max_archive_bytes)"))?;
            }
            if newline.is_some() {
                return Ok((line, true, too_long));
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while !self.stopped {
            let number = self.number + 1;
            let (line, ended, too_long) = match self.read_line() {
                Ok(read) => read,
                Err(error) => {
                    self.stopped = true;
                    return Some(Line::Stopped { number, reason: error.to_string() });
                }
            };
            if !ended && line.is_empty() && !too_long {
                self.stopped = true;
                break;
            }
            self.number = number;
            if too_long {
                let reason = format!("it is longer than the limit of {} bytes", self.limits.max_payload_bytes);
                return Some(Line::Unreadable { number, reason });
            }
            let text = if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) } else { &line };
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            if let Err(error) = check_nesting(text, self.limits.max_nesting) {
                return Some(Line::Unreadable { number, reason: error.to_string() });
            }
            let text = String::from_utf8_lossy(text).into_owned();
            return Some(Line::Text { number, text, ended });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &'static [u8]) -> Vec<String> {
        let lines = Lines::new(bytes, Limits { max_payload_bytes: 12, ..Limits::default() }).unwrap();
        lines.map(|line| format!("{line:?}")).collect()
    }

    #[test]
    fn blank_long_and_torn_lines() {
        assert_eq!(
            lines(b"\xEF\xBB\xBFone\r\n\n  \n0123456789abc\ntorn"),
            [
                r#"Text { number: 1, text: "one", ended: true }"#,
                r#"Unreadable { number: 4, reason: "it is longer than the limit of 12 bytes" }"#,
                r#"Text { number: 5, text: "torn", ended: false }"#,
            ]
        );
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn compressed_files() {
        let mut bytes = zstd::encode_all(&b"one\ntwo\n"[..], 1).unwrap();
        let read = |bytes: &[u8]| Lines::new(io::Cursor::new(bytes.to_vec()), Limits::default()).unwrap().collect();
        let whole: Vec<Line> = read(&bytes);
        assert_eq!(whole.len(), 2);
        bytes.truncate(bytes.len() - 3);
        let cut: Vec<Line> = read(&bytes);
        assert!(matches!(cut.last(), Some(Line::Stopped { .. })), "{cut:?}");
    }
}
