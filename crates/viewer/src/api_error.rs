//! What is said if a call fails.

use schemars::JsonSchema;
use serde::Serialize;

/// What is said if a call fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApiError {
    /// The HTTP status.
    #[serde(skip)]
    pub(crate) status: u16,
    /// What is wrong, for people.
    pub error: String,
    /// What to do next.
    pub hint: String,
}

impl ApiError {
    pub(crate) fn bad_request(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 400, error: error.into(), hint: hint.into() }
    }

    pub(crate) fn not_found(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 404, error: error.into(), hint: hint.into() }
    }
}
