//! The HTTP client.

use std::{error::Error, io, sync::Arc};

use reqwest::{Client, Response, header::HeaderMap};
use serde::Deserialize;

use super::{
    ModelError, Stream,
    bounds::{ANSWER_BYTES, Body, BodyEnd, ERROR_BYTES},
    complaint::Complaint,
};
use crate::{Item, Provider, error_text::error_text, lenient};

/// The header that names the agent, for a provider's logs.
const AGENT_HEADER: &str = "x-agent-path";

/// The client of one provider. Clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct ModelClient {
    http: Client,
    provider: Arc<Provider>,
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
        let upstream_request_id = upstream_request_id(response.headers());
        Ok(Stream::new(response, upstream_request_id))
    }

    /// Requests a compacted history.
    pub(crate) async fn compact(&self, body: Vec<u8>, envelope: Envelope<'_>) -> Result<Vec<Item>, ModelError> {
        let response = self.post("responses/compact", body, envelope).await?;
        let (headers, status) = (response.headers().clone(), response.status());
        let body = Body::read(response, ANSWER_BYTES).await;
        match body.end {
            BodyEnd::Whole => compacted(&body.bytes).map_err(|error| error.with_headers(&headers, status)),
            BodyEnd::TooLong => Err(ModelError::too_long("the compacted history")),
            BodyEnd::Broken(error) => Err(ModelError::Broken(error_text(&error))),
            BodyEnd::Compressed(error) => Err(error.into()),
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

/// Reads a compacted history.
fn compacted(document: &[u8]) -> Result<Vec<Item>, ModelError> {
    #[derive(Deserialize)]
    struct Compacted {
        output: Vec<Item>,
    }
    let unreadable = |what: &str| ModelError::Unreadable(format!("error in the compacted history: {what}"));
    let parsed = serde_json::from_slice(document).or_else(|error| {
        let body = lenient::parse(&String::from_utf8_lossy(document)).unwrap_or_default();
        let failed = Complaint::marked_in(&body);
        let mended = serde_json::from_value(body);
        mended.map_err(|_| failed.map_or_else(|| unreadable(&error.to_string()), ModelError::Failed))
    });
    match parsed? {
        Compacted { output } if output.is_empty() => Err(unreadable("it is empty")),
        Compacted { output } => Ok(output),
    }
}

async fn refused(response: Response) -> ModelError {
    let status = response.status();
    let headers = response.headers().clone();
    let upstream_request_id = upstream_request_id(&headers);
    let body = Body::read(response, ERROR_BYTES).await;
    // Even a truncated body may contain the reason.
    let complaint = match body.end {
        BodyEnd::Compressed(error) if body.bytes.is_empty() => Complaint::of_words(&error_text(&error)),
        _ => Complaint::of_body(&String::from_utf8_lossy(&body.bytes)),
    };
    ModelError::Refused { status, complaint: complaint.with_headers(&headers, status), upstream_request_id }
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
        // A mistake costs one character.
        for (text, expected) in [("half \\ud83d", "half \u{fffd}"), ("tab\there", "tab\there")] {
            let items = read(&format!(r#"{{"output": [{{"type": "compaction", "encrypted_content": "{text}"}}]}}"#));
            assert_eq!(items.unwrap()[0].text_field("encrypted_content"), expected);
        }
        let latin1 =
            compacted(b"{\"output\": [{\"type\": \"compaction\", \"encrypted_content\": \"gr\xfcn\"}]}").unwrap();
        assert_eq!(latin1[0].text_field("encrypted_content"), "gr\u{fffd}n");
        for document in ["", "null", "7", "\"text\"", "[1, 2]", "{}", r#"{"output": null}"#, r#"{"output": []}"#] {
            assert!(matches!(read(document), Err(ModelError::Unreadable(_))), "{document}");
        }
    }
}
