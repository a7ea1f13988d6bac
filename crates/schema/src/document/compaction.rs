//! Compactions: the request, the answer, and the history before and after.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ModelItem;

/// A `compaction_checkpoint` document: what a history was before and after its compaction.
///
/// Source: bundle 1, section 6.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompactionCheckpoint<Before = Vec<ModelItem>, After = Before> {
    /// The history that was compacted.
    pub input_history: Before,
    /// The history that took its place.
    pub replacement_history: After,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A `compaction_request` document: the compact endpoint's request.
///
/// Source: bundle 1, section 6.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompactionRequest<Items = Vec<ModelItem>> {
    /// The history to be compacted.
    pub input: Items,
    /// The rest of the request, as it was sent.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A `compaction_response` document: the answer to a request for a compaction.
///
/// Source: bundle 1, section 6.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompactionResponse<Items = Vec<ModelItem>> {
    /// The items that the answer holds.
    pub output_items: Items,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
