//! The HTTP client.

use std::{error::Error, io, sync::Arc};

use futures_util::{StreamExt, stream::BoxStream};
use reqwest::{Client, Response, header::HeaderMap};
use serde::Deserialize;
use serde_json::Value;
use sse_stream::SseStream;

use super::{
    ModelError, ResponseEvent,
    bounds::{ANSWER_BYTES, Body, BodyEnd, ERROR_BYTES, EventLength},
    retry::retry_after,
};
use crate::{Item, Provider, error_text::error_text};

/// The header that names the agent, for a provider's logs.
const AGENT_HEADER: &str = "x-agent-path";

/// The client of one provider. Clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct ModelClient {
    http: Client,
    provider: Arc<Provider>,
}

/// The stream of an answer.
pub(crate) struct Stream {
    pub(crate) upstream_request_id: Option<String>,
    events: BoxStream<'static, Result<ResponseEvent, ModelError>>,
}

/// The parts of a request in addition to its body.
#[derive(Clone, Copy)]
pub(crate) struct Envelope<'e> {
    pub(crate) agent_path: &'e str,
    pub(crate) trace_header: Option<(&'static str, &'e str)>,
}

impl ModelClient {
    pub(crate) fn new(provider: Provider) -> Result<Self, reqwest::Error> {
        // An error means that the program has already installed a provider, which works as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = Client::builder().user_agent(concat!("rollout-trace-agent/", env!("CARGO_PKG_VERSION")));
        if provider.is_local() {
            // The environment's proxies are meant for other machines.
            http = http.no_proxy();
        }
        Ok(Self { http: http.build()?, provider: Arc::new(provider) })
    }

    pub(crate) fn provider_name(&self) -> &str {
        &self.provider.name
    }

    /// Sends a request for an answer, and returns the answer's stream once the provider has accepted the request.
    pub(crate) async fn stream(&self, body: Vec<u8>, envelope: Envelope<'_>) -> Result<Stream, ModelError> {
        let response = self.post("responses", body, envelope).await?;
        if let Some(kind) = other_content_type(response.headers()) {
            let url = response.url();
            return Err(ModelError::Unreadable(format!("{url} returned {kind} instead of a stream of events")));
        }
        let upstream_request_id = upstream_request_id(response.headers());
        let mut length = EventLength::default();
        let bytes = response.bytes_stream().map(move |piece| {
            let piece = piece.map_err(|error| ModelError::Broken(format!("body error: {}", error_text(&error))))?;
            if length.exceeds(&piece, ANSWER_BYTES) { Err(too_long("the event of the stream")) } else { Ok(piece) }
        });
        let events = SseStream::from_bytes_stream(bytes).filter_map(|event| async {
            match event {
                Ok(event) => event.data.filter(|data| !is_filler(data)).map(|data| ResponseEvent::parse(&data)),
                Err(sse_stream::Error::Body(cause)) => Some(Err(match cause.downcast() {
                    Ok(error) => *error,
                    Err(cause) => ModelError::Broken(cause.to_string()),
                })),
                Err(error) => Some(Err(ModelError::Broken(error_text(&error)))),
            }
        });
        Ok(Stream { upstream_request_id, events: events.boxed() })
    }

    /// Requests a compacted history.
    pub(crate) async fn compact(&self, body: Vec<u8>, envelope: Envelope<'_>) -> Result<Vec<Item>, ModelError> {
        let response = self.post("responses/compact", body, envelope).await?;
        let body = Body::read(response, ANSWER_BYTES).await;
        match body.end {
            BodyEnd::Whole => compacted(&body.bytes),
            BodyEnd::TooLong => Err(too_long("the compacted history")),
            BodyEnd::Broken(error) => Err(ModelError::Broken(error_text(&error))),
        }
    }

