//! Reading lines of the event log whose length cannot be trusted.

use std::io::{self, BufRead, ErrorKind};

use memchr::memchr;
use rollout_trace_schema::json_text::BYTE_ORDER_MARK;

/// One line of the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The line's number, counted from 1.
    pub(crate) number: u64,
    /// The text without the white space around it, or `None` if the line is longer than the limit.
    pub(crate) text: Option<&'a [u8]>,
    /// Whether the line ends in a newline.
    pub(crate) newline_terminated: bool,
}

/// Reads lines one by one into one buffer, which never grows beyond the limit.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    input: R,
    limit: usize,
    number: u64,
    offset: u64,
    buffer: Vec<u8>,
    /// Whether the input may grow, so that a line without its newline may be the beginning of one.
    grows: bool,
    /// Whether the buffer has the beginning of a line whose rest has not been written.
    is_begun: bool,
    /// Whether the line that is being read is longer than the limit.
    too_long: bool,
}

impl<R: BufRead> LineReader<R> {
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, number: 0, offset: 0, buffer: Vec::new(), grows: false, is_begun: false, too_long: false }
    }

    /// Sets whether the input may grow. While it may, a line is returned once its newline is there, and reading goes on
    /// after an end.
    pub(crate) fn set_growing(&mut self, grows: bool) {
        self.grows = grows;
    }

    /// Returns how many bytes have been read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the next line that is not blank, or `None` at the end.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if !std::mem::take(&mut self.is_begun) {
                self.buffer.clear();
                self.too_long = false;
            }
            let newline_terminated = loop {
                let available = match self.input.fill_buf() {
                    Ok(available) => available,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                if available.is_empty() {
                    break false;
                }
                let newline = memchr(b'\n', available);
                let part = &available[..newline.unwrap_or(available.len())];
                self.too_long |= self.buffer.len() + part.len() > self.limit;
                if !self.too_long {
                    self.buffer.extend_from_slice(part);
                }
                let consumed = part.len() + usize::from(newline.is_some());
                self.input.consume(consumed);
                self.offset += consumed as u64;
                if newline.is_some() {
                    break true;
                }
            };
            if !newline_terminated && (self.grows || self.buffer.is_empty() && !self.too_long) {
                self.is_begun = true;
                return Ok(None);
            }
            self.number += 1;
            if self.too_long || !self.trimmed().is_empty() {
                break Ok(Some(Line {
                    number: self.number,
                    text: (!self.too_long).then_some(self.trimmed()),
                    newline_terminated,
                }));
            }
        }
    }

    fn trimmed(&self) -> &[u8] {
        let text = &self.buffer[..];
        let text = if self.number == 1 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
        text.trim_ascii()
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: &[u8], limit: usize) -> Vec<String> {
        // The buffer is tiny, so that lines cross its end.
        let mut reader = LineReader::new(BufReader::with_capacity(3, bytes), limit);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            let text = line.text.map_or("too long".into(), |text| format!("{:?}", String::from_utf8_lossy(text)));
            lines.push(format!("{} {text}{}", line.number, if line.newline_terminated { "" } else { " torn?" }));
        }
        lines
    }

    #[test]
    fn blank_lines_and_crlf() {
        assert_eq!(lines(b"one\r\n\r\n  \n\ntwo\n", 10), ["1 \"one\"", "5 \"two\""]);
    }

    #[test]
    fn last_line_without_newline() {
        assert_eq!(lines(b"one\ntwo", 10), ["1 \"one\"", "2 \"two\" torn?"]);
    }

    #[test]
    fn byte_order_mark() {
        assert_eq!(lines(b"\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n", 10), ["1 \"one\"", "2 \"\\u{feff}two\""]);
        assert_eq!(lines(b"\xEF\xBB\xBF", 10), [""; 0]);
    }

    #[test]
    fn long_lines_are_skipped() {
        assert_eq!(lines(b"0123456789a\nb\n0123456789", 10), ["1 too long", "2 \"b\"", "3 \"0123456789\" torn?"]);
        assert_eq!(lines(b"0123456789a", 10), ["1 too long torn?"]);
    }

    #[test]
    fn a_growing_line_is_returned_once_and_whole() {
        let pieces = [&b"on"[..], b"", b"e\ntwo\nth", b"ree", b"", b"\n", b"0123456", b"789a", b"\nlast"];
        let mut reader = LineReader::new(io::Cursor::new(Vec::new()), 10);
        reader.set_growing(true);
        let mut found = Vec::new();
        let mut take = |reader: &mut LineReader<io::Cursor<Vec<u8>>>| {
            while let Some(line) = reader.next_line().unwrap() {
                let text = line.text.map(|text| String::from_utf8_lossy(text).into_owned());
                found.push((line.number, text, line.newline_terminated));
            }
            found.len()
        };
        let counts = pieces.map(|piece| {
            reader.input.get_mut().extend_from_slice(piece);
            take(&mut reader)
        });
        assert_eq!(counts, [0, 0, 2, 2, 2, 3, 3, 3, 4]);
        reader.set_growing(false);
        assert_eq!(take(&mut reader), 5);
        let text = |text: &str| Some(text.to_owned());
        let expected = [(1, text("one"), true), (2, text("two"), true), (3, text("three"), true), (4, None, true)];
        assert_eq!(found[..4], expected);
        assert_eq!(found[4], (5, text("last"), false));
    }

    #[test]
    fn nothing() {
        assert_eq!(lines(b"", 10), [""; 0]);
        assert_eq!(lines(b"\n\n", 10), [""; 0]);
    }
}
