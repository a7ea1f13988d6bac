//! Errors of requests to the model.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};

use super::{
    bounds::ANSWER_BYTES,
    complaint::{Complaint, is_transient_status},
};

/// Why a request to the model failed. The text is for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// The request cannot be sent because its URL or a header is invalid.
    #[error("cannot create the request to {url}: {cause}")]
    InvalidRequest { url: String, cause: String },
    /// The provider cannot be reached.
    #[error("cannot connect to the model at {url}: {cause}")]
    Connection { url: String, cause: String },
    /// The provider's certificate is not trusted.
    #[error(
        "the certificate of the model's provider at {url} is not trusted: {cause} (SSL_CERT_FILE can name a file of certificates \
         to trust)"
    )]
    Untrusted { url: String, cause: String },
    /// The provider refused the request.
    #[error("the model's provider returned {status}: {complaint}")]
    Refused { status: StatusCode, complaint: Complaint, upstream_request_id: Option<String> },
    /// The stream of the answer broke.
    #[error("stream disconnected before completion: {0}")]
    Broken(String),
    /// The provider reported a failure after it had accepted the request.
    #[error("the model's provider failed: {0}")]
    Failed(Complaint),
    /// The provider ended the answer before it was complete.
    #[error("the model's answer is incomplete: {reason}")]
    Incomplete { reason: String },
    /// The answer does not follow the protocol.
    #[error("the answer of the model's provider cannot be read: {0}")]
    Unreadable(String),
}

impl ModelError {
    /// Creates the error for a stream that was silent for longer than the limit.
    pub(crate) fn silent(limit: Duration) -> Self {
        Self::Broken(format!("no data for {} seconds", limit.as_secs_f32()))
    }

    /// Creates the error for a part of an answer that is longer than the limit.
    pub(super) fn too_long(what: &str) -> Self {
        Self::Unreadable(format!("{what} is longer than {} MiB", ANSWER_BYTES >> 20))
    }

    /// Returns whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Broken(_) => true,
            Self::Failed(complaint) => !complaint.is_final_without_status(),
            // The same request would end at the same point.
            Self::Incomplete { reason } => !matches!(reason.as_str(), "max_output_tokens" | "content_filter"),
            Self::Refused { status, complaint, .. } => is_transient_status(*status) && !complaint.is_final(),
            Self::InvalidRequest { .. } | Self::Untrusted { .. } | Self::Unreadable(_) => false,
        }
    }

    /// Returns how long the provider asks to wait before a retry, if it does.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { complaint, .. } | Self::Failed(complaint) => complaint.retry_after,
            _ => None,
        }
    }

    /// Adds what an answer's headers say about when to try again to the words of the provider in that answer.
    pub(super) fn with_headers(self, headers: &HeaderMap, status: StatusCode) -> Self {
        match self {
            Self::Failed(complaint) => Self::Failed(complaint.with_headers(headers, status)),
            other => other,
        }
    }

    /// Returns the provider's id of the request, if the error contains it.
    pub(crate) fn upstream_request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { upstream_request_id, .. } => upstream_request_id.as_deref(),
            _ => None,
        }
    }
}