    async fn post(&self, endpoint: &str, body: Vec<u8>, envelope: Envelope<'_>) -> Result<Response, ModelError> {
        let url = format!("{}/{endpoint}", self.provider.base_url.trim_end_matches('/'));
        let mut request = self
            .http
            .post(&url)
            .header("content-type", "application/json")
            .header("accept", "text/event-stream, application/json")
            .header(AGENT_HEADER, envelope.agent_path)
            .body(body);
        if let Some(key) = &self.provider.api_key {
            request = request.bearer_auth(key);
        }
        if let Some((name, value)) = envelope.trace_header {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| {
            let error = error.without_url();
            if let Some(cause) = bad_certificate(&error) {
                return ModelError::Untrusted { url, cause };
            }
            let cause = error_text(&error);
            if error.is_builder() {
                ModelError::InvalidRequest { url, cause }
            } else {
                ModelError::Connection { url, cause }
            }
        })?;
        if response.status().is_success() { Ok(response) } else { Err(refused(response).await) }
    }
}

impl Stream {
    /// Waits for the next event. A stream that ends before completion is an error.
    pub(crate) async fn next(&mut self) -> Result<ResponseEvent, ModelError> {
        match self.events.next().await {
            Some(event) => event,
            None => Err(ModelError::Broken("stream closed before response.completed".to_owned())),
        }
    }
}

/// Returns the problem with the provider's certificate, or `None` if the connection failed for another reason.
fn bad_certificate(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return Some(error.to_string());
    }
    // The source of an I/O error is the source of the error that it wraps, so the wrapped error must be read
    // separately.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => bad_certificate(wrapped),
        None => bad_certificate(error.source()?),
    }
}

/// Returns the content type if it is certainly not a stream of events, such as the HTML page of a server that is not a
/// provider. Other types are accepted: some providers use a different type for streams, or none.
fn other_content_type(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get("content-type")?.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    matches!(kind.as_str(), "text/html" | "application/json").then_some(kind)
}

/// Returns whether data is not an event: some servers send empty data to keep the connection alive, and `[DONE]` at the
/// end.
fn is_filler(data: &str) -> bool {
    matches!(data.trim(), "" | "[DONE]")
}

fn too_long(what: &str) -> ModelError {
    ModelError::Unreadable(format!("{what} is longer than {} MiB", ANSWER_BYTES >> 20))
}

/// Reads a compacted history.
fn compacted(document: &[u8]) -> Result<Vec<Item>, ModelError> {
    #[derive(Deserialize)]
    struct Compacted {
        output: Vec<Item>,
    }
    let unreadable = |what: &str| ModelError::Unreadable(format!("error in the compacted history: {what}"));
    let Compacted { output } = serde_json::from_slice(document).map_err(|error| unreadable(&error.to_string()))?;
    if output.is_empty() { Err(unreadable("it is empty")) } else { Ok(output) }
}

async fn refused(response: Response) -> ModelError {
    let status = response.status();
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let after = header("retry-after").and_then(|text| retry_after(&text));
    let upstream_request_id = upstream_request_id(response.headers());
    // Even a truncated body may contain the reason.
    let text = String::from_utf8_lossy(&Body::read(response, ERROR_BYTES).await.bytes).into_owned();
    let error = serde_json::from_str::<Value>(&text).map(|mut document| document["error"].take()).unwrap_or_default();
    let code = error["code"].as_str().map(str::to_owned);
    let message = error["message"].as_str().map_or(text, str::to_owned);
    ModelError::Refused { status, code, message: shortened(&message), retry_after: after, upstream_request_id }
}

/// Returns a message on one line, and shortened, since a provider may return a whole page.
fn shortened(message: &str) -> String {
    let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = message.char_indices().nth(500) {
        message.truncate(cut);
        message.push('…');
    }
    message
}

fn upstream_request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compacted_history_is_an_object_with_items() {
        let read = |document: &str| compacted(document.as_bytes());
        let items = read(r#"{"id": "cmp", "output": [{"type": "compaction", "encrypted_content": "…"}]}"#).unwrap();
        assert_eq!(items[0].kind(), "compaction");
        for document in ["", "null", "7", "\"text\"", "[1, 2]", "{}", r#"{"output": null}"#, r#"{"output": []}"#] {
            assert!(matches!(read(document), Err(ModelError::Unreadable(_))), "{document}");
        }
    }
}
