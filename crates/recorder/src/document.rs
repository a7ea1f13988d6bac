//! The shape that each payload must have, and the types of the documents.
//!
//! The recorder records the values that it is given without interpreting them. Readers do interpret them: they find the
//! conversation in a request, the items of a response, the output of a command. So each value that an agent core passes
//! must have the shape below. Fields that are not listed are kept and shown unchanged. A field with `?` may be null or
//! absent.
//!
//! A core may pass its own types, `serde_json::Value`s, or the types of this module, which are the documents as readers
//! read them.
//!
//! | call | shape of the value | type |
//! |---|---|---|
//! | [`start_root`](crate::ThreadTraceContext::start_root) and its variants | made from the metadata; `session_source` is a text, or `{"subagent": {"thread_spawn": {parent_thread_id, depth, agent_path?, …}}}` for a spawned child | [`SessionMetadata`], [`SessionSource`] |
//! | [`record_started`](crate::InferenceTraceAttempt::record_started) | the request as it is sent, in the shape of the Responses API: `input` is an array of items, or a text; `previous_response_id`? | [`InferenceRequest`] |
//! | [`record_completed`](crate::InferenceTraceAttempt::record_completed), and what had arrived at another end | an array of items; token counts as [`TokenUsage`] | [`ModelItem`] |
//! | [`start_attempt`](crate::CompactionTraceContext::start_attempt) of a compaction | the request as it is sent, with an array `input` | [`CompactionRequest`] |
//! | [`record_completed`](crate::CompactionTraceAttempt::record_completed) of a compaction | an array of items | [`ModelItem`] |
//! | [`record_installed`](crate::CompactionTraceContext::record_installed) | both histories are arrays of items | [`CompactionCheckpoint`] |
//! | [`start_tool_dispatch_trace`](crate::ThreadTraceContext::start_tool_dispatch_trace) | made from the invocation; the arguments of a function are JSON text | [`ToolInvocation`] |
//! | [`record_completed`](crate::ToolDispatchTraceContext::record_completed) of a tool call | the item that answers the model, or the value that the script of a code cell gets | [`ToolResult`], [`ExecValue`] |
//! | [`record_tool_call_runtime_started`](crate::ThreadTraceContext::record_tool_call_runtime_started) and [`…_ended`](crate::ThreadTraceContext::record_tool_call_runtime_ended) | by tool: see below | [`RuntimeEvent`] |
//! | [`record_initial_response`](crate::CodeCellTraceContext::record_initial_response) and [`record_ended`](crate::CodeCellTraceContext::record_ended) of a code cell | the cell runtime's own answer, in any shape | [`CodeCellResponse`] |
//! | [`record_agent_message_accepted`](crate::ThreadTraceContext::record_agent_message_accepted) | the whole item: `type` is `agent_message`, `id`, `author`, `recipient`, `content` | [`AgentMessage`] |
//! | [`record_agent_result_interaction`](crate::ThreadTraceContext::record_agent_result_interaction) | made from the result; `status` has any shape | [`AgentResult`] |
//! | [`record_protocol_event`](crate::ThreadTraceContext::record_protocol_event) | any shape | |
//!
//! # Requests and responses
//!
//! ```
//! use rollout_trace_recorder::document::{InferenceRequest, ModelItem};
//! use serde_json::json;
//!
//! let request = json!({
//!     "model": "gpt-5.2-codex",
//!     "instructions": "You are a coding agent.",
//!     "input": [
//!         {"type": "message", "id": "msg_1", "role": "user",
//!          "content": [{"type": "input_text", "text": "What is here?"}]},
//!         {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "…"},
//!         {"type": "function_call", "id": "fc_1", "name": "exec_command",
//!          "arguments": "{\"cmd\":\"ls\"}", "call_id": "call_1"},
//!         {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "notes.txt\n"},
//!     ],
//! });
//! let request: InferenceRequest = serde_json::from_value(request)?;
//! assert!(request.input.iter().all(|item| !matches!(item, ModelItem::Unknown(_))));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! An item keeps the id that it has in the history: it has the same `id` in every request and in
//! `record_history_item_accepted`. A call and its output share a `call_id`, which is the tool call's id as well. Items
//! of other types are kept unchanged.
//!
//! If a request continues an earlier response of the provider, its `input` has only the new items. Pass the response's
//! id in `previous_response_id`, or use
//! [`record_started_incremental`](crate::InferenceTraceAttempt::record_started_incremental).
//!
//! # Tool runtimes
//!
//! ```
//! use rollout_trace_recorder::document::RuntimeEvent;
//! use serde_json::{Value, json};
//!
//! let read = |event: Value| serde_json::from_value::<RuntimeEvent>(event);
//!
//! // A command begins and ends. `process_id` names the terminal, if the command keeps one.
//! let begin = read(json!({"call_id": "call_1", "process_id": "4711", "turn_id": "turn-1",
//!                         "command": ["/bin/sh", "-c", "ls"], "cwd": "/work"}))?;
//! assert!(matches!(begin, RuntimeEvent::ExecBegin(_)));
//! let end = read(json!({"call_id": "call_1", "process_id": "4711", "turn_id": "turn-1",
//!                       "command": ["/bin/sh", "-c", "ls"], "cwd": "/work",
//!                       "aggregated_output": "notes.txt\n", "exit_code": 0}))?;
//! assert!(matches!(end, RuntimeEvent::ExecEnd(_)));
//!
//! // An MCP server is asked and answers.
//! let begin = read(json!({"call_id": "call_2", "invocation": {"server": "echo", "tool": "echo", "arguments": {}}}))?;
//! assert!(matches!(begin, RuntimeEvent::McpBegin(_)));
//! let end = read(json!({"call_id": "call_2", "result": {"Ok": {"content": [{"type": "text", "text": "hi"}]}}}))?;
//! assert!(matches!(end, RuntimeEvent::McpEnd(_)));
//!
//! // A tool spawned, messaged or interrupted an agent: one event, at the end.
//! let activity = read(json!({"event_id": "call_3", "agent_thread_id": "thread-2", "agent_path": "/root/reader",
//!                            "kind": "started"}))?;
//! assert!(matches!(activity, RuntimeEvent::AgentActivity(_)));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Events of other tools may have any shape.
//!
//! # Results of tools
//!
//! ```
//! use rollout_trace_recorder::document::ToolResult;
//! use serde_json::json;
//!
//! // What `ToolDispatchResult::DirectResponse { response_item }` becomes.
//! let item = json!({"type": "function_call_output", "call_id": "call_1", "output": "notes.txt\n"});
//! let result = json!({"type": "direct_response", "response_item": item});
//! assert!(matches!(serde_json::from_value(result)?, ToolResult::<serde_json::Value>::DirectResponse { .. }));
//! # Ok::<(), serde_json::Error>(())
//! ```

pub use rollout_trace_schema::document::{
    AgentActivity, AgentClose, AgentInteraction, AgentMessage, AgentResult, AgentSpawn, AgentWait, CodeCellResponse,
    CompactionCheckpoint, CompactionRequest, CompactionResponse, Content, ContentPart, CustomToolCall,
    CustomToolCallOutput, EncryptedItem, ExecBegin, ExecEnd, ExecValue, FunctionCall, FunctionCallOutput,
    InferenceRequest, InferenceResponse, McpBegin, McpEnd, Message, ModelItem, OpaqueItem, Reasoning, RuntimeEvent,
    SessionMetadata, SessionSource, SubagentSource, ThreadSpawn, TokenUsage, ToolInvocation, ToolInvocationPayload,
    ToolResult,
};
