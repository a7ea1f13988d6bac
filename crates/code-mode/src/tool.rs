//! The tools that a script may call, and the answers to its calls.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// The answer to a tool call.
pub(crate) type ToolAnswer = Result<Value, ToolCallError>;

/// Why a tool call failed, worded for the model: the message of the `Error` that rejects the call's promise.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ToolCallError(String);

impl ToolCallError {
    /// Creates an error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A tool that a script may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The tool's own name, which messages contain.
    pub name: String,
    /// What the tool does and takes, shown in `ALL_TOOLS`.
    pub description: String,
    /// The group of tools that it belongs to, such as an MCP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl ToolSpec {
    /// Creates a tool without a namespace.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { name: name.into(), description: description.into(), namespace: None }
    }

    /// Returns the name by which the script calls the tool, `tools.<name>`.
    ///
    /// Namespace and name are joined by two underscores, unless the namespace already ends in them, and each character
    /// that JavaScript does not allow in a name becomes an underscore: `mcp__files` and `read-file` make
    /// `mcp__files__read_file`.
    pub fn script_name(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        let joint = if namespace.is_empty() || namespace.ends_with("__") { "" } else { "__" };
        let whole = format!("{namespace}{joint}{}", self.name);
        let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '$' { c } else { '_' };
        let name: String = whole.chars().map(allowed).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
    }
}
