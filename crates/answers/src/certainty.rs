//! How certain a relation is.

use schemars::JsonSchema;
use serde::Serialize;

/// How certain a relation is. An answer is as certain as its weakest relation, which is the greatest of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// An event or a payload says so, by id.
    Recorded,
    /// Two things were joined because of equal content, author, place or call id.
    Matched,
    /// It follows from order, a role or a tag in a text, or because nothing else remains.
    Inferred,
}

impl Certainty {
    /// Returns the certainty as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Matched => "matched",
            Self::Inferred => "inferred",
        }
    }

    /// Returns how text marks what is not recorded.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Recorded => "",
            Self::Matched => "~matched",
            Self::Inferred => "~inferred",
        }
    }
}
