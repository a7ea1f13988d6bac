//! A small but complete traced agent: `cargo run --example traced_agent -- TRACE_ROOT [files|packed]`.
//!
//! The model's replies are scripted and the tools do nothing, but every call that an agent core makes to the recorder
//! is here, in the order of a real session. It prints the bundle's folder.

use std::{env, path::Path, process::ExitCode};

use rollout_trace_recorder::{
    AgentResultTracePayload, CellStatus, CompactionCheckpointTracePayload, Evidence, ExecutionStatus, PayloadLayout,
    ResponseIds, SessionSource, ThreadSpawn, ThreadStartedTraceMetadata, ThreadTraceContext, TokenUsage,
    ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchResult, ToolKind, TraceEvidence, TraceOptions,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

const MODEL: &str = "scripted-1";
const PROVIDER: &str = "script";

/// A real agent core mints the ids of its threads. They are UUIDs, because Codex's own reducer accepts no others.
pub(crate) const ROOT_THREAD: &str = "01935f5e-8a00-7000-8000-000000000001";
const READER_THREAD: &str = "01935f5e-8a00-7000-8000-000000000002";

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the example is a program")]
fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(root) = arguments.next() else {
        eprintln!("usage: traced_agent TRACE_ROOT [files|packed]");
        return ExitCode::from(2);
    };
    let layout = match arguments.next().as_deref() {
        Some("files") => PayloadLayout::Files,
        _ => PayloadLayout::Packed,
    };
    // An agent core calls `ThreadTraceContext::start_root_or_disabled(metadata)`, which reads the root from the
    // environment.
    let trace = ThreadTraceContext::start_root_in_or_disabled(
        Path::new(&root),
        metadata(ROOT_THREAD, "/root", SessionSource::program("example")),
        TraceOptions::new().layout(layout),
    );
    run_session(&trace);
    if let Some(folder) = trace.bundle_folder() {
        println!("{}", folder.display());
    }
    ExitCode::SUCCESS
}

