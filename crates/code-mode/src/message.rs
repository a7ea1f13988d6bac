//! What a running cell tells the world.

use serde_json::Value;

use crate::{CellId, RuntimeToolCallId};

/// Something that a running cell wants; sent in the order in which the script asked.
#[derive(Clone, Debug, PartialEq)]
pub enum CellMessage {
    /// The script called a tool; [`CodeModeSession::answer`](crate::CodeModeSession::answer) settles its promise.
    ToolCall {
        /// The cell that calls.
        cell_id: CellId,
        /// The call's id, by which it is answered.
        tool_call_id: RuntimeToolCallId,
        /// The tool's own name.
        name: String,
        /// The tool's namespace, as its [`ToolSpec`](crate::ToolSpec) has it.
        namespace: Option<String>,
        /// The argument; an empty object where the script gave none.
        input: Value,
    },
    /// The script called `notify()`: text for the model while the cell is still at work.
    Notification {
        /// The cell that notifies.
        cell_id: CellId,
        /// The tool call that started the cell, from its [`ExecuteRequest`](crate::ExecuteRequest).
        call_id: String,
        /// The text.
        text: String,
    },
}
