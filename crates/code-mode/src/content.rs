//! What a cell shows to the model.

use serde::{Deserialize, Serialize};

/// One piece of a cell's output, in the form in which models take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ContentItem {
    /// What one call of `text()` showed.
    #[serde(rename = "input_text")]
    Text {
        /// The text.
        text: String,
    },
    /// What one call of `image()` showed.
    #[serde(rename = "input_image")]
    Image {
        /// A `data:` or `http(s):` URL.
        image_url: String,
        /// How closely the model shall look.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        detail: Option<ImageDetail>,
    },
}

impl ContentItem {
    /// A piece of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The bytes that this piece holds.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text { text } => text.len(),
            Self::Image { image_url, .. } => image_url.len(),
        }
    }
}

/// How closely a model looks at an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageDetail {
    /// The model decides.
    Auto,
    /// A small version of it.
    Low,
    /// Its details.
    High,
    /// Every pixel.
    Original,
}
