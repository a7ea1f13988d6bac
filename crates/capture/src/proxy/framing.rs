//! Where a body ends, and which of its bytes are data.

use super::head::{Headers, ResponseHead};

/// Follows a body as it passes. It says where the body ends and which bytes are data; it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// The body has ended.
    Ended,
    /// So many bytes of data follow.
    Length(u64),
    /// Chunks follow.
    Chunked(Chunk),
    /// Everything until the connection ends is data. That is also what is left of a body whose framing is broken.
    UntilClose,
}

/// Where in a chunked body the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the digits of a size, of which there was one if the flag says so.
    Size { size: u64, has_digit: bool },
    /// Behind the digits: in an extension or at the line's end.
    SizeLine { size: u64 },
    /// In the data.
    Data { left: u64 },
    /// In the line end after the data.
    DataEnd,
    /// In a line of the trailer, which is empty so far if the flag says so.
    Trailer { is_empty: bool },
}

const FIRST_CHUNK: Chunk = Chunk::Size { size: 0, has_digit: false };

impl Framing {
    /// Returns how the body of a request is framed.
    pub(super) fn of_request(headers: &Headers) -> Self {
        Self::by_headers(headers).unwrap_or(Self::Ended)
    }

    /// Returns how the body of the final answer to a request is framed.
    pub(super) fn of_response(head: &ResponseHead, method: &str) -> Self {
        if method == "HEAD" || matches!(head.status, 204 | 304) {
            return Self::Ended;
        }
        Self::by_headers(&head.headers).unwrap_or(Self::UntilClose)
    }

    fn by_headers(headers: &Headers) -> Option<Self> {
        if headers.has_token("transfer-encoding", "chunked") {
            return Some(Self::Chunked(FIRST_CHUNK));
        }
        if headers.get("transfer-encoding").is_some() {
            return Some(Self::UntilClose);
        }
        let length = headers.get("content-length")?;
        Some(match length.trim().parse() {
            Ok(0) => Self::Ended,
            Ok(length) => Self::Length(length),
            Err(_) => Self::UntilClose,
        })
    }

    pub(super) fn is_ended(&self) -> bool {
        *self == Self::Ended
    }

    /// Follows the body through the bytes that come next. Returns how many of them belong to it, and calls `data` with
    /// each run of data.
    pub(super) fn follow(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self {
                Self::Ended => break,
                Self::UntilClose => {
                    data(rest);
                    return bytes.len();
                }
                Self::Length(left) | Self::Chunked(Chunk::Data { left }) => {
                    let taken = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    data(&rest[..taken]);
                    at += taken;
                    *left -= taken as u64;
                    if *left == 0 {
                        *self = match self {
                            Self::Chunked(_) => Self::Chunked(Chunk::DataEnd),
                            _ => Self::Ended,
                        };
                    }
                }
                Self::Chunked(chunk) => {
                    at += 1;
                    *self = chunk.after(rest[0]).map_or(Self::UntilClose, |next| match next {
                        Next::Chunk(chunk) => Self::Chunked(chunk),
                        Next::End => Self::Ended,
                    });
                }
            }
        }
        at
    }
}

/// What follows a byte of a chunked body.
enum Next {
    Chunk(Chunk),
    End,
}

impl Chunk {
    /// Returns what follows this byte, which is no data, or `None` if it must not be here. As many readers do, it lets a
    /// line end without a carriage return.
    fn after(self, byte: u8) -> Option<Next> {
        let chunk = match (self, byte) {
            (Self::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16)?;
                Self::Size { size: size.checked_mul(16)?.checked_add(digit.into())?, has_digit: true }
            }
            (Self::Size { size, has_digit: true } | Self::SizeLine { size }, b'\n') => match size {
                0 => Self::Trailer { is_empty: true },
                left => Self::Data { left },
            },
            (Self::Size { size, has_digit: true }, b'\r' | b';' | b' ' | b'\t') => Self::SizeLine { size },
            (Self::SizeLine { .. }, _) => self,
            (Self::DataEnd, b'\r') => self,
            (Self::DataEnd, b'\n') => FIRST_CHUNK,
            (Self::Trailer { is_empty: true }, b'\n') => return Some(Next::End),
            (Self::Trailer { .. }, b'\n') => Self::Trailer { is_empty: true },
            (Self::Trailer { is_empty }, b'\r') => Self::Trailer { is_empty },
            (Self::Trailer { .. }, _) => Self::Trailer { is_empty: false },
            (Self::Size { .. } | Self::DataEnd | Self::Data { .. }, _) => return None,
        };
        Some(Next::Chunk(chunk))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Follows a body in pieces. Returns the data, how many bytes belong to the body, and what is left of the framing.
    fn follow(mut framing: Framing, bytes: &[u8], piece: usize) -> (Vec<u8>, usize, Framing) {
        let (mut data, mut length) = (Vec::new(), 0);
        for piece in bytes.chunks(piece) {
            let taken = framing.follow(piece, |bytes| data.extend_from_slice(bytes));
            length += taken;
            if taken < piece.len() {
                break;
            }
        }
        (data, length, framing)
    }

    #[test]
    fn extensions_and_trailers_belong_to_a_chunked_body() {
        let body = b"5;a=\"b\"\r\nhello\r\n1 \r\n!\r\n000;last\r\nx-sum: 1\r\ny: 2\r\n\r\n";
        let with_next = [&body[..], b"GET / HTTP/1.1"].concat();
        for piece in 1..with_next.len() {
            let followed = follow(Framing::Chunked(FIRST_CHUNK), &with_next, piece);
            assert_eq!(followed, (b"hello!".to_vec(), body.len(), Framing::Ended), "{piece}");
        }
    }

    #[test]
    fn broken_framing_lasts_until_the_connection_ends() {
        for broken in [&b"x\r\n"[..], b"\r\n", b"11111111111111111\r\n", b"1\r\nab\r\n"] {
            let (_, length, framing) = follow(Framing::Chunked(FIRST_CHUNK), broken, 1);
            assert_eq!((length, framing), (broken.len(), Framing::UntilClose), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn data_is_what_was_chunked(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            piece in 1_usize..50,
        ) {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend_from_slice(format!("{:x};e\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let (data, length, framing) = follow(Framing::Chunked(FIRST_CHUNK), &body, piece);
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!((length, framing), (body.len(), Framing::Ended));
        }

        #[test]
        fn any_bytes_are_followed(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..50) {
            let (whole, in_pieces) = (
                follow(Framing::Chunked(FIRST_CHUNK), &bytes, bytes.len().max(1)),
                follow(Framing::Chunked(FIRST_CHUNK), &bytes, piece),
            );
            prop_assert_eq!(whole, in_pieces);
        }
    }
}
