//! What goes wrong between an agent and its model.

use std::time::Duration;

use reqwest::StatusCode;

use super::retry::try_again_in;

/// Why a request to the model failed. Its text is for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// There is no such request: a URL or a header that cannot be.
    #[error("cannot ask the model at {url}: {cause}")]
    Unaskable { url: String, cause: String },
    /// The provider was not reached.
    #[error("cannot reach the model at {url}: {cause}")]
    Connection { url: String, cause: String },
    /// The provider shows a certificate that nobody vouches for.
    #[error(
        "cannot trust the model's provider at {url}: {cause} (SSL_CERT_FILE names a file of certificates to trust)"
    )]
    Untrusted { url: String, cause: String },
    /// The provider refused the request.
    #[error("the model's provider answered {status}: {message}")]
    Refused {
        status: StatusCode,
        code: Option<String>,
        message: String,
        retry_after: Option<Duration>,
        upstream_request_id: Option<String>,
    },
    /// The answer broke off.
    #[error("stream disconnected before completion: {0}")]
    Broken(String),
    /// The provider gave up half-way.
    #[error("the model's provider failed: {message}")]
    Failed { code: Option<String>, message: String },
    /// The provider ended the answer before the model did.
    #[error("the model's answer is incomplete: {reason}")]
    Incomplete { reason: String },
    /// The answer is not what the protocol says.
    #[error("the model's provider answered what cannot be read: {0}")]
    Unreadable(String),
}

impl ModelError {
    /// Nothing came for so long.
    pub(crate) fn silent(limit: Duration) -> Self {
        Self::Broken(format!("nothing came for {} seconds", limit.as_secs_f32()))
    }

    /// Whether another attempt may go better.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Broken(_) => true,
            Self::Failed { code, .. } => !is_lasting(code.as_deref()),
            // The same request would be cut at the same place.
            Self::Incomplete { reason } => !matches!(reason.as_str(), "max_output_tokens" | "content_filter"),
            Self::Refused { status, code, .. } => {
                let may_pass = *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || status.is_server_error();
                may_pass && !is_lasting(code.as_deref())
            }
            Self::Unaskable { .. } | Self::Untrusted { .. } | Self::Unreadable(_) => false,
        }
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after: None, message, .. } | Self::Failed { message, .. } => try_again_in(message),
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The provider's id of the request, where it is known from the error.
    pub(crate) fn upstream_request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { upstream_request_id, .. } => upstream_request_id.as_deref(),
            _ => None,
        }
    }
}

/// Whether a provider's error code says that the same request will never be answered, or not before somebody pays.
fn is_lasting(code: Option<&str>) -> bool {
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
