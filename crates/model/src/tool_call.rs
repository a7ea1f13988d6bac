//! Tool calls.

use rollout_trace_schema::{
    CodeModeRuntimeToolId, CodexTurnId, McpCallId, ModelVisibleCallId, RawPayloadId, RuntimeCellId, Seq, ThreadId,
    ToolCallId, ToolKind, ToolSummary, UnixMillis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CodeCellId, EvidenceGrade, EvidenceSource, Execution, ItemId, OperationId};

/// One call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// The id of the call.
    pub tool_call_id: ToolCallId,
    /// The id in the MCP request, if the tool belongs to an MCP server.
    pub mcp_call_id: Option<McpCallId>,
    /// The call's id in the conversation, if the model made it.
    pub model_visible_call_id: Option<ModelVisibleCallId>,
    /// The call's id in the script runtime, if a code cell made it.
    pub code_mode_runtime_tool_id: Option<CodeModeRuntimeToolId>,
    /// The runtime id of the code cell that the call waits for (schema 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_wait_runtime_cell_id: Option<RuntimeCellId>,
    /// The code cell that the call started (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_code_cell_id: Option<CodeCellId>,
    /// The thread that made the call.
    pub thread_id: ThreadId,
    /// The turn in which the call was made.
    pub started_by_codex_turn_id: Option<CodexTurnId>,
    /// When the call ran.
    pub execution: Execution,
    /// Who made the call.
    pub requester: Requester,
    /// The kind of the tool.
    pub kind: ToolKind,
    /// The items of the call in the conversation.
    pub model_visible_call_item_ids: Vec<ItemId>,
    /// The items of the call's output in the conversation.
    pub model_visible_output_item_ids: Vec<ItemId>,
    /// The terminal operation of the call.
    pub terminal_operation_id: Option<OperationId>,
    /// A summary of the call.
    pub summary: ToolSummary,
    /// The payload of the invocation.
    pub raw_invocation_payload_id: Option<RawPayloadId>,
    /// The payload of the result.
    pub raw_result_payload_id: Option<RawPayloadId>,
    /// The payloads that the tool's runtime reported.
    pub raw_runtime_payload_ids: Vec<RawPayloadId>,
    /// When the tool's runtime reported its start first. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_started: Option<RuntimeStart>,
    /// How the call is proved; absent if it was recorded. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceGrade>,
    /// Where a session file says so; absent if the bundle is not an import. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_source: Option<EvidenceSource>,
}

/// When the runtime of a tool began to work. Before that, a call waits: for approval, in a queue, for a sandbox. *Ours.*
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeStart {
    /// The event.
    pub seq: Seq,
    /// The wall clock.
    pub at_unix_ms: UnixMillis,
}

/// Who made a tool call.
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
    /// A requester that this version does not know, with its original fields.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}
