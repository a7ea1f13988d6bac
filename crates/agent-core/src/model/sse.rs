//! The framing of server-sent events.

use std::mem;

/// The most bytes kept of lines that belong to no event.
const STRAY_BYTES: usize = 64 << 10;

/// One event of a stream.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Frame {
    /// The event's name, empty if it has none.
    pub(super) name: String,
    pub(super) data: String,
}

/// An event exceeds the limit.
#[derive(Debug, PartialEq)]
pub(super) struct TooLong;

/// Splits a stream into events, in whatever pieces it arrives.
///
/// Lines may end in any of the three ways, bytes that are not UTF-8 are replaced, and the last event needs no empty line
/// after it.
#[derive(Debug)]
pub(super) struct Frames {
    limit: usize,
    line: Vec<u8>,
    last: u8,
    is_first_line: bool,
    name: String,
    data: Option<String>,
    /// The bytes of the current event so far, without comments.
    bytes: usize,
    stray: String,
}

impl Frames {
    /// Creates a reader of a stream whose events have at most `limit` bytes each.
    pub(super) fn new(limit: usize) -> Self {
        let (line, name, stray) = (Vec::new(), String::new(), String::new());
        Self { limit, line, last: 0, is_first_line: true, name, data: None, bytes: 0, stray }
    }

    /// Adds a piece of the stream, and passes the events that it completes to `take`.
    pub(super) fn push(&mut self, piece: &[u8], mut take: impl FnMut(Frame)) -> Result<(), TooLong> {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (start, line_end) = (&rest[..end], rest[end]);
            self.add(start)?;
            // The second half of a line end belongs to the line before.
            if start.is_empty() && line_end == b'\n' && self.last == b'\r' {
                self.bytes += usize::from(self.bytes > 0);
            } else {
                self.bytes += 1;
                self.take_line(&mut take);
            }
            self.check_length()?;
            self.last = line_end;
            rest = &rest[end + 1..];
        }
        self.add(rest)
    }

    /// Ends the stream, and returns its last event if no empty line has ended that.
    pub(super) fn finish(&mut self) -> Option<Frame> {
        let mut last = None;
        if !self.line.is_empty() {
            self.take_line(&mut |frame| last = Some(frame));
        }
        self.take_line(&mut |frame| last = Some(frame));
        last
    }

    /// Returns the lines that belong to no event, such as an error page in place of a stream.
    pub(super) fn stray(&self) -> &str {
        self.stray.trim()
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if !bytes.is_empty() {
            self.last = 0;
            self.line.extend_from_slice(bytes);
            self.bytes += bytes.len();
        }
        self.check_length()
    }

    fn check_length(&self) -> Result<(), TooLong> {
        if self.bytes > self.limit { Err(TooLong) } else { Ok(()) }
    }

    fn take_line(&mut self, take: &mut impl FnMut(Frame)) {
        let bytes = mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let mut line = &*line;
        if mem::take(&mut self.is_first_line) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            let name = mem::take(&mut self.name);
            self.bytes = 0;
            if let Some(data) = self.data.take() {
                take(Frame { name, data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim() {
            // A comment, which is no part of an event.
            "" => self.bytes = self.bytes.saturating_sub(bytes.len() + 1),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.trim().clone_into(&mut self.name),
            "id" | "retry" => {}
            _ if self.stray.len() + line.len() < STRAY_BYTES => {
                self.stray.push_str(line);
                self.stray.push('\n');
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the events of a stream as `name=data`, and the lines that belong to none.
    fn read(stream: &[u8], size: usize) -> (Vec<String>, String) {
        let mut frames = Frames::new(1 << 20);
        let mut read = Vec::new();
        let mut take = |frame: Frame| read.push(format!("{}={}", frame.name, frame.data));
        stream.chunks(size).for_each(|piece| frames.push(piece, &mut take).unwrap());
        frames.finish().into_iter().for_each(take);
        (read, frames.stray().to_owned())
    }

    #[test]
    fn events_are_separated_by_empty_lines() {
        for (stream, events) in [
            ("event: a\ndata: 1\n\ndata: 2\n\n", vec!["a=1", "=2"]),
            ("data:1\ndata: 2\n\n", vec!["=1\n2"]),
            ("data\n\n", vec!["="]),
            ("\u{feff}data: 1\n\n", vec!["=1"]),
            (": comment\n\n\n\nid: 7\nretry: 5\ndata: 1\n\n", vec!["=1"]),
            ("event: a\n\ndata: 1\n\n", vec!["=1"]),
            ("data: 1\n\nevent: a\ndata: 2\n", vec!["=1", "a=2"]),
            ("data: 1\n\nevent: a\ndata: 2", vec!["=1", "a=2"]),
            ("data: 1\n\nevent: a", vec!["=1"]),
            ("", vec![]),
        ] {
            for line_end in ["\n", "\r\n", "\r"] {
                let stream = stream.replace('\n', line_end);
                for size in [1, 2, 3, 1000] {
                    assert_eq!(read(stream.as_bytes(), size).0, events, "{stream:?} in pieces of {size}");
                }
            }
        }
        assert_eq!(read(b"data: caf\xff\n\n", 2).0, ["=caf\u{fffd}"]);
        assert_eq!(read("data: é\n\n".as_bytes(), 1).0, ["=é"]);
    }

    #[test]
    fn other_lines_are_kept_apart() {
        let (events, stray) = read(b"data: 1\n\n{\"error\":\n \"why\"}\n", 4);
        assert_eq!((events.as_slice(), stray.as_str()), (["=1".to_owned()].as_slice(), "{\"error\":\n \"why\"}"));
        let endless = "x".repeat(1000) + "\n";
        assert!(read(endless.repeat(100).as_bytes(), 1000).1.len() <= STRAY_BYTES);
    }

    #[test]
    fn events_are_measured_independently_of_the_pieces_they_arrive_in() {
        let exceeds = |stream: &str, size: usize, limit: usize| {
            let mut frames = Frames::new(limit);
            stream.as_bytes().chunks(size).any(|piece| frames.push(piece, |_| {}).is_err())
        };
        for line_end in ["\n", "\r\n", "\r"] {
            let event = "event: e\ndata: 12345\n\n".replace('\n', line_end);
            for size in [1, 3, 1000] {
                assert!(!exceeds(&event.repeat(9), size, event.len() + 1), "{line_end:?} {size}");
                assert!(exceeds(&event.repeat(9), size, event.len() - 3), "{line_end:?} {size}");
                assert!(exceeds(&format!("{event}data: {}", "x".repeat(50)), size, 40), "{line_end:?} {size}");
                let comments = format!(": 123456789{line_end}").repeat(9);
                assert!(!exceeds(&comments, size, 20), "{line_end:?} {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(stream in r"(data: |event: |: |\{|[ab:é]|\n|\r|\n\n){0,60}", size in 1..9_usize) {
            prop_assert_eq!(read(stream.as_bytes(), size), read(stream.as_bytes(), 1 << 20));
        }
    }
}
