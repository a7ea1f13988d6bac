//! Names that mean none of a few things.

use std::fmt;

/// A name that means none of a few things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The names that mean something.
    pub known: Vec<&'static str>,
}

impl UnknownName {
    /// Returns the value with a name.
    pub(crate) fn find<T: Copy>(all: &[T], as_str: fn(T) -> &'static str, name: &str) -> Result<T, Self> {
        let known = || Self { known: all.iter().map(|value| as_str(*value)).collect() };
        all.iter().copied().find(|value| as_str(*value) == name).ok_or_else(known)
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "possible values: {}", self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}
