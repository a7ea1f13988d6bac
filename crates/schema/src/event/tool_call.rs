//! Tool calls and what their runtimes report. All belong to the envelope's thread and turn.

use serde::{Deserialize, Serialize};

use crate::{
    CodeModeRuntimeToolId, ExecutionStatus, McpCallId, ModelVisibleCallId, PayloadRef, ToolCallId, ToolKind,
    ToolRequester, ToolSummary,
};

/// A tool was called.
///
/// Source: bundle 1, section 4.5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallStarted {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The call's id in the conversation, if the model made it.
    #[serde(default)]
    pub model_visible_call_id: Option<ModelVisibleCallId>,
    /// The call's id in the script runtime, if a code cell made it.
    #[serde(default)]
    pub code_mode_runtime_tool_id: Option<CodeModeRuntimeToolId>,
    /// Who asked for it.
    pub requester: ToolRequester,
    /// The kind of the tool.
    pub kind: ToolKind,
    /// The call in a few words.
    pub summary: ToolSummary,
    /// What the tool was asked for.
    #[serde(default)]
    pub invocation_payload: Option<PayloadRef>,
}

/// A tool call got the id of its MCP request.
///
/// Source: bundle 1, section 4.5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpToolCallCorrelationAssigned {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The id that its MCP request carries.
    pub mcp_call_id: McpCallId,
}

/// It became known to which command a write to stdin goes (schema 2).
///
/// Source: bundle 2, section 2.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StdinTargetResolved {
    /// The call that writes.
    pub tool_call_id: ToolCallId,
    /// The call that started the command.
    pub exec_tool_call_id: ToolCallId,
}

/// A tool's runtime began to execute the call.
///
/// Source: bundle 1, section 4.5; bundle 2, section 2.6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallRuntimeStarted {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The kind of the tool as the runtime knows it, which takes precedence over the kind by name (schema 2; absent in
    /// schema 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolKind>,
    /// The runtime's own event.
    pub runtime_payload: PayloadRef,
}

/// A tool's runtime finished executing the call.
///
/// Source: bundle 1, section 4.5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallRuntimeEnded {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// How the runtime ended.
    pub status: ExecutionStatus,
    /// The runtime's own event.
    pub runtime_payload: PayloadRef,
}

/// A tool call was answered.
///
/// Source: bundle 1, section 4.5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallEnded {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// How the call ended.
    pub status: ExecutionStatus,
    /// The answer.
    #[serde(default)]
    pub result_payload: Option<PayloadRef>,
}
