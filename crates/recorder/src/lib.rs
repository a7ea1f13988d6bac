//! Records what a coding agent does. The cost of recording a request depends on what is new in it, and nothing is lost
//! if the agent is killed.
//!
//! An agent core links this crate and nothing else of the project, and calls it at its boundaries:
//! [`ThreadTraceContext`] for a thread and its turns, and from it the contexts for requests, compactions, tool calls,
//! code cells and MCP requests. With tracing off, a call is a branch.
//!
//! ```
//! use std::path::Path;
//!
//! use rollout_trace_recorder::{
//!     ExecutionStatus, MemorySink, ResponseIds, SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext,
//!     TraceOptions,
//! };
//! use serde_json::json;
//!
//! // This records into memory. An agent core calls `start_root_or_disabled(metadata)`, which records into the folder
//! // that the environment variable CODEX_ROLLOUT_TRACE_ROOT names, or not at all.
//! let sink = MemorySink::new();
//! let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"));
//! let trace = ThreadTraceContext::start_root(Path::new("unused"), metadata, TraceOptions::new().memory_sink(&sink))?;
//!
//! trace.record_codex_turn_started("turn-1");
//! let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
//! attempt.record_started(&json!({"input": [{"type": "message", "role": "user", "content": "Hello"}]}));
//! let answer = json!({"type": "message", "role": "assistant", "content": "Hi"});
//! attempt.record_completed(ResponseIds::default(), None, &[answer]);
//! trace.record_codex_turn_ended("turn-1", ExecutionStatus::Completed);
//! trace.record_ended(ExecutionStatus::Completed);
//! drop((attempt, trace));
//!
//! assert_eq!(sink.event_log().lines().count(), 9);
//! # Ok::<(), rollout_trace_recorder::StartError>(())
//! ```
//!
//! The [`guide`] says which call goes where and what each guarantees, and [`document`] which shape the values must
//! have. The example `traced_agent` is a small agent that makes every call.
//!
//! The recorder writes down what it sees, in order, and interprets nothing.

#![forbid(unsafe_code)]

pub mod document;
pub mod guide;

mod agent_result;
mod caller;
mod code_cell;
mod compaction;
mod compare_slot;
mod ended_turns;
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
mod outcome;
mod packer;
mod payload;
mod payload_folder;
mod random_ids;
mod recorder;
mod redaction;
mod request_shape;
mod rollout;
mod secrets;
mod sharded;
mod shards;
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
pub use options::TraceOptions;
pub use outcome::RecordingOutcome;
pub use redaction::Redactor;
pub use rollout::RolloutTraceContext;
pub use rollout_trace_schema::{
    AgentPath, CellStatus, CodeModeRuntimeToolId, CodexTurnId, CompactionId, ExecutionStatus, InferenceCallId,
    McpCallId, ModelVisibleCallId, Observed, PayloadLayout, ResponsesItemId, RuntimeCellId, ThreadId, ToolCallId,
    ToolKind, UnixMillis, WireApi,
    document::{SessionSource, SubagentSource, ThreadSpawn, TokenUsage},
};
pub use start_error::StartError;
pub use thread::{TRACE_ROOT_ENV, ThreadTraceContext};
pub use thread_metadata::ThreadStartedTraceMetadata;
pub use tool_dispatch::{ToolDispatchResult, ToolDispatchTraceContext};
pub use tool_invocation::{ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester};
