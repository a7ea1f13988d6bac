//! Threads whose answers are one record each, with the history before it as the request.

use std::collections::{HashMap, HashSet, VecDeque};

use rollout_trace_schema::{
    CodexTurnId, EvidenceSource, ExecutionStatus, RolloutStarted, ThreadId, ToolCallId, ToolKind, TraceId, UnixMillis,
};
use serde_json::{Value, json, value::RawValue};

use crate::{
    draft::{At, Boundary, Draft},
    object::{Object, raw},
    problem::ProblemCode,
    spawn::Agent,
    time,
    writer::{Answer, Called, Item, Request, UNKNOWN, Writer},
};

/// An answer of the model.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    /// When the request went out, if that is recorded.
    pub(crate) started: Option<UnixMillis>,
    pub(crate) model: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) answer: Answer,
    /// The calls in it, with the agents that they started, and when and where they began if that is recorded.
    pub(crate) calls: Vec<(Called, Option<Agent>, Option<At>)>,
    pub(crate) ending: Ending,
    /// The parts of the request that the file does not have, and those that it has.
    pub(crate) parts: (&'a [&'a str], Object<'a>),
    /// Whether the turn ends with the answer.
    pub(crate) is_last: bool,
}

/// How an answer ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Completed,
    /// It failed, and why.
    Failed(String),
    /// It was canceled, and why.
    Cancelled(String),
    /// Nothing says that it has ended.
    Open,
}

/// The run of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// How many milliseconds it took.
    pub(crate) took: i64,
    pub(crate) exit_code: Option<i64>,
}

/// A call that is not answered.
#[derive(Debug)]
struct OpenCall {
    kind: ToolKind,
    arguments: String,
    turn: CodexTurnId,
    agent: Option<ThreadId>,
}

/// A thread of that kind.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) writer: Writer,
    pub(crate) clock: UnixMillis,
    pub(crate) cwd: Option<String>,
    turn: Option<CodexTurnId>,
    calls: HashMap<String, OpenCall>,
    unshown: Vec<Item>,
    seen: HashSet<String>,
    unknown_types: HashSet<String>,
    is_time_reported: bool,
}

impl Linear {
    pub(crate) fn new(thread: ThreadId, clock: UnixMillis) -> Self {
        Self {
            writer: Writer::new(thread),
            clock,
            cwd: None,
            turn: None,
            calls: HashMap::new(),
            unshown: Vec::new(),
            seen: HashSet::new(),
            unknown_types: HashSet::new(),
            is_time_reported: false,
        }
    }

