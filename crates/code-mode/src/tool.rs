//! The tools that a script may call.

use serde::{Deserialize, Serialize};

/// A tool that a script may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The tool's own name; messages carry it.
    pub name: String,
    /// What it does and what it takes, shown in `ALL_TOOLS`.
    pub description: String,
    /// What groups it with others, such as the MCP server that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl ToolSpec {
    /// A tool without a namespace.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { name: name.into(), description: description.into(), namespace: None }
    }

    /// The name by which the script calls it, `tools.<name>`.
    ///
    /// Namespace and name are joined by two underscores where the namespace does not end in them already, and what JavaScript does
    /// not allow in a name becomes an underscore: `mcp__files` and `read-file` make `mcp__files__read_file`.
    pub fn script_name(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        let joint = if namespace.is_empty() || namespace.ends_with("__") { "" } else { "__" };
        let whole = format!("{namespace}{joint}{}", self.name);
        let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '$' { c } else { '_' };
        let name: String = whole.chars().map(allowed).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
    }
}
