//! Why a text is not JSON.

use std::fmt;

use thiserror::Error;

/// Where and why a text is not the JSON that a reader expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub struct JsonTextError {
    /// The offset of the first byte that cannot be read; the length of the text if it ends too early.
    pub offset: usize,
    /// What is wrong there.
    pub reason: JsonTextReason,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonTextReason {
    /// The text ends where more must follow.
    Incomplete {
        /// What must follow.
        expected: Expected,
    },
    /// Something else comes next.
    Unexpected {
        /// What must come next.
        expected: Expected,
        /// The byte that comes next.
        found: u8,
    },
    /// An escape represents half of a surrogate pair, which is not a character.
    ///
    /// Such a text is valid JSON, but its string is not valid Unicode. Skipping accepts it; reading its characters does
    /// not.
    LoneSurrogate,
    /// An array or object begins that nests deeper than the limit.
    TooDeep {
        /// The limit.
        limit: usize,
    },
}

/// What a JSON text must continue with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Any value.
    Value,
    /// The string that names a field.
    Name,
    /// The rest of a string.
    StringRest,
    /// The rest of `null`, `true` or `false`.
    Word,
    /// A decimal digit.
    Digit,
    /// A hexadecimal digit.
    HexDigit,
    /// The character after a backslash.
    Escape,
    /// This byte.
    Byte(u8),
    /// A comma, or this closing bracket.
    CommaOr(u8),
    /// Nothing but white space.
    End,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("a value"),
            Self::Name => f.write_str("the name of a field"),
            Self::StringRest => f.write_str("the rest of a string"),
            Self::Word => f.write_str("`null`, `true` or `false`"),
            Self::Digit => f.write_str("a digit"),
            Self::HexDigit => f.write_str("a hexadecimal digit"),
            Self::Escape => f.write_str("an escape"),
            Self::Byte(byte) => write!(f, "`{}`", byte.escape_ascii()),
            Self::CommaOr(byte) => write!(f, "`,` or `{}`", byte.escape_ascii()),
            Self::End => f.write_str("the end"),
        }
    }
}

impl fmt::Display for JsonTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, reason } = self;
        match reason {
            JsonTextReason::Incomplete { expected } => {
                let bytes = if *offset == 1 { "byte" } else { "bytes" };
                write!(f, "it ends after {offset} {bytes}, where {expected} was expected")
            }
            JsonTextReason::Unexpected { expected, found } => {
                write!(f, "expected {expected} at byte {offset}, found `{}`", found.escape_ascii())
            }
            JsonTextReason::LoneSurrogate => write!(f, "half of a surrogate pair at byte {offset}"),
            JsonTextReason::TooDeep { limit } => {
                write!(f, "it nests deeper than the limit of {limit} at byte {offset}")
            }
        }
    }
}

impl JsonTextError {
    /// Returns the error that says that the text does not continue with `expected` at `offset`: another byte comes, or
    /// it ends.
    #[cold]
    pub fn not(expected: Expected, text: &[u8], offset: usize) -> Self {
        match text.get(offset) {
            Some(&found) => Self { offset, reason: JsonTextReason::Unexpected { expected, found } },
            None => Self { offset: text.len(), reason: JsonTextReason::Incomplete { expected } },
        }
    }

    /// Returns whether more text could make the text valid.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.reason, JsonTextReason::Incomplete { .. })
    }
}
