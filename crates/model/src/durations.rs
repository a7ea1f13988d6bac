//! The durations of work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The time during which at least one object of a kind was running. Concurrent work counts once.
///
/// Measured by the wall clock, in milliseconds, without objects that have not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Durations {
    /// Inference calls.
    pub inference_ms: u64,
    /// Tool calls.
    pub tool_ms: u64,
    /// Code cells.
    pub code_cell_ms: u64,
    /// Compaction requests.
    pub compaction_ms: u64,
    /// Any of these.
    pub any_ms: u64,
}
