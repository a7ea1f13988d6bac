//! The stream of an answer.

use reqwest::Response;
use tokio::task::yield_now;

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
    /// Whether data has arrived since the last event.
    has_news: bool,
    /// Why no more data arrives, once that is so.
    end: Option<ModelError>,
    is_closed: bool,
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
    pub(super) fn new(response: Response, upstream_request_id: Option<String>) -> Self {
        let (decoder, content) = (decoder(&response), Content::Unknown);
        Self { upstream_request_id, response, decoder, content, has_news: false, end: None, is_closed: false }
    }

    /// Waits for the next event. Data without an event, such as a comment, is an event of no interest: the provider is
    /// working. A stream that ends before completion is an error.
    pub(crate) async fn next(&mut self) -> Result<ResponseEvent, ModelError> {
        loop {
            if let Some(event) = self.content.next() {
                self.has_news = false;
                return event.map_err(|error| self.with_headers(error));
            }
            if !self.is_closed && self.decode()? {
                // A small piece may expand to any size, and the turn may be stopped meanwhile.
                yield_now().await;
                continue;
            }
            if let Some(end) = self.end.take() {
                if self.is_closed {
                    return Err(self.with_headers(end));
                }
                // The last event may have no end.
                self.is_closed = true;
                self.end = Some(self.closed(end));
                continue;
            }
            if std::mem::take(&mut self.has_news) {
                return Ok(ResponseEvent::Other);
            }
            match self.response.chunk().await {
                Ok(Some(piece)) => {
                    self.has_news = true;
                    self.decoder.push(&piece);
                }
                Ok(None) => self.end_with(ended()),
                Err(error) => self.end_with(ModelError::Broken(format!("body error: {}", error_text(&error)))),
            }
        }
    }

    /// Ends the stream. What has arrived counts, however it ends.
    fn end_with(&mut self, end: ModelError) {
        self.decoder.end();
        self.end = Some(end);
    }

    /// Decompresses some of what has arrived. Returns whether there was any.
    fn decode(&mut self) -> Result<bool, ModelError> {
        match self.decoder.next() {
            Ok(None) => Ok(false),
            Ok(Some(piece)) => {
                self.content.push(piece)?;
                if self.content.is_full() {
                    self.end = Some(ended());
                }
                Ok(!self.content.is_full())
            }
            Err(error) => {
                let is_at_start = matches!(self.content, Content::Unknown);
                let error = error_text(&error);
                self.end = Some(if is_at_start { ModelError::Unreadable(error) } else { ModelError::Broken(error) });
                Ok(false)
            }
        }
    }

    /// Returns an error with what the headers say about when to try again, which count even if they announced success.
    fn with_headers(&self, error: ModelError) -> ModelError {
        error.with_headers(self.response.headers(), self.response.status())
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

/// Returns the error for a stream whose body ended.
fn ended() -> ModelError {
    ModelError::Broken("stream closed before response.completed".to_owned())
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

    /// Returns whether nothing that follows makes a difference.
    fn is_full(&self) -> bool {
        matches!(self, Self::Document(bytes) if bytes.len() >= ERROR_BYTES)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::timeout,
    };

    use super::*;
    use crate::{
        Provider,
        model::{Envelope, ModelClient},
    };

    #[tokio::test]
    async fn data_without_an_event_shows_that_the_provider_is_working() {
        for data in [": still here\n\n", "\n", "data: {\"type\"", "  "] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
            let provider = Provider { name: "raw".to_owned(), base_url, api_key: None };
            let server = tokio::spawn(async move {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"{}") {
                    connection.read_buf(&mut request).await.unwrap();
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
                connection.write_all(format!("{head}{data}").as_bytes()).await.unwrap();
                // The connection stays open until the client closes it.
                while connection.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {}
            });
            let client = ModelClient::new(provider).unwrap();
            let envelope = Envelope { agent_path: "/root", trace_header: None };
            let mut stream = client.stream(b"{}".to_vec(), envelope).await.unwrap();
            let event = timeout(Duration::from_secs(60), stream.next()).await.expect("data is news");
            assert!(matches!(event, Ok(ResponseEvent::Other)), "{event:?}");
            drop((stream, client));
            server.await.unwrap();
        }
    }
}
