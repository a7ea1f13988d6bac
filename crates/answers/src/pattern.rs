//! Patterns of a search.

use std::fmt;

use regex::Regex;

/// Why a text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    reason: String,
}

impl PatternError {
    /// What a person can do about the error.
    pub const HINT: &str = "escape special characters with \\";
}

/// Reads a regular expression.
///
/// ```
/// use rollout_trace_answers::pattern;
///
/// assert!(pattern("(?i)failed").is_ok());
/// let error = pattern("f(").unwrap_err();
/// assert_eq!(error.to_string(), "the pattern is no regular expression: unclosed group");
/// ```
///
/// # Errors
///
/// The text is no regular expression. The error is one line.
pub fn pattern(text: &str) -> Result<Regex, PatternError> {
    Regex::new(text).map_err(|error| {
        // Before its last line, the error draws where the fault is.
        let error = error.to_string();
        let reason = error.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        PatternError { reason }
    })
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pattern is no regular expression: {}", self.reason)
    }
}

impl std::error::Error for PatternError {}
