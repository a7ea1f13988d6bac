//! The whole graph.

use std::collections::BTreeMap;

use rollout_trace_schema::{
    CodexTurnId, CompactionId, CompactionRequestId, EdgeId, ExecutionStatus, ImportEvidence, InferenceCallId, Observed,
    PayloadRef, RawPayloadId, RolloutId, ThreadId, ToolCallId, TraceId, UnixMillis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AgentThread, CodeCell, CodeCellId, CodexTurn, Compaction, CompactionRequest, ConversationItem, Diagnostic,
    InferenceCall, InteractionEdge, ItemId, Marker, OperationId, PlainDelivery, TerminalId, TerminalOperation,
    TerminalSession, ToolCall, UndeliveredMessage,
};

/// The reduced graph of a rollout: everything that its bundle proves.
///
/// The JSON form of a graph is `state.json`. The reducer creates graphs; a graph can also be read from its JSON:
///
/// ```
/// use rollout_trace_model::{Drawing, RolloutTrace};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
///
/// let graph: RolloutTrace = serde_json::from_str(json)?;
/// assert_eq!(graph.threads.len(), 1);
/// println!("{}", Drawing::new(&graph));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutTrace {
    /// The schema version of the bundle's events, which determines their meaning.
    pub schema_version: u32,
    /// The program that reduced the bundle: `rollout-trace`. A state without this key is not one of ours. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduced_by: Option<String>,
    /// The newest known schema version, if its rules were applied although the bundle does not prove that it has this
    /// version: `schema_version` is newer, or equal because the bundle states none at all. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_as_schema: Option<u32>,
    /// Whether reading stopped before the end of the event log, at a limit or at an error of the system, so that it is
    /// unknown how the rollout and its recording ended. Absent if not. *Ours.*
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reading_stopped: bool,
    /// The id of the bundle.
    pub trace_id: TraceId,
    /// The id of the session.
    pub rollout_id: RolloutId,
    /// When the recording began.
    pub started_at_unix_ms: UnixMillis,
    /// When the rollout ended; null if it has not ended.
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// The status of the rollout.
    pub status: ExecutionStatus,
    /// Whether the log ends with its end marker, so that nothing can be missing at the end (schema 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_complete: Option<bool>,
    /// Whether the log ends with its end marker, and whether documents were cut or left out (schema 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_status: Option<RecordingStatus>,
    /// The thread of the root agent.
    pub root_thread_id: ThreadId,
    /// What the producer of the bundle could not observe; absent if it observed everything. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// What the evidence of an import is; absent in a recording. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ImportEvidence>,
    /// The threads, one per agent.
    pub threads: BTreeMap<ThreadId, AgentThread>,
    /// The turns of the threads.
    pub codex_turns: BTreeMap<CodexTurnId, CodexTurn>,
    /// The items that the models saw.
    pub conversation_items: BTreeMap<ItemId, ConversationItem>,
    /// The requests to the models.
    pub inference_calls: BTreeMap<InferenceCallId, InferenceCall>,
    /// The code cells, which are runs of model-written code.
    pub code_cells: BTreeMap<CodeCellId, CodeCell>,
    /// The tool calls.
    pub tool_calls: BTreeMap<ToolCallId, ToolCall>,
    /// The terminal sessions.
    pub terminal_sessions: BTreeMap<TerminalId, TerminalSession>,
    /// The operations in terminals.
    pub terminal_operations: BTreeMap<OperationId, TerminalOperation>,
    /// The compactions.
    pub compactions: BTreeMap<CompactionId, Compaction>,
    /// The requests for compactions.
    pub compaction_requests: BTreeMap<CompactionRequestId, CompactionRequest>,
    /// The interactions between agents.
    pub interaction_edges: BTreeMap<EdgeId, InteractionEdge>,
    /// Every payload reference that an event contains.
    pub raw_payloads: BTreeMap<RawPayloadId, PayloadRef>,
    /// Protocol events and other evidence that belongs to no known thread. *Ours.*
    #[serde(default)]
    pub markers: Vec<Marker>,
    /// Messages between agents that never appeared in the recipient's conversation. *Ours.*
    #[serde(default)]
    pub undelivered_messages: Vec<UndeliveredMessage>,
    /// Messages between agents that arrived as plain messages of the user; absent if there are none. *Ours.*
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain_deliveries: Vec<PlainDelivery>,
    /// The objects that were still running when the trace ended. *Ours.*
    #[serde(default)]
    pub cut_off: Vec<ObjectRef>,
    /// Every problem that reduction found. *Ours.*
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
}

impl RolloutTrace {
    /// The value of [`reduced_by`](Self::reduced_by) in the graphs that this project's reducer makes.
    pub const REDUCED_BY: &str = "rollout-trace";
}

/// Whether a recording is complete, according to its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStatus {
    /// It ends with its end marker, and every document was recorded whole.
    Complete,
    /// It ends with its end marker, but documents were cut or left out.
    ClosedWithPartialPayloads,
    /// It has no end marker.
    Unclosed,
}

/// A reference to one object of a graph. *Ours.*
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
