//! Why a value cannot be recorded.

use std::fmt::Display;

use thiserror::Error;

/// Why a walk over a value did not come to its end.
#[derive(Debug, Error)]
pub(crate) enum WalkError {
    /// The value's own `Serialize` says so.
    #[error("{0}")]
    Custom(String),
    /// The value's `Display` says so.
    #[error("a Display implementation failed")]
    Display,
    /// A map's key is no string.
    #[error("key must be a string")]
    Key,
    /// A map's key is a float that JSON does not know.
    #[error("float key must be finite")]
    FloatKey,
    /// A raw value or a number of arbitrary precision holds no text.
    #[error("expected RawValue")]
    AsItStands,
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
