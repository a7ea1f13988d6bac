//! How long work took.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Time during which at least one thing of a kind ran: the union of their windows, so what runs side by side counts once.
///
/// By wall clock, in milliseconds; what has not ended does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Durations {
    /// Waiting for the model.
    pub inference_ms: u64,
    /// Tools at work.
    pub tool_ms: u64,
    /// Code cells at work.
    pub code_cell_ms: u64,
    /// Requests for compactions.
    pub compaction_ms: u64,
    /// Any of these.
    pub any_ms: u64,
}
