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
    /// The value nests too deep.
    #[error("the payload nests deeper than {limit} levels")]
    TooDeep {
        /// The number of arrays and objects in one another that readers accept.
        limit: usize,
    },
    /// The value went on after an error in a part of it, so its text would lack something.
    #[error("a Serialize implementation ignored an error")]
    IgnoredError,
    /// The value put something into an array or object that it had announced as empty.
    #[error("a Serialize implementation announced a wrong length")]
    WrongLength,
    /// The value is a map with a key without a value, or a value without a key.
    #[error("a Serialize implementation did not write keys and values of a map in turn")]
    KeyOrder,
    /// The document, of which the length is known, is larger than the limit.
    #[error("the payload of {bytes} bytes is larger than the limit of {limit} bytes")]
    TooLong {
        /// The length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The document is larger than the limit.
    #[error("the payload is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

// The error is in a box so that a result fits in a register: each value of a document returns one.
impl serde::ser::Error for Box<WalkError> {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(WalkError::Custom(message.to_string()))
    }
}
