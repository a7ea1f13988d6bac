//! The stream of an answer.

use reqwest::Response;

use super::{
    ModelError, ResponseEvent,
    bounds::{ANSWER_BYTES, ERROR_BYTES, decoder},
    complaint::Complaint,
    decode::{DecodeError, Decoder},
    document,
    reader::Reader,
    sse::{Frames, TooLong},
};
use crate::error_text::error_text;

/// The stream of an answer.
pub(crate) struct Stream {
    pub(crate) upstream_request_id: Option<String>,
    response: Response,
    decoder: Decoder,
    content: Content,
    /// Why the stream has ended, if it has.
    end: Option<ModelError>,
}

/// What a body turns out to be.
enum Content {
    /// Nothing but spaces so far.
    Unknown,
    Events(Box<(Frames, Reader)>),
    /// A document, whatever its content type says.
    Document(Vec<u8>),
}

impl Stream {
    pub(super) fn new(response: Response, upstream_request_id: Option<String>) -> Result<Self, ModelError> {
        let decoder = decoder(&response)?;
        Ok(Self { upstream_request_id, response, decoder, content: Content::Unknown, end: None })
    }

    /// Waits for the next event. A stream that ends before completion is an error.
    pub(crate) async fn next(&mut self) -> Result<ResponseEvent, ModelError> {
        loop {
            if let Some(event) = self.content.next() {
                return event;
            }
            if let Some(end) = self.end.take() {
                return Err(end);
            }
            let end = match self.response.chunk().await {
                Ok(Some(piece)) => match self.decoder.push(&piece, |piece| self.content.push(piece)) {
                    Ok(()) => continue,
                    Err(error) => error,
                },
                Ok(None) => ModelError::Broken("stream closed before response.completed".to_owned()),
                Err(error) => ModelError::Broken(format!("body error: {}", error_text(&error))),
            };
            // What has arrived counts, however the stream has ended.
            let last = self.decoder.finish(|piece| self.content.push(piece));
            self.end = Some(self.closed(last.err().unwrap_or(end)));
        }
    }

    /// Returns the error that the end of the stream amounts to.
    fn closed(&mut self, end: ModelError) -> ModelError {
        let url = self.response.url().to_string();
        match &mut self.content {
            Content::Unknown => end,
            Content::Document(bytes) => {
                let kind = content_type(&self.response);
                let error = document::error_of(&url, kind.as_deref(), &String::from_utf8_lossy(bytes));
                match (error, end) {
                    // A document that was cut off may be anything.
                    (ModelError::Unreadable(_), end @ ModelError::Broken(_)) if !is_whole(&end) => end,
                    (error, _) => error,
                }
            }
            Content::Events(events) => {
                let (frames, reader) = &mut **events;
                if let Some(last) = frames.finish() {
                    reader.read(&last);
                }
                match (frames.stray(), reader.left_out(), end) {
                    ("", Some(left_out), ModelError::Broken(end)) => ModelError::Broken(format!("{end}; {left_out}")),
                    ("", _, end) => end,
                    // The words of a server on the way, which knows nothing of events.
                    (words, _, _) => ModelError::Failed(Complaint::of_body(words)),
                }
            }
        }
    }
}

/// Returns whether a stream ended because its body did.
fn is_whole(end: &ModelError) -> bool {
    matches!(end, ModelError::Broken(reason) if reason.starts_with("stream closed"))
}

fn content_type(response: &Response) -> Option<String> {
    let kind = response.headers().get("content-type")?.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    (!kind.is_empty()).then_some(kind)
}

impl Content {
    fn push(&mut self, piece: &[u8]) -> Result<(), ModelError> {
        if let Self::Unknown = self {
            let text = piece.strip_prefix("\u{feff}".as_bytes()).unwrap_or(piece).trim_ascii_start();
            match text.first() {
                None => return Ok(()),
                Some(b'{' | b'[' | b'"' | b'<') => *self = Self::Document(Vec::new()),
                Some(_) => *self = Self::Events(Box::new((Frames::new(ANSWER_BYTES), Reader::default()))),
            }
        }
        match self {
            Self::Unknown => Ok(()),
            Self::Document(bytes) => {
                let room = ERROR_BYTES - bytes.len();
                bytes.extend_from_slice(&piece[..room.min(piece.len())]);
                Ok(())
            }
            Self::Events(events) => {
                let (frames, reader) = &mut **events;
                frames.push(piece, |frame| reader.read(&frame)).map_err(ModelError::from)
            }
        }
    }

    fn next(&mut self) -> Option<Result<ResponseEvent, ModelError>> {
        match self {
            Self::Events(events) => events.1.next(),
            Self::Unknown | Self::Document(_) => None,
        }
    }
}

impl From<TooLong> for ModelError {
    fn from(_: TooLong) -> Self {
        Self::too_long("the event of the stream")
    }
}

impl From<DecodeError> for ModelError {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error_text(&error))
    }
}
