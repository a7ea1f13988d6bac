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
    /// The id of the cell.
    pub code_cell_id: CodeCellId,
    /// The call in the conversation that contains the source.
    pub model_visible_call_id: ModelVisibleCallId,
    /// The thread of the cell.
    pub thread_id: ThreadId,
    /// The turn in which the cell started; null if the event does not name it.
    pub codex_turn_id: Option<CodexTurnId>,
    /// The item that contains the source.
    pub source_item_id: ItemId,
    /// The outputs in the conversation, in order: the first answer and each notification.
    pub output_item_ids: Vec<ItemId>,
    /// The cell's id in its runtime.
    pub runtime_cell_id: Option<RuntimeCellId>,
    /// When the cell ran.
    pub execution: Execution,
    /// The last status that the runtime reported.
    pub runtime_status: CellStatus,
    /// When the model received a first answer.
    pub initial_response_at_unix_ms: Option<UnixMillis>,
    /// The event that shows this.
    pub initial_response_seq: Option<Seq>,
    /// The status of the cell at that time. (In schema 1 *ours.*)
    #[serde(default)]
    pub initial_response_status: Option<CellStatus>,
    /// The payload of the first answer. (In schema 1 *ours.*)
    #[serde(default)]
    pub raw_initial_response_payload_id: Option<RawPayloadId>,
    /// The payload of the cell's result. (In schema 1 *ours.*)
    #[serde(default)]
    pub raw_result_payload_id: Option<RawPayloadId>,
    /// When the cell yielded with its first answer and continued to run.
    pub yielded_at_unix_ms: Option<UnixMillis>,
    /// The event that shows this.
    pub yielded_seq: Option<Seq>,
    /// The source that was run.
    pub source_js: String,
    /// The tool calls of the cell.
    pub nested_tool_call_ids: Vec<ToolCallId>,
    /// The tool calls with which the model waited for the cell.
    pub wait_tool_call_ids: Vec<ToolCallId>,
}
