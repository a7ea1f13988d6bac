//! What a tool was asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A `tool_invocation` document.
///
/// Source: bundle 1, section 6.5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolInvocation {
    /// The tool's name.
    pub tool_name: String,
    /// The group of tools that the tool belongs to.
    #[serde(default)]
    pub tool_namespace: Option<String>,
    /// The arguments.
    pub payload: ToolInvocationPayload,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A tool's arguments, in the form in which the call has them.
///
/// Source: bundle 1, section 6.5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolInvocationPayload {
    /// JSON arguments.
    Function {
        /// The arguments as JSON text.
        arguments: String,
    },
    /// Free text.
    Custom {
        /// The text.
        input: String,
    },
    /// A search for tools.
    ToolSearch {
        /// What is sought.
        arguments: Value,
    },
    /// A command for the local shell.
    LocalShell {
        /// The command and its arguments.
        command: Vec<String>,
        /// Folder, time limit and so on.
        #[serde(flatten)]
        rest: Map<String, Value>,
    },
    /// Arguments of a kind that this version does not know, as they were written.
    #[serde(untagged)]
    Unknown(Value),
}
