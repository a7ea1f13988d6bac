//! The messages in the bytes of a WebSocket that pass (RFC 6455), also compressed ones (RFC 7692).

use flate2::{Decompress, FlushDecompress};

/// What a compressed message lacks at its end.
const LAST_BLOCK: [u8; 4] = [0, 0, 0xff, 0xff];

/// How many bytes are decompressed at once.
const PIECE: usize = 64 << 10;

const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;

/// The longest head of a frame: two bytes, eight of the length, four of the mask.
const MAX_HEAD: usize = 14;

/// Finds the messages that one side of a WebSocket sends.
#[derive(Debug)]
pub(crate) struct Messages {
    frame: Frame,
    /// The data of the message so far, as it was sent.
    message: Vec<u8>,
    kind: Option<MessageKind>,
    /// `None` if the sides have not agreed on compression. It spans all messages.
    inflate: Option<Decompress>,
    limit: usize,
}

/// Where in a frame the next byte is.
#[derive(Debug)]
enum Frame {
    /// In its head, of which this has come.
    Head(Vec<u8>),
    Data {
        left: u64,
        mask: Option<[u8; 4]>,
        /// How many bytes of the frame's data have come.
        came: usize,
        is_last: bool,
        /// Whether the frame belongs to a message, and not to the connection.
        is_message: bool,
    },
    /// The bytes make no sense, or the connection is closed.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct MessageKind {
    is_text: bool,
    is_compressed: bool,
}

/// Why no more messages can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebSocketError {
    #[error("a frame is malformed")]
    Malformed,
    #[error("a compressed message is damaged")]
    Damaged,
    #[error("a message is larger than what is recorded of one")]
    TooLarge,
}

impl Messages {
    /// Makes a reader of messages of at most `limit` bytes. `extensions` is the header `Sec-WebSocket-Extensions` of the
    /// answer that opened the WebSocket.
    pub(crate) fn new(extensions: &str, limit: usize) -> Self {
        let is_deflate =
            |extension: &str| extension.split(';').next().is_some_and(|name| name.trim() == "permessage-deflate");
        let inflate = extensions.split(',').any(is_deflate).then(|| Decompress::new(false));
        Self { frame: Frame::Head(Vec::new()), message: Vec::new(), kind: None, inflate, limit }
    }

    /// Reads the next bytes, and calls `each` with every text message that they end. Once this has failed, no more
    /// messages are found.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), WebSocketError> {
        while !bytes.is_empty() {
            match self.read(bytes, &mut each) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) => {
                    *self = Self { frame: Frame::Over, message: Vec::new(), kind: None, inflate: None, limit: 0 };
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Reads a part of the bytes, and returns how many.
    fn read(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8])) -> Result<usize, WebSocketError> {
        match &mut self.frame {
            Frame::Over => Ok(bytes.len()),
            Frame::Head(head) => {
                let before = head.len();
                head.extend_from_slice(&bytes[..bytes.len().min(MAX_HEAD - before)]);
                let Some(length) = head_length(head).filter(|length| head.len() >= *length) else {
                    return Ok(head.len() - before);
                };
                let head = head[..length].to_vec();
                self.begin_frame(&head)?;
                self.end_frame_if_complete(each)?;
                Ok(length - before)
            }
            Frame::Data { left, mask, came, is_message, .. } => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                if *is_message {
                    if self.message.len() + taken > self.limit {
                        return Err(WebSocketError::TooLarge);
                    }
                    let data = &bytes[..taken];
                    match mask {
                        Some(mask) => {
                            let masked = data.iter().zip(*came..);
                            self.message.extend(masked.map(|(byte, at)| byte ^ mask[at % mask.len()]));
                        }
                        None => self.message.extend_from_slice(data),
                    }
                }
                *came += taken;
                *left -= taken as u64;
                self.end_frame_if_complete(each)?;
                Ok(taken)
            }
        }
    }

    /// Begins a frame with this head.
    fn begin_frame(&mut self, head: &[u8]) -> Result<(), WebSocketError> {
        const LAST: u8 = 0x80;
        const COMPRESSED: u8 = 0x40;
        const CLOSE: u8 = 8;
        let (first, kind) = (head[0], head[0] & 0x0f);
        let mask_at = head.len() - if is_masked(head) { 4 } else { 0 };
        let left = match &head[2..mask_at] {
            [] => u64::from(head[1] & 0x7f),
            long => long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        let is_message = kind < CLOSE;
        if is_message {
            match (kind, &self.kind) {
                (CONTINUATION, Some(_)) => {}
                (CONTINUATION, None) | (_, Some(_)) => return Err(WebSocketError::Malformed),
                (kind, None) => {
                    let is_compressed = first & COMPRESSED != 0;
                    if is_compressed && self.inflate.is_none() {
                        return Err(WebSocketError::Malformed);
                    }
                    self.kind = Some(MessageKind { is_text: kind == TEXT, is_compressed });
                }
            }
        }
        let mask = head[mask_at..].try_into().ok();
        self.frame = match kind {
            CLOSE => Frame::Over,
            _ => Frame::Data { left, mask, came: 0, is_last: first & LAST != 0, is_message },
        };
        Ok(())
    }

    fn end_frame_if_complete(&mut self, each: &mut impl FnMut(&[u8])) -> Result<(), WebSocketError> {
        let Frame::Data { left: 0, is_last, is_message, .. } = self.frame else { return Ok(()) };
        self.frame = Frame::Head(Vec::new());
        if !is_last || !is_message {
            return Ok(());
        }
        let Some(kind) = self.kind.take() else { return Err(WebSocketError::Malformed) };
        let mut message = std::mem::take(&mut self.message);
        if let (true, Some(inflate)) = (kind.is_compressed, &mut self.inflate) {
            message.extend_from_slice(&LAST_BLOCK);
            message = inflated(inflate, &message, self.limit)?;
        }
        if kind.is_text {
            each(&message);
        }
        Ok(())
    }
}

