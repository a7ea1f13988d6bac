//! Code cells.

use rollout_trace_schema::{
    CellStatus, CodexTurnId, ModelVisibleCallId, RawPayloadId, RuntimeCellId, Seq, ThreadId, ToolCallId, UnixMillis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CodeCellId, Execution, ItemId};

/// One run of model-written code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeCell {
    /// The cell.
    pub code_cell_id: CodeCellId,
    /// The call in the conversation that holds the source.
    pub model_visible_call_id: ModelVisibleCallId,
    /// The thread that it belongs to.
    pub thread_id: ThreadId,
    /// The turn in which it began; null where the event does not say.
    pub codex_turn_id: Option<CodexTurnId>,
    /// The item that holds the source.
    pub source_item_id: ItemId,
    /// The answers in the conversation, in order: the first one and each notification.
    pub output_item_ids: Vec<ItemId>,
    /// The cell's id in its runtime.
    pub runtime_cell_id: Option<RuntimeCellId>,
    /// When it ran.
    pub execution: Execution,
    /// What its runtime said last.
    pub runtime_status: CellStatus,
    /// When the model got a first answer.
    pub initial_response_at_unix_ms: Option<UnixMillis>,
    /// The event that shows this.
    pub initial_response_seq: Option<Seq>,
    /// How far the cell was then. (In schema 1 *ours.*)
    #[serde(default)]
    pub initial_response_status: Option<CellStatus>,
    /// The first answer. (In schema 1 *ours.*)
    #[serde(default)]
    pub raw_initial_response_payload_id: Option<RawPayloadId>,
    /// What the cell left when it ended. (In schema 1 *ours.*)
    #[serde(default)]
    pub raw_result_payload_id: Option<RawPayloadId>,
    /// When the cell went on after its first answer.
    pub yielded_at_unix_ms: Option<UnixMillis>,
    /// The event that shows this.
    pub yielded_seq: Option<Seq>,
    /// The source as it ran.
    pub source_js: String,
    /// The tool calls that the code made.
    pub nested_tool_call_ids: Vec<ToolCallId>,
    /// The tool calls by which the model waited for it.
    pub wait_tool_call_ids: Vec<ToolCallId>,
}
