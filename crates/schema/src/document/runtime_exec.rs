//! What the runtime of commands reports.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A command began.
///
/// Source: bundle 1, section 6.7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecBegin {
    /// The tool call.
    pub call_id: String,
    /// The process, if the runtime keeps it running: the terminal that a write to stdin names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_id: Option<String>,
    /// The turn.
    pub turn_id: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The folder in which it runs.
    pub cwd: String,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A command ended.
///
/// Source: bundle 1, sections 6.7 and 6.8; bundle 2, section 3.5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecEnd {
    /// The tool call.
    pub call_id: String,
    /// The process, if the runtime keeps it running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_id: Option<String>,
    /// The turn.
    pub turn_id: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The folder in which it ran.
    pub cwd: String,
    /// Everything that it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregated_output: Option<String>,
    /// How it exited.
    pub exit_code: i32,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The value that a command returns to the script of a code cell.
///
/// Source: bundle 1, section 6.6; bundle 2, section 3.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecValue {
    /// The id of this piece of output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_id: Option<String>,
    /// How the command exited, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The process, if it still runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<i64>,
    /// The output's size before it was truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_token_count: Option<u64>,
    /// The output.
    pub output: String,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
