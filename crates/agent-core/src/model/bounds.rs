//! Bounds on the memory that an answer takes.

use reqwest::Response;

use super::decode::{DecodeError, Decoder};

/// The most bytes read of an error page, of which people see the first lines.
pub(super) const ERROR_BYTES: usize = 64 << 10;

/// The longest event of a stream, the longest compacted history, and the most that the items of an answer add up to, far
/// beyond the output of any model.
pub(super) const ANSWER_BYTES: usize = 64 << 20;

/// The most items of an answer.
pub(super) const ANSWER_ITEMS: usize = 4096;

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
    Compressed(DecodeError),
}

impl From<DecodeError> for BodyEnd {
    fn from(error: DecodeError) -> Self {
        Self::Compressed(error)
    }
}

impl Body {
    pub(super) async fn read(response: Response, limit: usize) -> Self {
        let mut bytes = Vec::new();
        let end = match read(response, limit, &mut bytes).await {
            Ok(()) => BodyEnd::Whole,
            Err(end) => end,
        };
        Self { bytes, end }
    }
}

async fn read(mut response: Response, limit: usize, bytes: &mut Vec<u8>) -> Result<(), BodyEnd> {
    let mut decoder = decoder(&response);
    let mut is_whole = false;
    loop {
        while let Some(piece) = decoder.next()? {
            let room = limit - bytes.len();
            bytes.extend_from_slice(&piece[..room.min(piece.len())]);
            if piece.len() > room {
                return Err(BodyEnd::TooLong);
            }
        }
        if is_whole {
            return Ok(());
        }
        match response.chunk().await.map_err(BodyEnd::Broken)? {
            Some(piece) => decoder.push(&piece),
            None => {
                decoder.end();
                is_whole = true;
            }
        }
    }
}

/// Returns the decoder for a response's body.
pub(super) fn decoder(response: &Response) -> Decoder {
    let values = response.headers().get_all("content-encoding").into_iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    Decoder::new(&values.join(","))
}