fn is_masked(head: &[u8]) -> bool {
    head[1] & 0x80 != 0
}

/// Returns how many bytes the head of a frame has that begins so, or `None` if that does not show yet.
fn head_length(start: &[u8]) -> Option<usize> {
    let length = match start.get(1)? & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    Some(2 + length + if is_masked(start) { 4 } else { 0 })
}

/// Decompresses a message.
fn inflated(inflate: &mut Decompress, mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, WebSocketError> {
    let mut out = Vec::new();
    loop {
        if out.len() == out.capacity() {
            out.reserve(PIECE);
        }
        let (read, written) = (inflate.total_in(), inflate.total_out());
        inflate.decompress_vec(bytes, &mut out, FlushDecompress::Sync).map_err(|_| WebSocketError::Damaged)?;
        let read = usize::try_from(inflate.total_in() - read).map_err(|_| WebSocketError::Damaged)?;
        bytes = &bytes[read..];
        if out.len() > limit {
            return Err(WebSocketError::TooLarge);
        }
        if read == 0 && inflate.total_out() == written {
            return if bytes.is_empty() { Ok(out) } else { Err(WebSocketError::Damaged) };
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    const LIMIT: usize = 1 << 20;

    /// Makes a frame.
    fn frame(first: u8, data: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let mask_bit = if mask.is_some() { 0x80 } else { 0 };
        let mut frame = vec![first];
        match data.len() {
            short @ 0..126 => frame.push(mask_bit | short as u8),
            middle @ 126..0x1_0000 => {
                frame.push(mask_bit | 126);
                frame.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                frame.push(mask_bit | 127);
                frame.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        frame.extend(mask.into_iter().flatten());
        frame.extend(data.iter().zip(0..).map(|(byte, at)| byte ^ mask.map_or(0, |mask| mask[at % 4])));
        frame
    }

    fn messages(extensions: &str, bytes: &[u8], piece: usize) -> (Vec<String>, Result<(), WebSocketError>) {
        let (mut reader, mut found) = (Messages::new(extensions, LIMIT), Vec::new());
        let outcome = bytes.chunks(piece).try_for_each(|piece| {
            reader.push(piece, |message| found.push(String::from_utf8_lossy(message).into_owned()))
        });
        (found, outcome)
    }

    #[test]
    fn messages_are_found_however_they_are_cut() {
        let mask = Some([1, 2, 3, 250]);
        let long = "x".repeat(70_000);
        let bytes = [
            frame(0x81, b"one", mask),
            frame(0x01, b"t", mask),
            frame(0x89, b"a ping between", mask),
            frame(0x80, b"wo", mask),
            frame(0x82, b"binary", mask),
            frame(0x81, "y".repeat(200).as_bytes(), None),
            frame(0x81, long.as_bytes(), mask),
            frame(0x81, b"", None),
            frame(0x88, b"\x03\xe8bye", mask),
            frame(0x81, b"nothing counts after the close", mask),
        ]
        .concat();
        for piece in [1, 3, 1000, bytes.len()] {
            let (found, outcome) = messages("", &bytes, piece);
            assert_eq!(outcome, Ok(()));
            assert_eq!(found, ["one", "two", &"y".repeat(200), &long, ""], "in pieces of {piece}");
        }
    }

    #[test]
    fn compression_spans_messages() {
        let mut deflate = Compress::new(Compression::fast(), false);
        let mut compressed = |text: &str| {
            let mut out = Vec::with_capacity(text.len() + 100);
            deflate.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).expect("memory takes it");
            assert!(out.ends_with(&LAST_BLOCK));
            out.truncate(out.len() - LAST_BLOCK.len());
            out
        };
        let text = r#"{"type":"response.create"}"#.repeat(20_000);
        let [first, second] = [compressed(&text), compressed(&text)];
        assert!(second.len() <= first.len());
        let bytes = [
            frame(0x41, &first[..5], None),
            frame(0x80, &first[5..], None),
            frame(0xc1, &second, Some([9; 4])),
            frame(0x81, b"plain", None),
        ]
        .concat();
        for piece in [1, bytes.len()] {
            let (found, outcome) = messages("permessage-deflate; client_max_window_bits=15", &bytes, piece);
            assert_eq!(outcome, Ok(()));
            assert!(found == [text.as_str(), &text, "plain"], "in pieces of {piece}");
        }
        assert_eq!(messages("", &bytes, 9).1, Err(WebSocketError::Malformed), "nobody agreed on compression");
    }

    #[test]
    fn what_is_no_websocket_ends_the_search() {
        let bomb = {
            let mut deflate = Compress::new(Compression::fast(), false);
            let mut out = Vec::with_capacity(1 << 20);
            deflate.compress_vec(&vec![0; 2 * LIMIT], &mut out, FlushCompress::Sync).expect("memory takes it");
            frame(0xc1, &out, None)
        };
        for (bytes, error) in [
            (frame(0x80, b"continues nothing", None), WebSocketError::Malformed),
            ([frame(0x01, b"a", None), frame(0x81, b"b", None)].concat(), WebSocketError::Malformed),
            (frame(0xc1, b"\xff\xff\xff", None), WebSocketError::Damaged),
            ([0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0].repeat(LIMIT), WebSocketError::TooLarge),
            (bomb, WebSocketError::TooLarge),
        ] {
            let (found, outcome) = messages("permessage-deflate", &bytes, 1 << 10);
            assert_eq!((found.len(), outcome), (0, Err(error)));
        }
    }
}
