//! The heads of requests and answers: the first line and the headers.

use std::ops::Range;

use httparse::{EMPTY_HEADER, ParserConfig, Status};

/// The most bytes of a head. Clients and servers refuse far smaller ones.
pub(super) const MAX_HEAD_BYTES: usize = 256 << 10;

/// The most headers of a head.
const MAX_HEADERS: usize = 256;

/// The headers of a request or an answer, in their order and with the case of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

/// The head of a request.
#[derive(Debug)]
pub(super) struct RequestHead {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Headers,
    /// The head as it was sent.
    raw: Vec<u8>,
    target_at: Range<usize>,
    host_at: Option<Range<usize>>,
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: u16,
    pub(super) headers: Headers,
}

/// Why bytes are no head.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum HeadError {
    #[error("the head is longer than {MAX_HEAD_BYTES} bytes")]
    TooLong,
    #[error("the head is no HTTP/1.1: {0}")]
    Malformed(httparse::Error),
}

/// The outcome of looking for a head at the beginning of bytes.
pub(super) type Found<T> = Result<Option<(T, usize)>, HeadError>;

impl Headers {
    /// Returns the value of the first header of this name, in whatever case, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns the values of all headers of this name that are text, in their order.
    pub fn all<'h, 'n>(&'h self, name: &'n str) -> impl Iterator<Item = &'h str> + use<'h, 'n> {
        self.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).filter_map(|(_, value)| value)
    }

    /// Returns the headers in their order; a value is `None` if it is not text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), str::from_utf8(value).ok()))
    }

    /// Returns whether the comma-separated values of a header contain a token.
    pub(super) fn has_token(&self, name: &str, token: &str) -> bool {
        let mut tokens = self.all(name).flat_map(|value| value.split(','));
        tokens.any(|given| given.trim().eq_ignore_ascii_case(token))
    }

    fn of(headers: &[httparse::Header<'_>]) -> Self {
        Self(headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect())
    }
}

impl<'h> FromIterator<(&'h str, &'h str)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'h str, &'h str)>>(headers: T) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect())
    }
}

impl RequestHead {
    /// Finds a request's head at the beginning of bytes. Returns `None` if more bytes are needed, and otherwise how many
    /// bytes the head has.
    pub(super) fn find(bytes: &[u8], searched: usize) -> Found<Self> {
        let Some(window) = complete(bytes, searched)? else { return Ok(None) };
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let mut config = ParserConfig::default();
        config.ignore_invalid_headers_in_requests(true);
        let length = match config.parse_request(&mut request, window) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(HeadError::Malformed(error)),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else { return Ok(None) };
        let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
        let head = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            target_at: place(bytes, target.as_bytes()),
            host_at: host.map(|host| place(bytes, host.value)),
            headers: Headers::of(request.headers),
            raw: bytes[..length].to_vec(),
        };
        Ok(Some((head, length)))
    }

    /// Returns the head with another target and host, and otherwise as it was sent, byte for byte.
    pub(super) fn redirected(&self, target: &str, host: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len() + target.len() + host.len());
        out.extend_from_slice(&self.raw[..self.target_at.start]);
        out.extend_from_slice(target.as_bytes());
        match &self.host_at {
            Some(host_at) => {
                out.extend_from_slice(&self.raw[self.target_at.end..host_at.start]);
                out.extend_from_slice(host.as_bytes());
                out.extend_from_slice(&self.raw[host_at.end..]);
            }
            None => out.extend_from_slice(&self.raw[self.target_at.end..]),
        }
        out
    }

    /// Returns whether the connection speaks another protocol if the server agrees.
    pub(super) fn wants_upgrade(&self) -> bool {
        self.headers.get("upgrade").is_some()
    }
}

impl ResponseHead {
    /// Finds an answer's head, as [`RequestHead::find`] finds a request's. What clients tolerate is tolerated.
    pub(super) fn find(bytes: &[u8], searched: usize) -> Found<Self> {
        let Some(window) = complete(bytes, searched)? else { return Ok(None) };
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let mut config = ParserConfig::default();
        config
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .ignore_invalid_headers_in_responses(true);
        match config.parse_response(&mut response, window) {
            Ok(Status::Complete(length)) => {
                let Some(status) = response.code else { return Ok(None) };
                Ok(Some((Self { status, headers: Headers::of(response.headers) }, length)))
            }
            Ok(Status::Partial) => Ok(None),
            Err(error) => Err(HeadError::Malformed(error)),
        }
    }
}

/// Returns the bytes to parse if they contain an empty line, and so the end of a head. Of the bytes, the first
/// `searched` are known to contain none, so a head that comes byte by byte is not parsed again for each.
fn complete(bytes: &[u8], searched: usize) -> Result<Option<&[u8]>, HeadError> {
    let window = &bytes[..bytes.len().min(MAX_HEAD_BYTES)];
    let from = searched.saturating_sub(3).min(window.len());
    let mut rest = &window[from..];
    while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
        rest = &rest[at + 1..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return Ok(Some(window));
        }
    }
    if window.len() < bytes.len() { Err(HeadError::TooLong) } else { Ok(None) }
}

/// Returns where a part of bytes is in them.
fn place(bytes: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_target_and_host_of_a_request_change() {
        let raw =
            b"POST  /k/a/v1?x=%20y HTTP/1.1\r\nX-B:1 \r\nhOST:  127.0.0.1:80 \r\naCCEPT: */*\r\nX-b: 2\r\n\r\nbody";
        let raw = String::from_utf8(raw.to_vec()).expect("text").replace("POST  ", "POST ");
        let (head, length) = RequestHead::find(raw.as_bytes(), 0).expect("a head").expect("complete");
        assert_eq!(&raw[length..], "body");
        assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/k/a/v1?x=%20y"));
        let redirected = String::from_utf8(head.redirected("/v1?x=%20y", "api.example.com")).expect("text");
        let wanted = raw[..length].replace("/k/a/v1", "/v1").replace("127.0.0.1:80", "api.example.com");
        assert_eq!(redirected, wanted);
    }

    #[test]
    fn a_head_is_found_wherever_it_is_cut() {
        let raw = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        for cut in 0..raw.len() - 2 {
            assert!(ResponseHead::find(&raw[..cut], 0).expect("no error").is_none(), "{cut}");
            let (head, length) = ResponseHead::find(raw, cut).expect("a head").expect("complete");
            assert_eq!((head.status, length), (200, raw.len() - 2));
        }
    }

    #[test]
    fn what_is_no_head_is_an_error() {
        assert!(matches!(ResponseHead::find(b"garbage\r\n\r\n", 0), Err(HeadError::Malformed(_))));
        assert_eq!(ResponseHead::find(&[b'a'; MAX_HEAD_BYTES + 1], 0).err(), Some(HeadError::TooLong));
        assert!(matches!(RequestHead::find(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0), Err(HeadError::Malformed(_))));
    }
}
