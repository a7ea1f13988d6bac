//! What a file lacks.

use schemars::JsonSchema;
use serde::Serialize;

/// What a page that is one file lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// What it is, for people.
    pub what: String,
    /// The command that shows it.
    pub command: String,
}
