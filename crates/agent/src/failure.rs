//! Errors that stop the program.

use std::{error::Error, fmt, path::Path};

/// Why the program stopped: what happened, and what the user can do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }

    /// Creates a failure from an error and its causes.
    pub(crate) fn of(error: &dyn Error, hint: impl Into<String>) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            what.push_str(&format!(": {}", cause.to_string().trim_end()));
            source = cause.source();
        }
        Self::new(what, hint)
    }

    /// Creates a failure from an I/O error of a file or folder.
    pub(crate) fn io(what: &str, path: &Path, error: &std::io::Error, hint: impl Into<String>) -> Self {
        Self::new(format!("{what} {}: {error}", path.display()), hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n  {}", self.what, self.hint)
    }
}
