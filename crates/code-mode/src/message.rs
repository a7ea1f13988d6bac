//! Messages from a running cell to the owner of its session.

use serde_json::Value;

use crate::{CellId, RuntimeToolCallId};

/// A request or notification of a running cell. Messages arrive in the order in which the script made the calls.
#[derive(Clone, Debug, PartialEq)]
pub enum CellMessage {
    /// The script called a tool; [`CodeModeSession::answer`](crate::CodeModeSession::answer) settles its promise.
    ToolCall {
        /// The cell that makes the call.
        cell_id: CellId,
        /// The call's id, which the answer must name.
        tool_call_id: RuntimeToolCallId,
        /// The tool's own name.
        name: String,
        /// The tool's namespace, from its [`ToolSpec`](crate::ToolSpec).
        namespace: Option<String>,
        /// The argument, an empty object if the script passed none.
        input: Value,
    },
    /// The script called `notify()`: text for the model while the cell is still running.
    Notification {
        /// The cell that sends the notification.
        cell_id: CellId,
        /// The tool call that started the cell, from its [`ExecuteRequest`](crate::ExecuteRequest).
        call_id: String,
        /// The text.
        text: String,
    },
}
