//! The output of a cell.

use serde::{Deserialize, Serialize};

/// One piece of a cell's output, in the form that models accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ContentItem {
    /// The output of one call of `text()`.
    #[serde(rename = "input_text")]
    Text {
        /// The text.
        text: String,
    },
    /// The output of one call of `image()`.
    #[serde(rename = "input_image")]
    Image {
        /// A `data:` or `http(s):` URL.
        image_url: String,
        /// The resolution at which the model looks at the image.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        detail: Option<ImageDetail>,
    },
}

impl ContentItem {
    /// Creates a piece of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// Returns the length of the text or URL, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text { text } => text.len(),
            Self::Image { image_url, .. } => image_url.len(),
        }
    }
}

/// The resolution at which a model looks at an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageDetail {
    /// The model decides.
    Auto,
    /// A scaled-down version.
    Low,
    /// High resolution.
    High,
    /// The original resolution.
    Original,
}
