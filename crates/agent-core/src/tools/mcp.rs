//! Tools of MCP servers.

use rollout_trace_recorder::{ExecutionStatus, ToolKind};
use serde_json::{Map, Value, json};

use super::{Dispatch, Outcome, ToolError};
use crate::{
    mcp::{McpServer, McpTool},
    rollout::Rollout,
    told::told,
};

/// What the model calls a tool of an MCP server.
pub(super) fn tool_name(server: &McpServer, tool: &McpTool) -> String {
    format!("mcp__{}__{}", server.name(), tool.name)
}

impl Rollout {
    /// The tool of an MCP server that the model means by a name.
    pub(super) fn mcp_tool(&self, name: &str) -> Option<(&McpServer, &McpTool)> {
        let mut tools =
            self.mcp_servers.iter().flat_map(|server| server.tools().iter().map(move |tool| (server, tool)));
        tools.find(|(server, tool)| tool_name(server, tool) == name)
    }
}

impl Dispatch {
    pub(super) async fn call_mcp(&self, server: &McpServer, tool: &str) -> Result<Outcome, ToolError> {
        let arguments: Map<String, Value> = self.call().arguments()?;
        let correlation = self.turn.trace().start_mcp_call_trace(&*self.turn.id, &*self.call().id);
        let kind = ToolKind::Mcp { server: server.name().to_owned(), tool: tool.to_owned() };
        let invocation = json!({"server": server.name(), "tool": tool, "arguments": arguments});
        self.record_runtime_started(kind, &json!({"call_id": self.call().id, "invocation": invocation}));
        let answer = server.call_tool(tool, Some(arguments.into()), correlation.add_request_meta(None));
        let answer = self.unless_stopped(answer).await;
        let (status, result) = match &answer {
            Ok(Ok(result)) if !result.is_error => (ExecutionStatus::Completed, json!({"Ok": result})),
            Ok(Ok(result)) => (ExecutionStatus::Failed, json!({"Ok": result})),
            Ok(Err(error)) => (ExecutionStatus::Failed, json!({"Err": told(error)})),
            Err(_) => (ExecutionStatus::Cancelled, json!({"Err": "stopped"})),
        };
        self.record_runtime_ended(status, &json!({"call_id": self.call().id, "result": result}));
        let result = answer?.map_err(ToolError::failed)?;
        let output = result.content.iter().map(part).collect::<Vec<Value>>();
        Ok(Outcome { output: output.into(), value: json!(result), success: !result.is_error })
    }
}

/// A part of a result as the model takes it.
fn part(content: &Value) -> Value {
    match content["type"].as_str() {
        Some("text") => json!({"type": "input_text", "text": content["text"]}),
        Some("image") => {
            let (kind, data) = (content["mimeType"].as_str(), content["data"].as_str());
            let url = format!("data:{};base64,{}", kind.unwrap_or("image/png"), data.unwrap_or_default());
            json!({"type": "input_image", "image_url": url})
        }
        _ => json!({"type": "input_text", "text": content.to_string()}),
    }
}
