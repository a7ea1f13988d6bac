//! Tool calls.

use rollout_trace_schema::{
    CodeModeRuntimeToolId, CodexTurnId, McpCallId, ModelVisibleCallId, RawPayloadId, ThreadId, ToolCallId, ToolKind,
    ToolSummary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CodeCellId, Execution, ItemId, OperationId};

/// One run of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The id that its MCP request carried.
    pub mcp_call_id: Option<McpCallId>,
    /// The call's id in the conversation, if the model made it.
    pub model_visible_call_id: Option<ModelVisibleCallId>,
    /// The call's id in the script runtime, if a code cell made it.
    pub code_mode_runtime_tool_id: Option<CodeModeRuntimeToolId>,
    /// The code cell that the call started (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_code_cell_id: Option<CodeCellId>,
    /// The thread that called.
    pub thread_id: ThreadId,
    /// The turn in which it called.
    pub started_by_codex_turn_id: Option<CodexTurnId>,
    /// When it ran.
    pub execution: Execution,
    /// Who asked for it.
    pub requester: Requester,
    /// What tool it is.
    pub kind: ToolKind,
    /// The call in the conversation.
    pub model_visible_call_item_ids: Vec<ItemId>,
    /// Its answers in the conversation.
    pub model_visible_output_item_ids: Vec<ItemId>,
    /// The terminal operation that it was.
    pub terminal_operation_id: Option<OperationId>,
    /// The call in a few words.
    pub summary: ToolSummary,
    /// What the tool was asked for.
    pub raw_invocation_payload_id: Option<RawPayloadId>,
    /// What it answered.
    pub raw_result_payload_id: Option<RawPayloadId>,
    /// What its runtime reported.
    pub raw_runtime_payload_ids: Vec<RawPayloadId>,
}

/// Who asked for a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Requester {
    /// The model.
    Model,
    /// A code cell.
    CodeCell {
        /// The cell.
        code_cell_id: CodeCellId,
    },
    /// A requester that this version does not know, as it was written.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}
