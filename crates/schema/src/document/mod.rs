//! What the payload documents hold, one file for each kind.
//!
//! A producer writes these documents with its own item types (`InferenceResponse<&[MyItem]>`); a reader reads them with
//! [`ModelItem`]s. Fields that this version does not know are kept in `unknown`. If a field is optional, null means the
//! same as absent; it is written in the form that Codex writes.

mod agent_message;
mod agent_result;
mod compaction;
mod content;
mod inference_request;
mod inference_response;
mod model_item;
mod recorder_report;
mod runtime_agent;
mod runtime_event;
mod runtime_exec;
mod runtime_mcp;
mod session_metadata;
mod session_source;
mod tool_invocation;
mod tool_result;

pub use agent_message::AgentMessage;
pub use agent_result::AgentResult;
pub use compaction::{CompactionCheckpoint, CompactionRequest, CompactionResponse};
pub use content::{Content, ContentPart};
pub use inference_request::InferenceRequest;
pub use inference_response::{InferenceResponse, TokenUsage};
pub use model_item::{
    CustomToolCall, CustomToolCallOutput, EncryptedItem, FunctionCall, FunctionCallOutput, Message, ModelItem,
    OpaqueItem, Reasoning,
};
pub use recorder_report::{
    AbandonedHandle, LostPayload, LostPayloadReason, RecorderMisuse, RecorderReport, RecordingLoss, RedactionCount,
};
pub use runtime_agent::{AgentActivity, AgentClose, AgentInteraction, AgentSpawn, AgentWait};
pub use runtime_event::RuntimeEvent;
pub use runtime_exec::{ExecBegin, ExecEnd, ExecValue};
pub use runtime_mcp::{McpBegin, McpEnd};
pub use session_metadata::SessionMetadata;
pub use session_source::{SessionSource, SubagentSource, ThreadSpawn};
pub use tool_invocation::{ToolInvocation, ToolInvocationPayload};
pub use tool_result::{CodeCellResponse, ToolResult};
