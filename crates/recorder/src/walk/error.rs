//! Why a value cannot be recorded.

use std::fmt::Display;

use thiserror::Error;

/// Why a walk over a value could not be completed.
#[derive(Debug, Error)]
pub(crate) enum WalkError {
    /// The value's `Serialize` implementation failed.
    #[error("{0}")]
    Custom(String),
    /// The value's `Display` implementation failed.
    #[error("a Display implementation failed")]
    Display,
    /// The key of a map cannot be written as a string.
    #[error("key must be a string")]
    Key,
    /// The key of a map is a float that JSON cannot represent.
    #[error("float key must be finite")]
    FloatKey,
    /// A raw value or a number of arbitrary precision has no text.
    #[error("expected RawValue")]
    NoVerbatimText,
    /// The document is larger than the limit.
    #[error("the payload is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl serde::ser::Error for WalkError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}
