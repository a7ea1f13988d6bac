//! The items of a conversation, as model-facing documents have them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AgentMessage, Content, ContentPart};
use crate::{ModelVisibleCallId, ResponsesItemId};

/// An item of a conversation, distinguished by `type`. New kinds appear without notice and are kept as they are.
///
/// Source: bundle 1, section 7; bundle 2, section 3.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelItem {
    /// A message of the user, the model, the developer or the system.
    Message(Message),
    /// A message from one agent to another.
    AgentMessage(AgentMessage),
    /// The reasoning of the model.
    Reasoning(Reasoning),
    /// A call of a tool with JSON arguments.
    FunctionCall(FunctionCall),
    /// The answer to a function call.
    FunctionCallOutput(FunctionCallOutput),
    /// A call of a tool with free text.
    CustomToolCall(CustomToolCall),
    /// The answer to a custom tool call.
    CustomToolCallOutput(CustomToolCallOutput),
    /// A command for the local shell.
    LocalShellCall(OpaqueItem),
    /// A search on the web.
    WebSearchCall(OpaqueItem),
    /// An image made by the provider.
    ImageGenerationCall(OpaqueItem),
    /// A search for tools.
    ToolSearchCall(OpaqueItem),
    /// The answer to a search for tools.
    ToolSearchOutput(OpaqueItem),
    /// The answer of an MCP server's tool.
    McpToolCallOutput(OpaqueItem),
    /// A compacted history.
    Compaction(EncryptedItem),
    /// A compacted history, by an older name.
    CompactionSummary(EncryptedItem),
    /// A compacted context.
    ContextCompaction(EncryptedItem),
    /// Tools that became available during the session. This item is not part of the conversation.
    AdditionalTools(OpaqueItem),
    /// An item that this version cannot read, as it was written: its kind is unknown, or its fields do not fit its
    /// kind.
    #[serde(untagged)]
    Unknown(Value),
}

/// The body of a `message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// Who speaks.
    pub role: String,
    /// What is said.
    pub content: Content,
    /// The message's place in the answer: `commentary`, `final_answer`, `summary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of a `reasoning` item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reasoning {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// The provider's summary of the reasoning.
    pub summary: Vec<ContentPart>,
    /// The reasoning itself, if it is readable.
    #[serde(default)]
    pub content: Option<Vec<ContentPart>>,
    /// The reasoning in a form that only the provider can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_content: Option<String>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of a `function_call`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// The tool's name.
    pub name: String,
    /// The namespace that the tool belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The arguments as JSON text.
    pub arguments: String,
    /// Joins the call and its answer.
    pub call_id: ModelVisibleCallId,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of a `function_call_output`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionCallOutput {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// Joins the call and its answer.
    pub call_id: ModelVisibleCallId,
    /// The answer.
    pub output: Content,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of a `custom_tool_call`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomToolCall {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// The tool's name.
    pub name: String,
    /// The input, which is text for all known tools.
    pub input: Value,
    /// Joins the call and its answers.
    pub call_id: ModelVisibleCallId,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of a `custom_tool_call_output`, of which a call may have several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomToolCallOutput {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// Joins the call and its answers.
    pub call_id: ModelVisibleCallId,
    /// The answer.
    pub output: Content,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of an item that only the provider can read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncryptedItem {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// What the provider can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_content: Option<String>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The body of an item whose id and call id alone are typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpaqueItem {
    /// The item's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResponsesItemId>,
    /// Joins a call and its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<ModelVisibleCallId>,
    /// The rest of the item, as it was written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
