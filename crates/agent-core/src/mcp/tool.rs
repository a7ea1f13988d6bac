//! The tools of servers and their results.

use serde::Serialize;
use serde_json::{Map, Value};

/// A tool of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct McpTool {
    /// The tool's name, unique within the server.
    pub name: String,
    /// A description for the model, empty if the server provides none.
    pub description: String,
    /// The JSON Schema of the arguments.
    pub input_schema: Map<String, Value>,
}

impl From<rmcp::model::Tool> for McpTool {
    fn from(tool: rmcp::model::Tool) -> Self {
        Self {
            name: tool.name.into_owned(),
            description: tool.description.unwrap_or_default().into_owned(),
            input_schema: (*tool.input_schema).clone(),
        }
    }
}

/// The result of a call, in the form of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpToolResult {
    /// Blocks of content, such as `{"type": "text", "text": …}`.
    pub content: Vec<Value>,
    /// The result as one value, if the tool returns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// Whether the tool ran and failed.
    pub is_error: bool,
    /// Metadata that is not meant for the model.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

impl McpToolResult {
    /// Converts a result of the SDK.
    pub(crate) fn new(result: rmcp::model::CallToolResult) -> serde_json::Result<Self> {
        Ok(Self {
            content: result.content.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?,
            structured_content: result.structured_content,
            is_error: result.is_error.unwrap_or(false),
            meta: result.meta.map(serde_json::to_value).transpose()?,
        })
    }
}
