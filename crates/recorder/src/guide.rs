//! How to record: a guide for authors of agent cores.
//!
//! An agent core depends on `rollout-trace-recorder` and on nothing else of this project. The example `traced_agent` is
//! a small agent with every call in its place: `cargo run -p rollout-trace-recorder --example traced_agent --
//! /tmp/traces` runs it, and `rollout-trace show` draws what it recorded. The crate `rollout-trace-agent-core` is a
//! real one; `docs/agent.md` says which of its files makes which call.
//!
//! # A first trace
//!
//! ```
//! use rollout_trace_recorder::{
//!     ExecutionStatus, ResponseIds, SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext,
//!     ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchResult,
//! };
//! use serde_json::json;
//!
//! // On if the environment variable CODEX_ROLLOUT_TRACE_ROOT is set.
//! let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"))
//!     .cwd("/work")
//!     .model("gpt-5.2-codex", "openai");
//! let trace = ThreadTraceContext::start_root_or_disabled(metadata);
//!
//! trace.record_codex_turn_started("turn-1");
//! let question = json!({"type": "message", "id": "msg_1", "role": "user",
//!                       "content": [{"type": "input_text", "text": "What is here?"}]});
//! trace.record_history_item_accepted(Some("turn-1"), "msg_1");
//!
//! // A request, from its start to its end.
//! let attempt = trace.inference_trace_context("turn-1", "gpt-5.2-codex", "openai").start_attempt();
//! attempt.record_started(&json!({"model": "gpt-5.2-codex", "input": [question]}));
//! let call = json!({"type": "function_call", "id": "fc_1", "name": "exec_command",
//!                   "arguments": "{\"cmd\":\"ls\"}", "call_id": "call_1"});
//! attempt.record_completed(ResponseIds::default(), None, &[&call]);
//! trace.record_history_item_accepted(Some("turn-1"), "fc_1");
//!
//! // The tool that the model called. The closure runs only if tracing is on.
//! let dispatch = trace.start_tool_dispatch_trace(|| {
//!     let arguments = ToolDispatchPayload::function(r#"{"cmd":"ls"}"#);
//!     Some(ToolDispatchInvocation::new("turn-1", "call_1", "exec_command", arguments))
//! });
//! let output = json!({"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "notes.txt\n"});
//! let result = ToolDispatchResult::DirectResponse { response_item: &output };
//! dispatch.record_completed(ExecutionStatus::Completed, result);
//! trace.record_history_item_accepted(Some("turn-1"), "fco_1");
//!
//! trace.record_codex_turn_ended("turn-1", ExecutionStatus::Completed);
//! trace.record_ended(ExecutionStatus::Completed);
//! ```
//!
//! # Which call goes where
//!
//! | the agent core … | it calls |
//! |---|---|
//! | starts a session | [`ThreadTraceContext::start_root_or_disabled`], which is on if the environment variable [`TRACE_ROOT_ENV`] is set. [`start_root`] and [`start_root_in_or_disabled`] take a folder and options |
//! | spawns a child agent | [`start_child_thread_trace_or_disabled`] on the parent's handle; `session_source` names the parent |
//! | opens an ended child again | [`resume_child_thread_trace_or_disabled`] |
//! | begins and ends a turn | [`record_codex_turn_started`], [`record_codex_turn_ended`] |
//! | shows its user something | [`record_protocol_event`], for the few types worth keeping |
//! | adds an item to the history | [`record_history_item_accepted`]; for a message of another agent [`record_agent_message_accepted`], before the request that shows it |
//! | sends a request | [`inference_trace_context`] once, then [`start_attempt`] and [`record_started`] for each attempt; the request carries [`request_header`]. A retry is another attempt of the same context |
//! | has an answer, an error, or gives up | [`record_completed`], [`record_failed`], [`record_cancelled`], the last two with what had arrived |
//! | dispatches a tool call | [`start_tool_dispatch_trace`], then `record_completed` or `record_failed` of its context |
//! | starts and ends a tool's runtime | [`record_tool_call_runtime_started`] with the kind that the runtime knows, [`record_tool_call_runtime_ended`] |
//! | knows which command a write to stdin goes to | [`record_stdin_target_resolved`] |
//! | calls an MCP server | [`start_mcp_call_trace`]; the request's `_meta` goes through [`add_request_meta`] |
//! | runs a code cell | [`start_code_cell_trace`], `record_initial_response`, `record_ended`; in a later call [`code_cell_trace_context`] |
//! | compacts the history | [`compaction_trace_context`], `start_attempt` for each request (none if it compacts locally), [`record_installed`] |
//! | hands a child's result to the parent | [`record_agent_result_interaction`] on the child's handle |
//! | ends a thread | [`record_ended`]; on the root's handle this ends the rollout |
//!
//! An event belongs to the turn that is passed and to the thread of the handle. The module [`document`] shows the shape
//! that each value must have.
//!
//! # What a call costs, and what it guarantees
//!
//! With tracing off, a handle is `None` and a call is a branch; nothing that only the trace needs is built. With
//! tracing on:
//!
//! * **When a call returns, it is recorded.** A reader sees payload and event even if the process is killed in the next
//!   instant. To survive a power cut as well, set [`TraceOptions::sync_at_turn_end`].
//! * **A large request costs about a tenth of serializing it**, because most of it repeats the thread's last request: the
//!   recorder walks over the value and compares, and only what is new becomes text. `docs/benchmarks.md` has figures.
//! * **No call fails, and none panics.** Whatever cannot be recorded is counted, reported in the trace as a protocol
//!   event `rollout_trace.loss`, and warned about once under the `tracing` target [`TRACING_TARGET`]. An agent that
//!   records its own log has to exclude that target. If no document can be written, an `other` event of that kind
//!   carries the report in its line. A trace that could not report everything that it lost gets no end marker, so
//!   readers treat it as incomplete.
//! * **No file size limit kills the agent.** A write beyond the process's limit (`ulimit -f`) would end it by a signal.
//!   On Linux the recorder reads the limit when a bundle begins, and counts as lost what would exceed it. It does not
//!   see a limit that is lowered later.
//! * **A value's `Serialize` is called once**, synchronously, on the caller's thread. It must produce the same output
//!   for the same value each time. If it fails or panics, a mark replaces the payload. A `Display`, a closure, a clock
//!   or a source of ids that panics does no more harm than that.
//!
//! # Handles
//!
//! Handles are cheap to clone, `Send + Sync + 'static`, and need no `async`: a call never waits for more than two
//! writes. What has a handle ends once: later ends are ignored. (A turn has no handle; see [Misuse](#misuse) for its
//! second end.) If a handle is dropped without an end, the recorder records one: an attempt or a tool call is cancelled,
//! a thread is aborted, always with the word *abandoned*. Therefore a future that is dropped before its end leaves
//! nothing open.
//!
//! The recording is complete when the last handle of the last thread is dropped; then the end marker is written. A core
//! whose handles outlive the session calls [`finish`].
//!
//! A forked child process has the handles of its parent and records nothing with them.
//!
//! # Three ways to pass a request
//!
//! * [`record_started`] takes any `Serialize`. It is the best way unless one of the others costs you nothing.
//! * [`record_started_body`] is for a transport that has already serialized the body. The bytes are recorded unchanged.
//! * [`record_started_unchanged`] is for a core that knows that the first *n* elements of `input` (of `messages` or
//!   `contents` in other APIs) are those of the thread's last request. These are not serialized. Debug builds serialize them, and warn if they differ.
//!
//! Keep the order of fields and of map entries stable. A `HashMap` that changes its order between requests is recorded
//! correctly, but its part of the request is stored again.
//!
//! # Items that say more than the wire
//!
//! The items that go back to a provider may lack readable reasoning. Implement [`TraceEvidence`] for the item type, and
//! pass [`Evidence`]`(&items)` where the items of a response are expected.
//!
//! # Misuse
//!
//! A call that an agent core should not make is reported where it happens: as one `tracing` warning, and in the trace
//! as one protocol event `rollout_trace.misuse`, once for each kind of misuse and rollout. It never fails the agent.
//!
//! | misuse | what is recorded | name in the trace |
//! |---|---|---|
//! | a request without an `input` that is an array or a text, or without the `messages` or `contents` of its API | the request, unchanged; readers find no conversation in it | `request_without_input` |
//! | [`record_started_unchanged`] with too large a number, in a debug build | the request, unchanged; a release build records the old items | `unchanged_items_changed` |
//! | a child thread with the id of the root | nothing: the child's handle is disabled, because its events would be taken for the root's | `child_has_root_id` |
//! | a child whose `session_source` names a parent that never began | the child, without a parent | `unknown_parent` |
//! | a turn that is ended twice | both ends; readers take the later one | `turn_ended_twice` |
//! | an end of an attempt that was never started | nothing; the end counts as lost | reported as a loss |
//!
//! Of the requests that are passed as a body, or recorded as files, only the first one of a thread is checked. Every
//! other request is checked, but only for the presence of the field.
//!
//! If the root folder cannot be written, the session is not traced. The recorder warns about it through `tracing`; if
//! the agent has no `tracing` subscriber, it writes one line to stderr, once per process.
//!
//! # Options
//!
//! | [`TraceOptions`] | default |
//! |---|---|
//! | `layout` | [`PayloadLayout::Packed`]. [`PayloadLayout::Files`] is for tools that read one file per payload, such as the reducer of Codex 0.169.0, which also wants UUIDs as thread ids. `rollout-trace convert` converts both ways |
//! | `schema_3` (feature `schema-3`) | off. See [below](#schema-3) |
//! | `max_payload_bytes`, `max_bundle_bytes` | 256 MiB, 16 GiB. Beyond them a mark replaces a payload. A bundle that exceeds its limit by an eighth gets only the reports of what was lost, and its end |
//! | `max_compare_bytes` | 64 MiB for all threads. Beyond it, fingerprints under a secret key replace the items |
//! | `redactor` | none. [`Redactor::common_secrets`] replaces keys, tokens and passwords by marks with a keyed hash (`docs/redaction.md` lists what it finds); [`Redactor::new`] calls a hook. A redactor gets each string before it is written for the first time, the keys of maps, and a body that is not JSON as a whole |
//! | `clock`, `ids` | the system's. A test sets both and gets the same bytes on every run |
//! | `memory_sink` | none. A test records into memory and looks at [`MemorySink::files`] |
//! | `sync_at_turn_end` | off |
//!
//! # Schema 3
//!
//! Codex 0.171.0 reads schema 3 and nothing older. With the feature `schema-3` of this crate, `TraceOptions::schema_3`
//! records in it. Nothing changes for the agent core, except that two more of its facts are in the trace:
//!
//! | when the core … | it calls |
//! |---|---|
//! | accepts the output of a tool into its history | [`record_tool_output_accepted`] in the place of [`record_history_item_accepted`] |
//! | knows which code cell a `wait` waits for, after the call started | [`record_code_cell_wait_target_resolved`] |
//!
//! Both may be called in schema 2, too: the first records the acceptance, and the second nothing.
//!
//! Documents are in compressed shards, and a request costs more than in the packed layout: it is serialized as a whole, and
//! then compressed while no other call can write. A shard ends at 8 MiB of documents, or when its file meets the process's
//! file size limit. A document that is lost, or larger than a limit allows, is marked as omitted in its reference, which
//! Codex accepts; losses are reported as in schema 2.
//!
//! # Where a trace is stored
//!
//! A trace is the folder `<root>/trace-<trace id>-<thread id>/`. On Unix its folders have mode 0700 and its files 0600,
//! because they hold prompts and secrets. On other systems they have the permissions of the folder that contains them.
//! The crate `rollout-trace-schema` describes their content; its module `packed` specifies the file of payloads byte by
//! byte.
//!
//! [`add_request_meta`]: crate::McpCallTraceContext::add_request_meta
//! [`code_cell_trace_context`]: ThreadTraceContext::code_cell_trace_context
//! [`compaction_trace_context`]: ThreadTraceContext::compaction_trace_context
//! [`finish`]: ThreadTraceContext::finish
//! [`inference_trace_context`]: ThreadTraceContext::inference_trace_context
//! [`record_agent_message_accepted`]: ThreadTraceContext::record_agent_message_accepted
//! [`record_agent_result_interaction`]: ThreadTraceContext::record_agent_result_interaction
//! [`record_cancelled`]: crate::InferenceTraceAttempt::record_cancelled
//! [`record_codex_turn_ended`]: ThreadTraceContext::record_codex_turn_ended
//! [`record_codex_turn_started`]: ThreadTraceContext::record_codex_turn_started
//! [`record_code_cell_wait_target_resolved`]: ThreadTraceContext::record_code_cell_wait_target_resolved
//! [`record_completed`]: crate::InferenceTraceAttempt::record_completed
//! [`record_ended`]: ThreadTraceContext::record_ended
//! [`record_failed`]: crate::InferenceTraceAttempt::record_failed
//! [`record_history_item_accepted`]: ThreadTraceContext::record_history_item_accepted
//! [`record_installed`]: crate::CompactionTraceContext::record_installed
//! [`record_protocol_event`]: ThreadTraceContext::record_protocol_event
//! [`record_started_body`]: crate::InferenceTraceAttempt::record_started_body
//! [`record_started_unchanged`]: crate::InferenceTraceAttempt::record_started_unchanged
//! [`record_started`]: crate::InferenceTraceAttempt::record_started
//! [`record_stdin_target_resolved`]: ThreadTraceContext::record_stdin_target_resolved
//! [`record_tool_call_runtime_ended`]: ThreadTraceContext::record_tool_call_runtime_ended
//! [`record_tool_call_runtime_started`]: ThreadTraceContext::record_tool_call_runtime_started
//! [`record_tool_output_accepted`]: ThreadTraceContext::record_tool_output_accepted
//! [`request_header`]: crate::InferenceTraceAttempt::request_header
//! [`resume_child_thread_trace_or_disabled`]: ThreadTraceContext::resume_child_thread_trace_or_disabled
//! [`start_attempt`]: crate::InferenceTraceContext::start_attempt
//! [`start_child_thread_trace_or_disabled`]: ThreadTraceContext::start_child_thread_trace_or_disabled
//! [`start_code_cell_trace`]: ThreadTraceContext::start_code_cell_trace
//! [`start_mcp_call_trace`]: ThreadTraceContext::start_mcp_call_trace
//! [`start_root_in_or_disabled`]: ThreadTraceContext::start_root_in_or_disabled
//! [`start_root`]: ThreadTraceContext::start_root
//! [`start_tool_dispatch_trace`]: ThreadTraceContext::start_tool_dispatch_trace
#![expect(unused_imports, reason = "the links of the documentation")]

use crate::{
    Evidence, MemorySink, PayloadLayout, Redactor, TRACE_ROOT_ENV, TRACING_TARGET, ThreadTraceContext, TraceEvidence,
    TraceOptions, document,
};
