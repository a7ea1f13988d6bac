//! What came of an answer.

use crate::Value;

/// An answer, as far as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether the answer is complete.
    pub status: AnswerStatus,
    /// The response object; `None` if nothing of one came.
    pub response: Option<Value>,
    /// What the provider says about a failure, if it says anything.
    pub error: Option<String>,
}

/// Whether an answer is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStatus {
    /// It ended as its API defines.
    Completed,
    /// The provider reported an error, or the stream broke off.
    Failed,
}

impl AnswerStatus {
    /// Returns the status as events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}