/// Runs one session: two turns of the root agent, a child agent in between, and a compaction.
pub(crate) fn run_session(trace: &ThreadTraceContext) {
    trace.record_protocol_event("session_configured", &json!({"type": "session_configured", "model": MODEL}));
    let mut root = Agent::new(trace.clone(), ROOT_THREAD);
    root.turn("turn-1", "What is in notes.txt? Let a reader check it.", |agent| {
        let call = agent.infer(&[
            Item::reasoning("rs_1", "I shall look."),
            Item::call("fc_1", "call_1", "exec_command", r#"{"cmd":"cat notes.txt"}"#),
        ]);
        agent.run_command(&call[1], "hello\n", "4711");
        let call = agent.infer(&[Item::call("fc_2", "call_2", "write_stdin", r#"{"session_id":4711,"chars":"q\n"}"#)]);
        agent.write_stdin(&call[0], "call_1");
        let call = agent.infer(&[Item::call(
            "fc_3",
            "call_3",
            "spawn_agent",
            r#"{"task_name":"reader","message":"check notes.txt"}"#,
        )]);
        agent.spawn_child(&call[0]);
        let call = agent.infer(&[Item::call("fc_4", "call_4", "echo", r#"{"s":"hi"}"#)]);
        agent.call_mcp(&call[0]);
        agent.fail_once();
        agent.infer(&[Item::message("msg_done", "It says hello.")]);
    });
    root.turn("turn-2", "Now compute something.", |agent| {
        let call = agent.infer(&[Item::custom("ctc_1", "call_x1", "exec", "text(1 + 1)")]);
        agent.run_cell(&call[0]);
        agent.compact();
        agent.infer(&[Item::message("msg_two", "It is 2.")]);
    });
    trace.record_protocol_event("shutdown_complete", &json!({"type": "shutdown_complete"}));
    trace.record_ended(ExecutionStatus::Completed);
}

/// A conversation item. Fields that are only for the trace are not sent to the provider.
#[derive(Clone, Debug, Serialize)]
struct Item {
    #[serde(flatten)]
    wire: Map<String, Value>,
    #[serde(skip)]
    readable_reasoning: Option<String>,
}

impl TraceEvidence for Item {
    fn serialize_evidence<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = self.wire.clone();
        if let Some(text) = &self.readable_reasoning {
            shown.insert("content".to_owned(), json!([{"type": "reasoning_text", "text": text}]));
        }
        shown.serialize(serializer)
    }
}

impl Item {
    fn new(value: Value) -> Self {
        let Value::Object(wire) = value else { unreachable!("all items are objects") };
        Self { wire, readable_reasoning: None }
    }

    fn message(id: &str, text: &str) -> Self {
        Self::new(
            json!({"type": "message", "id": id, "role": "assistant", "content": [{"type": "output_text", "text": text}]}),
        )
    }

    fn user(id: &str, text: &str) -> Self {
        Self::new(
            json!({"type": "message", "id": id, "role": "user", "content": [{"type": "input_text", "text": text}]}),
        )
    }

    fn reasoning(id: &str, thought: &str) -> Self {
        let item =
            json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": format!("encrypted:{id}")});
        Self { readable_reasoning: Some(thought.to_owned()), ..Self::new(item) }
    }

    fn call(id: &str, call_id: &str, name: &str, arguments: &str) -> Self {
        Self::new(json!({"type": "function_call", "id": id, "name": name, "arguments": arguments, "call_id": call_id}))
    }

    fn output(call_id: &str, text: &str) -> Self {
        Self::new(
            json!({"type": "function_call_output", "id": format!("fco_{call_id}"), "call_id": call_id, "output": text}),
        )
    }

    fn custom(id: &str, call_id: &str, name: &str, input: &str) -> Self {
        Self::new(json!({"type": "custom_tool_call", "id": id, "name": name, "input": input, "call_id": call_id}))
    }

    fn custom_output(call_id: &str, text: &str) -> Self {
        Self::new(
            json!({"type": "custom_tool_call_output", "id": format!("ctco_{call_id}"), "call_id": call_id, "output": text}),
        )
    }

    fn text(&self, key: &str) -> &str {
        self.wire.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

struct Agent {
    trace: ThreadTraceContext,
    thread_id: String,
    turn_id: String,
    history: Vec<Item>,
    responses: u32,
}

impl Agent {
    fn new(trace: ThreadTraceContext, thread_id: &str) -> Self {
        Self { trace, thread_id: thread_id.to_owned(), turn_id: String::new(), history: Vec::new(), responses: 0 }
    }

    /// Runs a turn, from its input to its end.
    fn turn(&mut self, turn_id: &str, input: &str, work: impl FnOnce(&mut Self)) {
        turn_id.clone_into(&mut self.turn_id);
        self.trace.record_codex_turn_started(turn_id);
        self.accept(Item::user(&format!("msg_{}_{turn_id}", self.thread_id), input));
        work(self);
        self.trace.record_codex_turn_ended(turn_id, ExecutionStatus::Completed);
    }

    /// Adds an item to the history.
    fn accept(&mut self, item: Item) {
        self.trace.record_history_item_accepted(Some(&*self.turn_id), item.text("id"));
        self.history.push(item);
    }

    fn request(&self) -> Value {
        json!({"model": MODEL, "instructions": "You are a small agent.", "input": self.history,
               "tools": [{"type": "function", "name": "exec_command"}], "stream": true})
    }

    /// Sends a request to the model. Returns the items of its answer.
    fn infer(&mut self, reply: &[Item]) -> Vec<Item> {
        let attempt = self.trace.inference_trace_context(&*self.turn_id, MODEL, PROVIDER).start_attempt();
        let request = self.request();
        // The transport adds `attempt.request_header()` to the request.
        attempt.record_started(&request);
        self.responses += 1;
        let response_id = format!("resp_{}_{}", self.thread_id, self.responses);
        let usage = TokenUsage { input_tokens: 100, output_tokens: 10, ..TokenUsage::default() };
        let ids = ResponseIds { response_id: Some(&response_id), upstream_request_id: None };
        attempt.record_completed(ids, Some(&usage), &Evidence(reply));
        reply.iter().for_each(|item| self.accept(item.clone()));
        reply.to_vec()
    }

    /// Sends a request that fails. The next one is another attempt.
    fn fail_once(&self) {
        let attempt = self.trace.inference_trace_context(&*self.turn_id, MODEL, PROVIDER).start_attempt();
        attempt.record_started(&self.request());
        attempt.record_failed("stream disconnected before completion", Some("req_7"), &[] as &[Item]);
    }

    fn invocation(&self, call: &Item, kind: Option<ToolKind>) -> ToolDispatchInvocation {
        let payload = match call.text("type") {
            "custom_tool_call" => ToolDispatchPayload::custom(call.text("input")),
            _ => ToolDispatchPayload::function(call.text("arguments")),
        };
        let mut invocation =
            ToolDispatchInvocation::new(&*self.turn_id, call.text("call_id"), call.text("name"), payload);
        invocation.kind = kind;
        invocation
    }

    fn run_command(&mut self, call: &Item, output: &str, process_id: &str) {
        let dispatch = self.trace.start_tool_dispatch_trace(|| Some(self.invocation(call, None)));
        let call_id = call.text("call_id");
        let begin = json!({"call_id": call_id, "process_id": process_id, "turn_id": self.turn_id,
                           "command": ["/bin/sh", "-c", "cat notes.txt"], "cwd": "/work"});
        self.trace.record_tool_call_runtime_started(&*self.turn_id, call_id, ToolKind::ExecCommand, &begin);
        let mut end = begin;
        end["aggregated_output"] = json!(output);
        end["exit_code"] = json!(0);
        self.trace.record_tool_call_runtime_ended(&*self.turn_id, call_id, ExecutionStatus::Completed, &end);
        self.answer(call, output, |item| {
            dispatch.record_completed(
                ExecutionStatus::Completed,
                ToolDispatchResult::DirectResponse { response_item: item },
            );
        });
    }

    fn write_stdin(&mut self, call: &Item, exec_call_id: &str) {
        let dispatch = self.trace.start_tool_dispatch_trace(|| Some(self.invocation(call, None)));
        self.trace.record_stdin_target_resolved(&*self.turn_id, call.text("call_id"), exec_call_id);
        self.answer(call, "bye\n", |item| {
            dispatch.record_completed(
                ExecutionStatus::Completed,
                ToolDispatchResult::DirectResponse { response_item: item },
            );
        });
    }

    fn call_mcp(&mut self, call: &Item) {
        let kind = ToolKind::Mcp { server: "echo".to_owned(), tool: "echo".to_owned() };
        let dispatch = self.trace.start_tool_dispatch_trace(|| Some(self.invocation(call, Some(kind.clone()))));
        let call_id = call.text("call_id");
        let correlation = self.trace.start_mcp_call_trace(&*self.turn_id, call_id);
        let meta = correlation.add_request_meta(None);
        let begin = json!({"call_id": call_id, "invocation": {"server": "echo", "tool": "echo", "_meta": meta}});
        self.trace.record_tool_call_runtime_started(&*self.turn_id, call_id, kind, &begin);
        let end = json!({"call_id": call_id, "result": {"Ok": {"content": [{"type": "text", "text": "hi"}]}}});
        self.trace.record_tool_call_runtime_ended(&*self.turn_id, call_id, ExecutionStatus::Completed, &end);
        self.answer(call, "hi", |item| {
            dispatch.record_completed(
                ExecutionStatus::Completed,
                ToolDispatchResult::DirectResponse { response_item: item },
            );
        });
    }

    /// Records a tool's answer as the end of its call, then adds it to the history.
    fn answer(&mut self, call: &Item, text: &str, record: impl FnOnce(&Item)) {
        let output = Item::output(call.text("call_id"), text);
        record(&output);
        self.accept(output);
    }

    fn run_cell(&mut self, call: &Item) {
        let dispatch = self.trace.start_tool_dispatch_trace(|| Some(self.invocation(call, None)));
        let cell = self.trace.start_code_cell_trace(&*self.turn_id, "1", call.text("call_id"), call.text("input"));
        let response = json!({"Result": {"cell_id": "1", "content_items": [{"type": "input_text", "text": "2"}]}});
        cell.record_initial_response(CellStatus::Completed, &response);
        cell.record_ended(CellStatus::Completed, &response);
        let output = Item::custom_output(call.text("call_id"), "2");
        dispatch.record_completed(
            ExecutionStatus::Completed,
            ToolDispatchResult::DirectResponse { response_item: &output },
        );
        self.accept(output);
    }

    /// Runs a child agent, from its spawning to its result.
    fn spawn_child(&mut self, call: &Item) {
        let dispatch = self.trace.start_tool_dispatch_trace(|| Some(self.invocation(call, None)));
        let spawn = ThreadSpawn::new(&*self.thread_id, 1).agent_path("/root/reader");
        let child_metadata = metadata(READER_THREAD, "/root/reader", spawn.into());
        let child_trace = self.trace.start_child_thread_trace_or_disabled(child_metadata);
        let activity = json!({"event_id": call.text("call_id"), "agent_thread_id": READER_THREAD,
                              "agent_path": "/root/reader", "kind": "started"});
        self.trace.record_tool_call_runtime_ended(
            &*self.turn_id,
            call.text("call_id"),
            ExecutionStatus::Completed,
            &activity,
        );
        self.answer(call, r#"{"task_name":"/root/reader"}"#, |item| {
            dispatch.record_completed(
                ExecutionStatus::Completed,
                ToolDispatchResult::DirectResponse { response_item: item },
            );
        });

        let mut child = Agent::new(child_trace, READER_THREAD);
        child.turn("turn-child", "You are a reader.", |child| {
            let task = json!({"type": "agent_message", "id": "amsg_1", "author": "/root", "recipient": "/root/reader",
                              "content": [{"type": "input_text", "text": "check notes.txt"}]});
            child.trace.record_agent_message_accepted(Some(&*child.turn_id), "amsg_1", &task);
            child.history.push(Item::new(task));
            child.infer(&[Item::message("msg_child", "It says hello.")]);
        });
        let result = json!({"type": "agent_message", "id": "amsg_2", "author": "/root/reader", "recipient": "/root",
                            "content": [{"type": "input_text", "text": "It says hello."}]});
        let status = json!({"completed": "It says hello."});
        child.trace.record_agent_result_interaction(
            "turn-child",
            self.thread_id.as_str(),
            &AgentResultTracePayload::new("/root/reader", "It says hello.", &status),
        );
        self.trace.record_agent_message_accepted(Some(&*self.turn_id), "amsg_2", &result);
        self.history.push(Item::new(result));
        child.trace.record_ended(ExecutionStatus::Completed);
    }

    fn compact(&mut self) {
        let compaction = self.trace.compaction_trace_context(&*self.turn_id, None, MODEL, PROVIDER);
        let request = json!({"model": MODEL, "input": self.history, "parallel_tool_calls": true});
        compaction.start_attempt(&request).record_failed("503 overloaded");
        let summary = Item::new(json!({"type": "compaction", "id": "cmp_1", "encrypted_content": "encrypted summary"}));
        compaction.start_attempt(&request).record_completed(&Evidence(std::slice::from_ref(&summary)));
        let replacement = vec![self.history[0].clone(), summary];
        compaction.record_installed(&CompactionCheckpointTracePayload::new(&self.history, &replacement));
        self.history = replacement;
    }
}

/// Returns the metadata of a thread of this example.
pub(crate) fn metadata(thread_id: &str, agent_path: &str, session_source: SessionSource) -> ThreadStartedTraceMetadata {
    ThreadStartedTraceMetadata::new(thread_id, agent_path, session_source)
        .cwd("/work")
        .model(MODEL, PROVIDER)
        .policies("never", "DangerFullAccess")
}
