//! What a selector means.

use schemars::JsonSchema;
use serde::Serialize;

use crate::things::Thing;

/// What a selector means: a thing, or what there is instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Selected {
    /// The selector that was given.
    pub selector: String,
    /// The thing; `null` if the selector names nothing, or several things.
    pub thing: Option<Thing>,
    /// What it could mean instead, with a selector for each.
    pub candidates: Vec<Candidate>,
    /// Why there is no thing, for people.
    pub problem: Option<String>,
}

/// A thing that a selector could mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Candidate {
    /// A selector that means this thing alone.
    pub selector: String,
    /// The thing.
    pub thing: Thing,
}
