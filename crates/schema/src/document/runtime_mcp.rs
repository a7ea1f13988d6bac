//! What the runtime of MCP tools reports.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An MCP request was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct McpBegin {
    /// Server, tool and arguments.
    pub invocation: Value,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// An MCP request was answered. Server and tool are those of the [`McpBegin`] of the same tool call.
///
/// Source: bundle 2, section 3.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct McpEnd {
    /// The answer or what went wrong: `{"Ok": …}` or `{"Err": …}`.
    pub result: Value,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
