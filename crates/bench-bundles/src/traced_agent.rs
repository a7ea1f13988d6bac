//! An agent that records what it does through the recorder.

use rollout_trace_recorder::{
    AgentResultTracePayload, CellStatus, CompactionCheckpointTracePayload, ExecutionStatus, ResponseIds, SessionSource,
    ThreadSpawn, ThreadStartedTraceMetadata, ThreadTraceContext, TokenUsage, ToolDispatchInvocation,
    ToolDispatchPayload, ToolDispatchRequester, ToolDispatchResult, ToolDispatchTraceContext, ToolKind,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::prose::Chance;

const MODEL: &str = "a-model";
const PROVIDER: &str = "a-provider";
const INSTRUCTIONS_BYTES: usize = 16_000;
const ARGUMENT_BYTES: usize = 300;
const REASONING_BYTES: usize = 1_000;
const MESSAGE_BYTES: usize = 800;

/// What the agents of a rollout share.
pub(crate) struct World {
    pub(crate) chance: Chance,
    output_bytes: usize,
    instructions: String,
    /// The number of calls, cells, terminals and children so far. Each takes the next number as its id.
    made: usize,
}

impl World {
    pub(crate) fn new(seed: u64, output_bytes: usize) -> Self {
        let mut chance = Chance::new(seed);
        let instructions = chance.text(INSTRUCTIONS_BYTES.min(8 * output_bytes));
        Self { chance, output_bytes, instructions, made: 0 }
    }

    fn next(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    fn message(&mut self, role: &str) -> Value {
        let part = if role == "assistant" { "output_text" } else { "input_text" };
        let text = self.chance.text(MESSAGE_BYTES);
        json!({"type": "message", "id": format!("msg_{}", self.chance.uuid()), "role": role,
               "content": [{"type": part, "text": text}]})
    }

    fn reasoning(&mut self) -> Value {
        let summary = self.chance.text(REASONING_BYTES / 8);
        json!({"type": "reasoning", "id": format!("rs_{}", self.chance.uuid()),
               "summary": [{"type": "summary_text", "text": summary}],
               "encrypted_content": self.chance.cipher(REASONING_BYTES)})
    }

    /// Returns a message from one agent to another.
    fn mail(&mut self, author: &str, recipient: &str, text: &str) -> Value {
        json!({"type": "agent_message", "id": format!("amsg_{}", self.chance.uuid()), "author": author,
               "recipient": recipient, "content": [{"type": "input_text", "text": text}]})
    }

    fn call(&mut self, name: &str, arguments: &Value) -> Call {
        let call_id = format!("call_{:024}", self.next());
        let (id, arguments) = (format!("fc_{}", self.chance.uuid()), arguments.to_string());
        let item = json!({"type": "function_call", "id": id, "name": name, "arguments": arguments, "call_id": call_id});
        Call { call_id, name: name.to_owned(), payload: ToolDispatchPayload::function(arguments), item }
    }

    fn cell(&mut self, input: String) -> Call {
        let call_id = format!("call_{:024}", self.next());
        let id = format!("ctc_{}", self.chance.uuid());
        let item = json!({"type": "custom_tool_call", "id": id, "name": "exec", "input": input, "call_id": call_id});
        Call { call_id, name: "exec".to_owned(), payload: ToolDispatchPayload::custom(input), item }
    }
}

/// A tool call that the model asks for.
struct Call {
    call_id: String,
    name: String,
    payload: ToolDispatchPayload,
    item: Value,
}

impl Call {
    fn invocation(&self, turn: &str) -> ToolDispatchInvocation {
        ToolDispatchInvocation::new(turn, self.call_id.as_str(), self.name.as_str(), self.payload.clone())
    }

    fn output(&self, world: &mut World, text: &str) -> Value {
        let (kind, prefix) = match self.payload {
            ToolDispatchPayload::Custom { .. } => ("custom_tool_call_output", "ctco"),
            _ => ("function_call_output", "fco"),
        };
        json!({"type": kind, "id": format!("{prefix}_{}", world.chance.uuid()), "call_id": self.call_id,
               "output": text})
    }
}

#[derive(Serialize)]
struct Request<'r> {
    model: &'static str,
    instructions: &'r str,
    input: &'r [Value],
    tools: [Value; 3],
    tool_choice: &'static str,
    parallel_tool_calls: bool,
    stream: bool,
    prompt_cache_key: &'r str,
}

/// A thread and what its model sees.
pub(crate) struct TracedAgent {
    trace: ThreadTraceContext,
    thread_id: String,
    turn_id: String,
    instructions: String,
    history: Vec<Value>,
    /// A command that still runs in a terminal: its call and its process.
    running: Option<(String, usize)>,
}

impl TracedAgent {
    pub(crate) fn new(world: &mut World, trace: ThreadTraceContext, thread_id: &str) -> Self {
        Self {
            trace,
            thread_id: thread_id.to_owned(),
            turn_id: String::new(),
            instructions: world.instructions.clone(),
            history: Vec::new(),
            running: None,
        }
    }

    pub(crate) fn start_turn(&mut self, world: &mut World) {
        self.begin_turn(world);
        let task = world.message("user");
        self.accept(task);
    }

    fn begin_turn(&mut self, world: &mut World) {
        self.turn_id = world.chance.uuid();
        self.trace.record_codex_turn_started(self.turn_id.as_str());
    }

    pub(crate) fn end_turn(&self) {
        self.trace.record_codex_turn_ended(self.turn_id.as_str(), ExecutionStatus::Completed);
    }

    /// Answers the user.
    pub(crate) fn answer(&mut self, world: &mut World) {
        let answer = world.message("assistant");
        self.infer(world, answer);
    }

    /// Reasons and calls one tool: usually a command, sometimes a code cell or a terminal.
    pub(crate) fn act(&mut self, world: &mut World) {
        match (self.running.take(), world.chance.below(10)) {
            (Some((call_id, process)), _) => self.write_stdin(world, &call_id, process),
            (None, 0..2) => self.run_cell(world),
            (None, 2) => self.start_terminal(world),
            (None, _) => self.run_command(world),
        }
    }

    /// Spawns a child agent, which runs for one turn and reports its result.
    pub(crate) fn delegate(&mut self, world: &mut World, trips: usize) {
        let name = format!("child_{}", world.next());
        let (path, task) = (format!("/root/{name}"), world.chance.text(MESSAGE_BYTES));
        let call = world.call("spawn_agent", &json!({"task_name": name, "message": task}));
        let thread_id = world.chance.uuid();
        let dispatch = self.ask(world, &call);
        let spawn = ThreadSpawn::new(&*self.thread_id, 1).agent_path(&*path);
        let trace = self.trace.start_child_thread_trace_or_disabled(metadata(&thread_id, &path, spawn.into()));
        let activity =
            json!({"event_id": call.call_id, "agent_thread_id": thread_id, "agent_path": path, "kind": "started"});
        self.end_runtime(&call.call_id, &activity);
        self.finish(world, &call, &dispatch, &json!({"task_name": path}).to_string());

        let mut child = TracedAgent::new(world, trace, &thread_id);
        child.begin_turn(world);
        let mail = world.mail("/root", &path, &task);
        child.receive(mail);
        for _ in 1..trips {
            child.act(world);
        }
        let report = world.message("assistant");
        let text = report["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        child.infer(world, report);
        child.end_turn();
        child.trace.record_agent_result_interaction(
            child.turn_id.as_str(),
            self.thread_id.as_str(),
            &AgentResultTracePayload { child_agent_path: &path, message: &text, status: &json!({"completed": text}) },
        );
        let mail = world.mail(&path, "/root", &text);
        self.receive(mail);
        child.trace.record_ended(ExecutionStatus::Completed);
    }

    /// Replaces the history by its last user message and an encrypted summary.
    pub(crate) fn compact(&mut self, world: &mut World) {
        let compaction = self.trace.compaction_trace_context(self.turn_id.as_str(), None, MODEL, PROVIDER);
        let attempt = compaction.start_attempt(&self.request());
        let id = format!("cmp_{}", world.chance.uuid());
        let summary =
            json!({"type": "compaction", "id": id, "encrypted_content": world.chance.cipher(2 * REASONING_BYTES)});
        attempt.record_completed(std::slice::from_ref(&summary));
        let task = self.history.iter().rfind(|item| item["role"] == "user").cloned();
        let replacement: Vec<Value> = task.into_iter().chain([summary]).collect();
        compaction.record_installed(&CompactionCheckpointTracePayload::new(&self.history, &replacement));
        self.history = replacement;
    }

    fn request(&self) -> Request<'_> {
        let tool = |name: &str| json!({"type": "function", "name": name, "description": "A tool.", "strict": false});
        Request {
            model: MODEL,
            instructions: &self.instructions,
            input: &self.history,
            tools: ["exec_command", "write_stdin", "spawn_agent"].map(tool),
            tool_choice: "auto",
            parallel_tool_calls: true,
            stream: true,
            prompt_cache_key: &self.thread_id,
        }
    }

    /// Sends a request. Its response consists of reasoning and this item.
    fn infer(&mut self, world: &mut World, item: Value) {
        let attempt = self.trace.inference_trace_context(self.turn_id.as_str(), MODEL, PROVIDER).start_attempt();
        attempt.record_started(&self.request());
        let response = [world.reasoning(), item];
        let response_id = format!("resp_{}", world.chance.uuid());
        let ids = ResponseIds { response_id: Some(&response_id), upstream_request_id: None };
        let usage = TokenUsage { input_tokens: 1_200, output_tokens: 40, ..TokenUsage::default() };
        attempt.record_completed(ids, Some(&usage), &response);
        response.into_iter().for_each(|item| self.accept(item));
    }

    fn accept(&mut self, item: Value) {
        let id = item["id"].as_str().unwrap_or_default();
        self.trace.record_history_item_accepted(Some(self.turn_id.as_str()), id);
        self.history.push(item);
    }

    fn receive(&mut self, mail: Value) {
        let id = mail["id"].as_str().unwrap_or_default();
        self.trace.record_agent_message_accepted(Some(self.turn_id.as_str()), id, &mail);
        self.history.push(mail);
    }

    /// Makes the model ask for a call, and dispatches it.
    fn ask(&mut self, world: &mut World, call: &Call) -> ToolDispatchTraceContext {
        self.infer(world, call.item.clone());
        self.trace.start_tool_dispatch_trace(|| Some(call.invocation(&self.turn_id)))
    }

    /// Answers a call: first in the trace of the call, then in the history.
    fn finish(&mut self, world: &mut World, call: &Call, dispatch: &ToolDispatchTraceContext, text: &str) {
        let output = call.output(world, text);
        let result = ToolDispatchResult::DirectResponse { response_item: &output };
        dispatch.record_completed(ExecutionStatus::Completed, result);
        self.accept(output);
    }

    fn start_runtime(&self, call_id: &str, begin: &Value) {
        self.trace.record_tool_call_runtime_started(self.turn_id.as_str(), call_id, ToolKind::ExecCommand, begin);
    }

    fn end_runtime(&self, call_id: &str, end: &Value) {
        self.trace.record_tool_call_runtime_ended(self.turn_id.as_str(), call_id, ExecutionStatus::Completed, end);
    }

    fn run_command(&mut self, world: &mut World) {
        let command = world.chance.text(ARGUMENT_BYTES);
        let call = world.call("exec_command", &json!({"cmd": command, "yield_time_ms": 1_000}));
        let dispatch = self.ask(world, &call);
        let output = self.run(world, &call.call_id, &command);
        self.finish(world, &call, &dispatch, &format!("Process exited with code 0\nOutput:\n{output}"));
    }

    /// Runs a command to its end and returns its output.
    fn run(&self, world: &mut World, call_id: &str, command: &str) -> String {
        let mut runtime = json!({
            "call_id": call_id, "process_id": world.next().to_string(), "turn_id": self.turn_id,
            "command": ["/bin/bash", "-lc", command], "cwd": "/work",
        });
        self.start_runtime(call_id, &runtime);
        let output = world.chance.text(world.output_bytes);
        runtime["aggregated_output"] = output.as_str().into();
        runtime["exit_code"] = 0.into();
        self.end_runtime(call_id, &runtime);
        output
    }

    /// Starts a command that still runs when its call is answered.
    fn start_terminal(&mut self, world: &mut World) {
        let command = world.chance.text(ARGUMENT_BYTES);
        let call = world.call("exec_command", &json!({"cmd": command, "yield_time_ms": 250}));
        let dispatch = self.ask(world, &call);
        let process = world.next();
        let runtime = json!({
            "call_id": call.call_id, "process_id": process.to_string(), "turn_id": self.turn_id,
            "command": ["/bin/bash", "-lc", command], "cwd": "/work",
        });
        self.start_runtime(&call.call_id, &runtime);
        self.finish(world, &call, &dispatch, &format!("Process running with session ID {process}\nOutput:\n"));
        self.running = Some((call.call_id, process));
    }

    /// Writes to the terminal of an earlier call, which ends that call's command.
    fn write_stdin(&mut self, world: &mut World, exec_call_id: &str, process: usize) {
        let call = world.call("write_stdin", &json!({"session_id": process, "chars": "q\n"}));
        let dispatch = self.ask(world, &call);
        self.trace.record_stdin_target_resolved(self.turn_id.as_str(), call.call_id.as_str(), exec_call_id);
        let output = world.chance.text(world.output_bytes);
        let end = json!({
            "call_id": exec_call_id, "process_id": process.to_string(), "turn_id": self.turn_id,
            "aggregated_output": output, "exit_code": 0,
        });
        self.end_runtime(exec_call_id, &end);
        self.finish(world, &call, &dispatch, &format!("Process exited with code 0\nOutput:\n{output}"));
    }

    /// Runs a code cell, which runs a command and shows its output.
    fn run_cell(&mut self, world: &mut World) {
        let command = world.chance.text(ARGUMENT_BYTES);
        let source =
            format!("const result = await tools.exec_command({{cmd: {}}});\ntext(result.output);", json!(command));
        let call = world.cell(source.clone());
        let dispatch = self.ask(world, &call);
        let cell_id = world.next().to_string();
        let cell =
            self.trace.start_code_cell_trace(self.turn_id.as_str(), cell_id.as_str(), call.call_id.as_str(), source);
        let nested_id = format!("exec-{}", world.next());
        let nested = self.trace.start_tool_dispatch_trace(|| {
            let arguments = ToolDispatchPayload::function(json!({"cmd": command}).to_string());
            let invocation = ToolDispatchInvocation::new(&*self.turn_id, &*nested_id, "exec_command", arguments);
            Some(invocation.requested_by(ToolDispatchRequester::code_cell(&*cell_id, "tool-1")))
        });
        let output = self.run(world, &nested_id, &command);
        let value = json!({"exit_code": 0, "output": output});
        nested.record_completed(ExecutionStatus::Completed, ToolDispatchResult::CodeModeResponse { value: &value });
        let response =
            json!({"Result": {"cell_id": cell_id, "content_items": [{"type": "input_text", "text": output}]}});
        cell.record_initial_response(CellStatus::Completed, &response);
        cell.record_ended(CellStatus::Completed, &response);
        self.finish(world, &call, &dispatch, &output);
    }
}

/// Returns the metadata of a thread.
pub(crate) fn metadata(thread_id: &str, path: &str, source: SessionSource) -> ThreadStartedTraceMetadata {
    ThreadStartedTraceMetadata::new(thread_id, path, source)
        .cwd("/work")
        .model(MODEL, PROVIDER)
        .policies("never", "none")
}
