//! The program's own records of what tools did.

use rollout_trace_schema::{CodexTurnId, ExecutionStatus, ThreadId, ToolCallId, ToolKind, UnixMillis};
use serde_json::{Value, json, value::RawValue};

use super::reader::Reader;
use crate::{draft::At, object::Object, problem::ProblemCode, time, writer::Call};

/// What is before the turn in the id of an activity that says that a child finished a turn.
const FINISHED: &str = "-completed-";

/// A run that the program recorded.
struct Run {
    id: String,
    kind: ToolKind,
    name: &'static str,
    status: ExecutionStatus,
    begin: Value,
    end: Value,
}

impl Reader {
    pub(super) fn read_item_completed(&mut self, at: &At, event: &Object<'_>, payload: &RawValue) {
        if self.inherited.is_some() {
            return;
        }
        let Some(item) = event.object("item") else { return };
        let turn = event.text("turn_id").map(CodexTurnId::from).or_else(|| at.turn.clone());
        let at = At { turn, ..at.clone() };
        let run = match item.text("type").as_deref() {
            Some("CommandExecution") => command(&item, &at),
            Some("McpToolCall") => mcp(&item),
            Some("FileChange") => patch(&item),
            Some("SubAgentActivity") => return self.agent_acts(&at, &item, payload),
            Some("CollabAgentToolCall") => return self.agents_collaborate(&at, &item, payload),
            Some(
                "UserMessage" | "AgentMessage" | "Reasoning" | "ContextCompaction" | "Plan" | "WebSearch" | "ImageView"
                | "HookPrompt",
            ) => return,
            _ => return self.protocol(&at, "item_completed", payload),
        };
        let ended = event.int("completed_at_ms").filter(time::is_plausible).unwrap_or(at.time);
        let started = ended - duration(&item);
        self.run(&at, run, [started, ended]);
    }

    /// Reads the events that older files have in place of items.
    pub(super) fn read_old_runtime(&mut self, at: &At, name: &str, event: &Object<'_>) {
        let Some(id) = event.text("call_id").filter(|_| self.inherited.is_none()) else { return };
        if name.ends_with("_begin") {
            self.tools.running.insert(id, at.clone());
            return;
        }
        let mut run = match name {
            "exec_command_end" => command(event, at),
            "mcp_tool_call_end" => {
                let invocation: Value = event.read("invocation").unwrap_or_default();
                let field = |name: &str| invocation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let result: Value = event.read("result").unwrap_or_default();
                Run {
                    id: id.clone(),
                    kind: ToolKind::Mcp { server: field("server"), tool: field("tool") },
                    name: "mcp",
                    status: if result.get("Err").is_some() {
                        ExecutionStatus::Failed
                    } else {
                        ExecutionStatus::Completed
                    },
                    begin: json!({"call_id": id, "invocation": invocation}),
                    end: json!({"call_id": id, "invocation": invocation, "result": result}),
                }
            }
            _ => patch(event),
        };
        run.id.clone_from(&id);
        let began = self.tools.running.remove(&id).map(|began| began.time);
        let started = began.unwrap_or(at.time - duration(event));
        self.run(at, run, [started, at.time]);
    }

    /// Writes a run, of a call of the model or of the newest code cell.
    fn run(&mut self, at: &At, run: Run, [started, ended]: [UnixMillis; 2]) {
        let tool = ToolCallId::from(run.id.as_str());
        let is_nested = match self.tools.get(&run.id) {
            Some(call) => {
                call.has_run = true;
                false
            }
            None => true,
        };
        if is_nested {
            let Some(cell) = self.cells.newest() else { return };
            let call = Call {
                tool: tool.clone(),
                call_id: None,
                cell: Some((cell, &run.id)),
                kind: run.kind.clone(),
                name: run.name,
                input: "",
                invocation: None,
            };
            self.writer.tool_started(&at.reconstructed().at(started), call);
        }
        self.writer.runtime_started(&at.at(started), &tool, run.kind, &run.begin);
        self.writer.runtime_ended(&at.at(ended), &tool, run.status, &run.end);
        if is_nested {
            self.writer.tool_ended(&at.reconstructed().at(ended), &tool, ExecutionStatus::Completed, None);
        }
    }

    /// Reads that an agent was started, or something was sent to it, or it finished.
    fn agent_acts(&mut self, at: &At, item: &Object<'_>, payload: &RawValue) {
        let (Some(id), Some(child)) = (item.text("id"), item.text("agent_thread_id")) else { return };
        let child = ThreadId::from(child);
        let path = item.text("agent_path").unwrap_or_default();
        let tool = ToolCallId::from(id.as_str());
        if let Some((_, turn)) = id.split_once(FINISHED) {
            self.note_agent(path, child.clone(), Some(CodexTurnId::from(turn)));
            self.protocol(at, "item_completed", payload);
        } else if self.tools.get(&id).is_some() {
            self.note_agent(path.clone(), child.clone(), None);
            let activity = json!({
                "event_id": id, "occurred_at_ms": at.time, "agent_thread_id": child, "agent_path": path,
                "kind": item.text("kind"),
            });
            self.writer.runtime_ended(at, &tool, ExecutionStatus::Completed, &activity);
        } else {
            self.protocol(at, "item_completed", payload);
        }
        self.needs_child(at, child);
    }

