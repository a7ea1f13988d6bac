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
}

impl<R: BufRead> LineReader<R> {
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, number: 0, offset: 0, buffer: Vec::new() }
    }

    /// Returns how many bytes have been read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the next line that is not blank, or `None` at the end.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            let mut too_long = false;
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
                too_long |= self.buffer.len() + part.len() > self.limit;
                if !too_long {
                    self.buffer.extend_from_slice(part);
                }
                let consumed = part.len() + usize::from(newline.is_some());
                self.input.consume(consumed);
                self.offset += consumed as u64;
                if newline.is_some() {
                    break true;
                }
            };
            if !newline_terminated && self.buffer.is_empty() && !too_long {
                return Ok(None);
            }
            self.number += 1;
            if too_long || !self.trimmed().is_empty() {
                break Ok(Some(Line {
                    number: self.number,
                    text: (!too_long).then_some(self.trimmed()),
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
    fn nothing() {
        assert_eq!(lines(b"", 10), [""; 0]);
        assert_eq!(lines(b"\n\n", 10), [""; 0]);
    }
}
