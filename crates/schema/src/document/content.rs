//! The content of messages and tool outputs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a message or a tool output says: text, parts, or something that is neither.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Parts of several types.
    Parts(Vec<ContentPart>),
    /// Anything else, as it was written.
    Other(Value),
}

/// One part of a message or of a tool output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ContentPart {
    /// A part with a text: `input_text`, `output_text`, `text`, `summary_text`, `reasoning_text` and their like.
    Text {
        /// The part's type.
        r#type: String,
        /// The text.
        text: String,
        /// Fields that this version does not know, as they were written.
        #[serde(flatten)]
        unknown: Map<String, Value>,
    },
    /// A part whose text only the provider can read.
    Encrypted {
        /// The part's type, `encrypted_content`.
        r#type: String,
        /// What the provider can read.
        encrypted_content: String,
        /// Fields that this version does not know, as they were written.
        #[serde(flatten)]
        unknown: Map<String, Value>,
    },
    /// An image or any other part, as it was written.
    Other(Value),
}

impl ContentPart {
    /// Returns the part's type, which is empty if it has none.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Text { r#type, .. } | Self::Encrypted { r#type, .. } => r#type,
            Self::Other(value) => value.get("type").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    /// Returns the part's text, if it has one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            Self::Encrypted { .. } | Self::Other(_) => None,
        }
    }
}