    /// Reads what an agent did by a tool for working together.
    fn agents_collaborate(&mut self, at: &At, item: &Object<'_>, payload: &RawValue) {
        let Some(id) = item.text("id") else { return };
        let receivers: Vec<String> = item.read("receiver_thread_ids").unwrap_or_default();
        let receiver = receivers.first();
        let sender = item.text("sender_thread_id").unwrap_or_else(|| self.header.thread.to_string());
        let (tool_name, prompt) = (item.text("tool").unwrap_or_default(), item.text("prompt").unwrap_or_default());
        let event = match (tool_name.as_str(), receiver) {
            ("spawn_agent" | "spawnAgent" | "spawn", Some(child)) => {
                json!({"call_id": id, "sender_thread_id": sender, "new_thread_id": child, "prompt": prompt})
            }
            ("send_input" | "sendInput" | "send_message", Some(child)) => {
                json!({"call_id": id, "sender_thread_id": sender, "receiver_thread_id": child, "prompt": prompt})
            }
            ("close_agent" | "closeAgent" | "close", Some(child)) => json!({
                "call_id": id, "sender_thread_id": sender, "receiver_thread_id": child, "status": item.text("status"),
            }),
            _ => json!({"call_id": id, "sender_thread_id": sender}),
        };
        if self.tools.get(&id).is_some() {
            let is_failed = item.text("status").as_deref() == Some("failed");
            let status = if is_failed { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
            self.writer.runtime_ended(at, &ToolCallId::from(id.as_str()), status, &event);
        } else {
            self.protocol(at, "item_completed", payload);
        }
        for child in receivers {
            self.needs_child(at, ThreadId::from(child));
        }
    }

    /// Says that a child's file is to be read, or that it is missing.
    fn needs_child(&mut self, at: &At, child: ThreadId) {
        let is_new = self.children.insert(child.clone()) && child != self.header.thread;
        if !is_new {
            return;
        }
        if self.store.borrow_mut().file_of(&child).is_none() {
            let message = format!("the file of agent {child} is not in the store; what it did is unknown");
            self.writer.problem(at, ProblemCode::FileMissing, message);
        } else {
            self.writer.child(child);
        }
    }
}

fn command(item: &Object<'_>, at: &At) -> Run {
    let id = item.text("id").or_else(|| item.text("call_id")).unwrap_or_default();
    let cwd = item.text("cwd").unwrap_or_default();
    let cwd = cwd.strip_prefix("file://").unwrap_or(&cwd);
    let command: Value = match item.read("command") {
        Some(Value::String(line)) => json!([line]),
        command => command.unwrap_or_else(|| json!([])),
    };
    let output = item.text("aggregated_output").or_else(|| {
        let (stdout, stderr) = (item.text("stdout")?, item.text("stderr").unwrap_or_default());
        Some(stdout + &stderr)
    });
    let begin = json!({
        "call_id": id, "process_id": item.text("process_id"), "turn_id": at.turn, "command": command, "cwd": cwd,
    });
    let mut end = begin.clone();
    end["aggregated_output"] = json!(output);
    end["exit_code"] = json!(item.int("exit_code"));
    end["status"] = json!(item.text("status"));
    let is_over = item.int("exit_code").is_some() || item.text("status").as_deref() == Some("completed");
    let status = if is_over { ExecutionStatus::Completed } else { ExecutionStatus::Failed };
    Run { id, kind: ToolKind::ExecCommand, name: "exec_command", status, begin, end }
}

fn mcp(item: &Object<'_>) -> Run {
    let id = item.text("id").unwrap_or_default();
    let [server, tool] = ["server", "tool"].map(|name| item.text(name).unwrap_or_default());
    let arguments: Value = item.read("arguments").unwrap_or_default();
    let invocation = json!({"server": server, "tool": tool, "arguments": arguments});
    let error: Option<Value> = item.read("error");
    let result = match &error {
        Some(error) => json!({"Err": error}),
        None => json!({"Ok": item.read::<Value>("result").unwrap_or_default()}),
    };
    let is_failed = error.is_some() || item.text("status").as_deref() == Some("failed");
    Run {
        begin: json!({"call_id": id, "invocation": invocation}),
        end: json!({"call_id": id, "invocation": invocation, "result": result}),
        id,
        kind: ToolKind::Mcp { server, tool },
        name: "mcp",
        status: if is_failed { ExecutionStatus::Failed } else { ExecutionStatus::Completed },
    }
}

fn patch(item: &Object<'_>) -> Run {
    let id = item.text("id").or_else(|| item.text("call_id")).unwrap_or_default();
    let changes: Value = item.read("changes").unwrap_or_default();
    let is_failed = item.read::<bool>("success") == Some(false) || item.text("status").as_deref() == Some("failed");
    let status = if is_failed { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
    Run {
        begin: json!({"call_id": id, "changes": changes}),
        end: json!({
            "call_id": id, "changes": changes, "success": !is_failed, "stdout": item.text("stdout"),
            "stderr": item.text("stderr"),
        }),
        id,
        kind: ToolKind::ApplyPatch,
        name: "apply_patch",
        status,
    }
}

/// Returns how long a run took, in milliseconds.
fn duration(item: &Object<'_>) -> UnixMillis {
    let millis = || {
        let duration = item.object("duration")?;
        let (seconds, nanos) = (duration.int("secs")?, duration.int("nanos").unwrap_or(0));
        seconds.checked_mul(1000)?.checked_add(nanos / 1_000_000)
    };
    millis().or_else(|| item.int("duration_ms")).unwrap_or(0).clamp(0, UnixMillis::from(u32::MAX))
}
