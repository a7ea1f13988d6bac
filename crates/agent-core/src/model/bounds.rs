//! Bounds on the memory that an answer takes.

use reqwest::Response;

/// The most bytes read of an error page, of which people see the first lines.
pub(super) const ERROR_BYTES: usize = 64 << 10;

/// The longest event of a stream and the longest compacted history, far beyond the output of any model.
pub(super) const ANSWER_BYTES: usize = 64 << 20;

/// The part of a body that has arrived, up to a limit.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) end: BodyEnd,
}

/// Why the reading of a body ended.
pub(super) enum BodyEnd {
    Whole,
    TooLong,
    Broken(reqwest::Error),
}

impl Body {
    pub(super) async fn read(mut response: Response, limit: usize) -> Self {
        let mut bytes = Vec::new();
        let end = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = limit - bytes.len();
                    bytes.extend_from_slice(&chunk[..room.min(chunk.len())]);
                    if chunk.len() > room {
                        break BodyEnd::TooLong;
                    }
                }
                Ok(None) => break BodyEnd::Whole,
                Err(error) => break BodyEnd::Broken(error),
            }
        };
        Self { bytes, end }
    }
}

/// Measures the events of a stream, which end at an empty line.
#[derive(Default)]
pub(super) struct EventLength {
    bytes: usize,
    line_has_text: bool,
    last: u8,
}

impl EventLength {
    /// Adds a piece of the stream, and returns whether any event in it exceeds a limit so far.
    pub(super) fn exceeds(&mut self, piece: &[u8], limit: usize) -> bool {
        let mut longest = 0;
        for &byte in piece {
            self.bytes += 1;
            longest = longest.max(self.bytes);
            match byte {
                b'\n' if self.last == b'\r' => {}
                b'\n' | b'\r' => {
                    if !self.line_has_text {
                        self.bytes = 0;
                    }
                    self.line_has_text = false;
                }
                _ => self.line_has_text = true,
            }
            self.last = byte;
        }
        longest > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_measured_independently_of_the_pieces_they_arrive_in() {
        let exceeds = |stream: &str, size: usize, limit: usize| {
            let mut length = EventLength::default();
            stream.as_bytes().chunks(size).any(|piece| length.exceeds(piece, limit))
        };
        for line_end in ["\n", "\r\n", "\r"] {
            let event = "event: e\ndata: 12345\n\n".replace('\n', line_end);
            for size in [1, 3, 1000] {
                assert!(!exceeds(&event.repeat(9), size, event.len() + 1), "{line_end:?} {size}");
                assert!(exceeds(&event.repeat(9), size, event.len() - 3), "{line_end:?} {size}");
                assert!(exceeds(&format!("{event}data: {}", "x".repeat(50)), size, 40), "{line_end:?} {size}");
            }
        }
    }
}
