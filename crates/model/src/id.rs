//! The ids that the reducer mints.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A text that is not the numbered id that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {prefix}:N, found {found:?}")]
pub struct ParseIdError {
    /// What the id begins with, before its colon and number.
    pub prefix: &'static str,
    /// The text.
    pub found: String,
}

/// The text of a numbered id.
pub(crate) struct IdText {
    bytes: [u8; Self::CAPACITY],
    start: usize,
}

impl IdText {
    /// The length of the longest prefix, and the digits of the largest number.
    const CAPACITY: usize = "terminal_operation:".len() + 10;

    fn new(prefix: &str, mut number: u32) -> Self {
        let (mut bytes, mut start) = ([0; Self::CAPACITY], Self::CAPACITY);
        loop {
            start -= 1;
            bytes[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        let end = start;
        start -= prefix.len();
        bytes[start..end].copy_from_slice(prefix.as_bytes());
        Self { bytes, start }
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).expect("prefixes and digits are ASCII")
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

macro_rules! numbered_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Numbered from 1 in the order of creation; orders by that number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the id's text.
            pub(crate) fn text(self) -> IdText {
                IdText::new(concat!($prefix, ":"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, ":"))
                    .and_then(|number| number.parse().ok())
                    .map(Self)
                    .ok_or_else(|| ParseIdError { prefix: $prefix, found: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text().as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": concat!("^", $prefix, ":[0-9]+$") })
            }
        }
    )+};
}

numbered_ids! {
    /// Names a conversation item of a graph.
    ItemId = "conversation_item";
    /// Names a terminal operation of a graph.
    OperationId = "terminal_operation";
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )+};
}

text_ids! {
    /// Names a code cell of a graph: `code_cell:<call id>`, followed by `#2`, `#3` … if the call id is repeated.
    CodeCellId;
    /// Names a terminal session of a graph: the process id in schema 1, `terminal_session:<operation id>` in schema 2,
    /// followed by `#2`, `#3` … if the process id is repeated in another thread.
    TerminalId;
}