    /// Returns the event with which a session begins.
    pub(crate) fn rollout(&self, at: &At) -> Draft {
        let id = self.writer.thread.clone();
        let event = RolloutStarted { trace_id: TraceId::from(format!("import-{id}")), root_thread_id: id.clone() };
        Draft { at: at.clone(), thread: id, body: event.into(), documents: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn take(&mut self) -> VecDeque<Draft> {
        self.writer.take()
    }

    /// Returns when and where a record is.
    pub(crate) fn at(&mut self, place: EvidenceSource, time: Option<&str>) -> At {
        self.at_time(place, time.map(time::parse))
    }

    /// Returns when and where a record is that has this time, which is `None` if it cannot be.
    pub(crate) fn at_time(&mut self, place: EvidenceSource, time: Option<Option<UnixMillis>>) -> At {
        match time {
            Some(Some(time)) => self.clock = time,
            Some(None) if !std::mem::replace(&mut self.is_time_reported, true) => {
                let at = self.place(place);
                let message =
                    "the record has no time that can be; the last known time is used, here and in similar records";
                self.writer.problem(&at, ProblemCode::TimeUnknown, message);
            }
            _ => {}
        }
        self.place(place)
    }

    fn place(&self, place: EvidenceSource) -> At {
        At { time: self.clock, place, turn: self.turn.clone(), grade: None }
    }

    /// Returns whether a record with this id was not read before.
    pub(crate) fn is_new(&mut self, at: &At, id: &str) -> bool {
        if self.seen.insert(id.to_owned()) {
            return true;
        }
        let message = format!("the record {id} is repeated; the first one counts");
        self.writer.problem(at, ProblemCode::RepeatedRecord, message);
        false
    }

    /// Lists a record of a type that is not known.
    pub(crate) fn unknown(&mut self, at: &At, kind: &str, record: &Object<'_>) {
        self.writer.protocol(at, kind, record);
        if self.unknown_types.insert(kind.to_owned()) {
            let message = format!("records of the unknown type {kind} are listed, and not interpreted");
            self.writer.problem(at, ProblemCode::UnknownRecord, message);
        }
    }

    /// Begins a turn with a person's prompt.
    pub(crate) fn prompt(&mut self, at: &At, id: &str, items: &[Item]) {
        self.end_turn(&at.implied(), ExecutionStatus::Completed);
        let turn = CodexTurnId::from(id);
        self.writer.turn_started(at, &turn);
        self.turn = Some(turn);
        self.input(at, items);
    }

    /// Adds items to the history that the model did not make.
    pub(crate) fn input(&mut self, at: &At, items: &[Item]) {
        let at = At { turn: self.turn.clone(), ..at.clone() };
        for item in items {
            self.writer.accepted(&at, item, false);
            self.unshown.push(item.clone());
        }
    }

    fn ensure_turn(&mut self, at: &At) -> CodexTurnId {
        if let Some(turn) = &self.turn {
            return turn.clone();
        }
        let turn = self.writer.new_turn();
        self.writer.turn_started(&at.implied(), &turn);
        self.turn = Some(turn.clone());
        turn
    }

    fn end_turn(&mut self, at: &At, status: ExecutionStatus) {
        if let Some(turn) = self.turn.take() {
            self.writer.turn_ended(at, &turn, status);
        }
    }

    /// Writes an answer, with the request that it is to, which held these items.
    pub(crate) fn answered<'i>(&mut self, at: &At, live: impl IntoIterator<Item = &'i Item>, answered: Answered<'_>) {
        let turn = self.ensure_turn(at);
        let at = At { turn: Some(turn.clone()), ..at.clone() };
        let call = self.writer.new_call();
        let (missing, mut rest) = answered.parts;
        if answered.started.is_none() {
            rest.set("time_evidence", "lower_bound");
        }
        let request = Request {
            call: call.clone(),
            model: answered.model,
            provider: answered.provider,
            boundary: Boundary::Implied,
            missing,
            rest,
            message_hashes: None,
        };
        self.writer.inference_started(&at.at(answered.started.unwrap_or(at.time).min(at.time)), request, live);
        self.unshown.clear();
        for item in &answered.answer.items {
            self.writer.accepted(&at, item, false);
        }
        let status = match &answered.ending {
            Ending::Completed => {
                self.writer.inference_completed(&at.reconstructed(), &call, &answered.answer);
                ExecutionStatus::Completed
            }
            Ending::Cancelled(reason) => {
                self.writer.inference_cancelled(&at, &call, reason, &answered.answer);
                ExecutionStatus::Cancelled
            }
            Ending::Failed(error) => {
                self.writer.inference_failed(&at, &call, error, &answered.answer);
                ExecutionStatus::Failed
            }
            Ending::Open => {
                self.unshown.extend(answered.answer.items);
                ExecutionStatus::Running
            }
        };
        for (called, agent, began) in &answered.calls {
            let at =
                began.as_ref().map_or_else(|| at.clone(), |began| At { turn: Some(turn.clone()), ..began.clone() });
            let kind = if agent.is_some() { ToolKind::SpawnAgent } else { tool_kind(&called.name) };
            self.writer.function_called(&at, called, kind.clone());
            if let Some(agent) = agent {
                self.writer.agent_started(&at, &called.id, (&agent.thread, &agent.path));
                self.writer.child(agent.thread.clone());
            }
            let agent = agent.as_ref().map(|agent| agent.thread.clone());
            let open = OpenCall { kind, arguments: called.arguments.clone(), turn: turn.clone(), agent };
            self.calls.insert(called.id.clone(), open);
        }
        let is_open = status == ExecutionStatus::Running;
        if !is_open && (answered.is_last || status != ExecutionStatus::Completed) {
            self.end_turn(&at, status);
        }
    }

    /// Writes that a tool answered a call, and how the command ran if that is recorded.
    pub(crate) fn tool_answered(
        &mut self,
        at: &At,
        call_id: &str,
        (item, text): (&Item, &str),
        status: ExecutionStatus,
        run: Option<Run>,
    ) {
        let Some(OpenCall { kind, arguments, turn, agent }) = self.calls.remove(call_id) else { return };
        let at = At { turn: Some(turn), ..at.clone() };
        let tool = ToolCallId::from(call_id);
        if let Some(Run { took, exit_code }) = run.filter(|_| kind == ToolKind::ExecCommand) {
            let arguments: Value = serde_json::from_str(&arguments).unwrap_or_default();
            let command = [arguments.get("command").and_then(Value::as_str).unwrap_or_default()];
            let begin = json!({
                "call_id": call_id, "turn_id": at.turn, "command": command, "cwd": self.cwd.clone().unwrap_or_default(),
            });
            let mut end = begin.clone();
            end["aggregated_output"] = Value::from(text);
            end["exit_code"] = json!(exit_code);
            let at = at.reconstructed();
            self.writer.runtime_started(&at.at(at.time.saturating_sub(took.max(0))), &tool, kind, &begin);
            self.writer.runtime_ended(&at, &tool, status.clone(), &end);
            if exit_code.is_none() {
                self.writer.loss("exit_code_unknown");
            }
        }
        let result = json!({"type": "direct_response", "response_item": *item.json});
        let is_answer = status == ExecutionStatus::Completed;
        self.writer.tool_ended(&at, &tool, status, Some(&result));
        if let Some(agent) = agent.filter(|_| is_answer) {
            self.writer.agent_answered(&at, &agent, text, &item.id);
        }
    }

    /// Returns the turn that is open, for a compaction.
    pub(crate) fn compaction_turn(&mut self, at: &At) -> At {
        let turn = self.ensure_turn(at);
        self.unshown.clear();
        At { turn: Some(turn), ..at.clone() }
    }

    /// Lists what no request has shown.
    pub(crate) fn end(&mut self, last: &At) {
        let at = At { turn: self.turn.clone(), ..last.clone() };
        let unshown = std::mem::take(&mut self.unshown);
        self.writer.history(&at, &unshown);
    }
}

/// Returns the exit code that the text of a result ends with, if it says one.
pub(crate) fn exit_code(text: &str) -> Option<i64> {
    let last = text.trim_end().lines().last()?;
    last.strip_prefix("Command exited with code ")?.trim().parse().ok()
}

/// Returns the kind of a tool by its name.
///
/// Source: wires, section 6.
fn tool_kind(name: &str) -> ToolKind {
    match name {
        "bash" | "shell" | "run_shell_command" | "run_command" | "execute_command" => ToolKind::ExecCommand,
        "edit" | "write" | "multiedit" | "patch" | "replace" | "write_file" | "edit_file" => ToolKind::ApplyPatch,
        "web_fetch" | "webfetch" | "websearch" | "google_web_search" => ToolKind::Web,
        "task" | "agent" | "delegate_to_agent" | "invoke_agent" => ToolKind::SpawnAgent,
        _ => match name.strip_prefix("mcp__").and_then(|name| name.split_once("__")) {
            Some((server, tool)) => ToolKind::Mcp { server: server.to_owned(), tool: tool.to_owned() },
            None => ToolKind::from_tool_name(name),
        },
    }
}

/// Makes a message of texts.
pub(crate) fn message(role: &str, id: &str, texts: &[String]) -> Item {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    let content: Vec<Value> = texts.iter().map(|text| json!({"type": kind, "text": text})).collect();
    Item::new(id, raw(&json!({"type": "message", "id": id, "role": role, "content": content})))
}

/// Makes a reasoning item.
pub(crate) fn reasoning(id: &str, text: &str, signature: Option<String>) -> Item {
    let content = [json!({"type": "reasoning_text", "text": text})];
    let item = json!({"type": "reasoning", "id": id, "summary": [], "content": content, "signature": signature});
    Item::new(id, raw(&item))
}

/// Makes a call of a tool.
pub(crate) fn function_call(id: &str, called: &Called) -> Item {
    let item = json!({
        "type": "function_call", "id": id, "name": called.name, "arguments": called.arguments, "call_id": called.id,
    });
    Item::new(id, raw(&item))
}

/// Makes the output of a call.
pub(crate) fn function_call_output(id: &str, call_id: &str, output: &RawValue) -> Item {
    let mut item = Object::default();
    item.set("type", "function_call_output");
    item.set("id", id);
    item.set("call_id", call_id);
    item.set("output", output);
    Item::new(id, raw(&item))
}

/// Returns the provider of an answer, or what stands for an unknown one.
pub(crate) fn or_unknown(name: Option<String>) -> String {
    name.unwrap_or_else(|| UNKNOWN.to_owned())
}
