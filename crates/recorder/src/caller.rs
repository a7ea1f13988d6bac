//! Running code of the agent core: its `Serialize` and `Display` implementations, closures and hooks.

use std::{
    fmt::Display,
    panic::{self, AssertUnwindSafe},
};

use thiserror::Error;

use crate::walk::{self, WalkError};

/// Why code of the agent core did not produce a result.
#[derive(Debug, Error)]
pub(crate) enum CallerError {
    /// The code returned an error, or its result is too large.
    #[error("cannot {task}")]
    Failed {
        /// What the code was called for.
        task: &'static str,
        #[source]
        source: WalkError,
    },
    /// The code panicked.
    #[error("cannot {task}: the caller's code panicked")]
    Panicked {
        /// What the code was called for.
        task: &'static str,
    },
}

/// Runs code of the agent core. Without tracing a panic in it would not have happened, so the panic stops here.
pub(crate) fn guarded<T>(task: &'static str, run: impl FnOnce() -> Result<T, WalkError>) -> Result<T, CallerError> {
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|source| CallerError::Failed { task, source }),
        Err(_) => Err(CallerError::Panicked { task }),
    }
}

/// Encodes a payload document, with whatever code of the agent core that takes.
pub(crate) fn guarded_encoding<T>(encode: impl FnOnce() -> Result<T, WalkError>) -> Result<T, CallerError> {
    guarded("serialize a payload", encode)
}

/// Returns the text of a value.
pub(crate) fn displayed(value: impl Display) -> Result<String, CallerError> {
    guarded("display a text", || walk::display(&value))
}
