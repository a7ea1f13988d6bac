//! How much of an answer is taken into memory.

use reqwest::Response;

/// What is read of an error's page, of which people see the first lines.
pub(super) const ERROR_BYTES: usize = 64 << 10;

/// The longest event of a stream and the longest compacted history, far beyond what a model can say.
pub(super) const ANSWER_BYTES: usize = 64 << 20;

/// A body as far as it came, up to a length.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) end: BodyEnd,
}

/// Where the reading of a body ended.
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

/// The length of the event that is coming in a stream: events end at an empty line.
#[derive(Default)]
pub(super) struct EventLength {
    bytes: usize,
    line_has_text: bool,
    last: u8,
}

impl EventLength {
    /// Goes on by a piece of the stream, and tells whether the event that it ends in, or one before, is longer than a limit.
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
    fn events_are_measured_one_by_one_in_whatever_pieces_they_come() {
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
