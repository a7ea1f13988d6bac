//! The graph as a whole.

use std::collections::BTreeMap;

use rollout_trace_schema::{
    CodexTurnId, CompactionId, CompactionRequestId, EdgeId, ExecutionStatus, InferenceCallId, PayloadRef, RawPayloadId,
    RolloutId, ThreadId, ToolCallId, TraceId, UnixMillis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AgentThread, CodeCell, CodeCellId, CodexTurn, Compaction, CompactionRequest, ConversationItem, Diagnostic,
    InferenceCall, InteractionEdge, ItemId, Marker, OperationId, TerminalId, TerminalOperation, TerminalSession,
    ToolCall, UndeliveredMessage,
};

/// Everything that a bundle proves about its rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutTrace {
    /// The schema version of the bundle's events, which also says what they mean.
    pub schema_version: u32,
    /// Names the bundle.
    pub trace_id: TraceId,
    /// Names the session.
    pub rollout_id: RolloutId,
    /// When recording began.
    pub started_at_unix_ms: UnixMillis,
    /// When the rollout ended; null while it has not.
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// How far the rollout got.
    pub status: ExecutionStatus,
    /// Whether the log ends in its end marker, so that nothing can be missing at the end (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_complete: Option<bool>,
    /// The thread that the rollout belongs to.
    pub root_thread_id: ThreadId,
    /// The agents.
    pub threads: BTreeMap<ThreadId, AgentThread>,
    /// Their turns.
    pub codex_turns: BTreeMap<CodexTurnId, CodexTurn>,
    /// What the models saw.
    pub conversation_items: BTreeMap<ItemId, ConversationItem>,
    /// The requests to the models.
    pub inference_calls: BTreeMap<InferenceCallId, InferenceCall>,
    /// The code that models wrote and had run.
    pub code_cells: BTreeMap<CodeCellId, CodeCell>,
    /// The tools that ran.
    pub tool_calls: BTreeMap<ToolCallId, ToolCall>,
    /// The processes with terminals.
    pub terminal_sessions: BTreeMap<TerminalId, TerminalSession>,
    /// What was done in terminals.
    pub terminal_operations: BTreeMap<OperationId, TerminalOperation>,
    /// The compactions.
    pub compactions: BTreeMap<CompactionId, Compaction>,
    /// The requests for compactions.
    pub compaction_requests: BTreeMap<CompactionRequestId, CompactionRequest>,
    /// What passed between agents.
    pub interaction_edges: BTreeMap<EdgeId, InteractionEdge>,
    /// Every payload reference that an event carried.
    pub raw_payloads: BTreeMap<RawPayloadId, PayloadRef>,
    /// Protocol events and other evidence of no known thread. *Ours.*
    #[serde(default)]
    pub markers: Vec<Marker>,
    /// Messages between agents that the receiver was never seen to get. *Ours.*
    #[serde(default)]
    pub undelivered_messages: Vec<UndeliveredMessage>,
    /// The objects that were still running when the trace ended. *Ours.*
    #[serde(default)]
    pub cut_off: Vec<ObjectRef>,
    /// Every surprise on the way. *Ours.*
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// Names one object of a graph. *Ours.*
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum ObjectRef {
    /// A thread.
    Thread(ThreadId),
    /// A turn.
    CodexTurn(CodexTurnId),
    /// A request to the model.
    InferenceCall(InferenceCallId),
    /// A tool call.
    ToolCall(ToolCallId),
    /// A code cell.
    CodeCell(CodeCellId),
    /// A terminal operation.
    TerminalOperation(OperationId),
    /// A request for a compaction.
    CompactionRequest(CompactionRequestId),
    /// An item of a conversation.
    ConversationItem(ItemId),
    /// A terminal session.
    TerminalSession(TerminalId),
    /// A compaction.
    Compaction(CompactionId),
    /// An interaction between agents.
    InteractionEdge(EdgeId),
    /// A payload reference.
    RawPayload(RawPayloadId),
    /// The rollout itself: everything in the graph that is not kept in a map.
    Rollout,
}
