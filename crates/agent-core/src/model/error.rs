//! What goes wrong between an agent and its model.

use std::time::Duration;

use reqwest::StatusCode;

/// Why a request to the model failed. Its text is for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// The provider was not reached.
    #[error("cannot reach the model at {url}: {cause}")]
    Connection { url: String, cause: String },
    /// The provider refused the request.
    #[error("the model's provider answered {status}: {message}")]
    Refused { status: StatusCode, message: String, retry_after: Option<Duration>, upstream_request_id: Option<String> },
    /// The answer broke off.
    #[error("stream disconnected before completion: {0}")]
    Broken(String),
    /// The provider gave up half-way.
    #[error("the model's provider failed: {0}")]
    Failed(String),
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
            Self::Connection { .. } | Self::Broken(_) | Self::Failed(_) => true,
            Self::Refused { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || status.is_server_error()
            }
            Self::Unreadable(_) => false,
        }
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
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
