//! Records what a coding agent does, at a cost that follows what is new in a request, and loses nothing when it is killed.
//!
//! An agent core links this crate and nothing else of the project, and calls it at its boundaries: [`ThreadTraceContext`] for a
//! thread and its turns, and from it the contexts for requests, compactions, tool calls, code cells and MCP requests. With tracing
//! off, a call is a branch. `docs/recorder-guide.md` says which call goes where, and `examples/traced_agent.rs` is a small agent
//! that makes them all.
//!
//! The recorder writes down what it sees, in order, and interprets nothing.

#![forbid(unsafe_code)]

mod agent_result;
mod caller;
mod code_cell;
mod compaction;
mod compare_slot;
mod event_line;
mod evidence;
mod file_limit;
mod inference;
mod losses;
mod mcp_call;
mod memory_sink;
mod misuse;
mod new_bundle;
mod options;
mod packer;
mod payload;
mod random_ids;
mod recorder;
mod redaction;
mod request_shape;
mod secrets;
mod sink;
mod start_error;
mod thread;
mod thread_events;
mod thread_metadata;
mod threads;
mod tool_dispatch;
mod tool_invocation;
mod walk;
mod writer;

pub use agent_result::AgentResultTracePayload;
pub use code_cell::CodeCellTraceContext;
pub use compaction::{CompactionCheckpointTracePayload, CompactionTraceAttempt, CompactionTraceContext};
pub use evidence::{Evidence, EvidenceOf, TraceEvidence};
pub use inference::{INFERENCE_CALL_ID_HEADER, InferenceTraceAttempt, InferenceTraceContext, ResponseIds};
pub use losses::TRACING_TARGET;
pub use mcp_call::{MCP_CALL_ID_META, McpCallTraceContext};
pub use memory_sink::MemorySink;
pub use options::{PayloadLayout, TraceOptions};
pub use redaction::Redactor;
pub use rollout_trace_schema::{
    AgentPath, CellStatus, CodeModeRuntimeToolId, CodexTurnId, CompactionId, ExecutionStatus, InferenceCallId,
    McpCallId, ModelVisibleCallId, ResponsesItemId, RuntimeCellId, ThreadId, ToolCallId, ToolKind, UnixMillis,
    document::{SessionSource, SubagentSource, ThreadSpawn, TokenUsage},
};
pub use start_error::StartError;
pub use thread::{TRACE_ROOT_ENV, ThreadTraceContext};
pub use thread_metadata::ThreadStartedTraceMetadata;
pub use tool_dispatch::{ToolDispatchResult, ToolDispatchTraceContext};
pub use tool_invocation::{ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester};
