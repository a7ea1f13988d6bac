//! What a tool answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ModelItem;

/// A `tool_result` document of a tool call.
///
/// Source: bundle 1, section 6.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolResult<Item = ModelItem, CellValue = Value> {
    /// An item for the conversation.
    DirectResponse {
        /// The item.
        response_item: Item,
    },
    /// A value for the script of a code cell.
    CodeModeResponse {
        /// The value.
        value: CellValue,
    },
    /// The call could not be answered.
    Error {
        /// What went wrong.
        error: String,
    },
}

/// A `tool_result` document of a code cell.
///
/// Source: bundle 1, section 6.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeCellResponse<Response = Value> {
    /// The cell runtime's own answer.
    pub response: Response,
}
