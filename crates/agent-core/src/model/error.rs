//! Errors of requests to the model.

use std::time::Duration;

use reqwest::StatusCode;

use super::retry::try_again_in;

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
    #[error("the model's provider returned {status}: {message}")]
    Refused {
        status: StatusCode,
        code: Option<String>,
        message: String,
        retry_after: Option<Duration>,
        upstream_request_id: Option<String>,
    },
    /// The stream of the answer broke.
    #[error("stream disconnected before completion: {0}")]
    Broken(String),
    /// The provider reported a failure in the stream.
    #[error("the model's provider failed: {message}")]
    Failed { code: Option<String>, message: String },
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

    /// Returns whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Broken(_) => true,
            Self::Failed { code, .. } => !is_permanent(code.as_deref()),
            // The same request would end at the same point.
            Self::Incomplete { reason } => !matches!(reason.as_str(), "max_output_tokens" | "content_filter"),
            Self::Refused { status, code, .. } => {
                let is_transient = *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || status.is_server_error();
                is_transient && !is_permanent(code.as_deref())
            }
            Self::InvalidRequest { .. } | Self::Untrusted { .. } | Self::Unreadable(_) => false,
        }
    }

    /// Returns how long the provider asks to wait before a retry, if it does.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after: None, message, .. } | Self::Failed { message, .. } => try_again_in(message),
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
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

/// Returns whether a provider's error code means that the same request will never succeed, or not before somebody pays.
fn is_permanent(code: Option<&str>) -> bool {
    code.is_some_and(|code| {
        let of_request = ["invalid_", "unsupported_", "image_"].iter().any(|start| code.starts_with(start));
        of_request
            || matches!(
                code,
                "billing_hard_limit_reached"
                    | "content_filter"
                    | "content_policy_violation"
                    | "context_length_exceeded"
                    | "empty_image_file"
                    | "insufficient_quota"
                    | "model_not_found"
                    | "string_above_max_length"
                    | "usage_not_included"
            )
    })
}
