//! The ends of interaction edges.

use rollout_trace_schema::{ThreadId, ToolCallId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ItemId;

/// The object at which an interaction between agents begins or ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Anchor {
    /// A conversation item.
    ConversationItem {
        /// The item.
        item_id: ItemId,
    },
    /// A tool call.
    ToolCall {
        /// The tool call.
        tool_call_id: ToolCallId,
    },
    /// A thread as a whole.
    Thread {
        /// The thread.
        thread_id: ThreadId,
    },
}
