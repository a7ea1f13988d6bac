//! Terminals.

use std::collections::HashMap;

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{
    DiagnosticCode, Execution, OperationId, OperationKind, TerminalId, TerminalOperation, TerminalRequest,
    TerminalResult, TerminalSession,
};
use rollout_trace_schema::{
    ExecutionStatus, PayloadRef, Seq, StdinTargetResolved, ThreadId, ToolCallId, ToolCallRuntimeEnded, ToolKind,
    ToolSummary, UnixMillis,
};

use crate::{
    at::At,
    item::{item_text, output_text},
    json::Json,
    reducer::Reducer,
    tool_call::{Invocation, add_payload},
};

/// What is remembered of terminals beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    /// The latest session of each process id of a thread.
    latest: HashMap<(ThreadId, String), TerminalId>,
    /// The process id of each operation, as it was first observed.
    process_ids: HashMap<OperationId, String>,
    operations: u32,
}

/// What a runtime says of a command that begins.
pub(crate) struct Begin {
    pub(crate) command: Vec<String>,
    pub(crate) cwd: String,
    /// What a write to stdin writes.
    pub(crate) interaction_input: Option<String>,
    pub(crate) process_id: Option<String>,
}

impl Begin {
    pub(crate) fn new(command: &[Json<'_>], cwd: &str, document: &Json<'_>) -> Self {
        let word = |word: &Json| word.as_str().map_or_else(|| word.to_text(), str::to_owned);
        Self {
            command: command.iter().map(word).collect(),
            cwd: cwd.to_owned(),
            interaction_input: document.text("interaction_input").map(str::to_owned),
            process_id: document.id_text("process_id"),
        }
    }
}

impl Reducer {
    /// Begins the operation of a command, unless the tool call has one: then what it began with counts.
    pub(crate) fn begin_exec(&mut self, at: &At, tool: &ToolCallId, payload: &PayloadRef, begin: Begin) {
        if let Some(operation_id) = self.trace.tool_calls[tool].terminal_operation_id {
            let operation = self.operation(operation_id);
            add_payload(&mut operation.raw_payload_ids, payload);
            let message = format!(
                "tool call {tool} begins a second terminal operation; the first counts, the rest is among its payloads"
            );
            self.report.at(at, DiagnosticCode::TerminalContradiction, &[tool, &operation_id], message);
            self.note_process_id(at, operation_id, begin.process_id);
            return;
        }
        let (kind, request) = if self.trace.tool_calls[tool].kind == ToolKind::WriteStdin {
            let stdin = begin.interaction_input.unwrap_or_default();
            let request = TerminalRequest::WriteStdin { stdin, yield_time_ms: None, max_output_tokens: None };
            (OperationKind::WriteStdin, request)
        } else {
            let request = TerminalRequest::ExecCommand {
                display_command: begin.command.join(" "),
                command: begin.command,
                cwd: begin.cwd,
                yield_time_ms: None,
                max_output_tokens: None,
            };
            (OperationKind::ExecCommand, request)
        };
        let operation_id = self.new_operation(at, tool, kind, request);
        add_payload(&mut self.operation(operation_id).raw_payload_ids, payload);
        self.note_process_id(at, operation_id, begin.process_id);
    }

    /// Begins the operation of a write to stdin, which its invocation alone shows.
    pub(crate) fn begin_write_stdin(&mut self, at: &At, tool: &ToolCallId, invocation: &Invocation<'_>) {
        let session = invocation.arguments.as_ref().and_then(|arguments| arguments.id_text("session_id"));
        let Some(session) = session else {
            let message =
                format!("tool call {tool} writes to stdin, but names no session; there is no terminal operation");
            self.report.at(at, DiagnosticCode::StdinWithoutSession, &[tool], message);
            return;
        };
        let number = |name: &str| invocation.argument(name).and_then(Json::as_i64);
        let request = TerminalRequest::WriteStdin {
            stdin: invocation.argument("chars").and_then(Json::as_str).unwrap_or_default().to_owned(),
            yield_time_ms: number("yield_time_ms"),
            max_output_tokens: number("max_output_tokens"),
        };
        let operation_id = self.new_operation(at, tool, OperationKind::WriteStdin, request);
        let payload = self.trace.tool_calls[tool].raw_invocation_payload_id.clone();
        self.operation(operation_id).raw_payload_ids.extend(payload);
        self.note_process_id(at, operation_id, Some(session));
    }

    /// Ends an operation by what the tool's runtime says.
    pub(crate) fn end_exec(
        &mut self,
        at: &At,
        tool: &ToolCallId,
        event: &ToolCallRuntimeEnded,
        document: Option<&Json<'_>>,
    ) {
        let operation_id = self.trace.tool_calls[tool].terminal_operation_id.expect("the caller saw it");
        let v1 = self.is_v1();
        let operation = self.operation(operation_id);
        add_payload(&mut operation.raw_payload_ids, &event.runtime_payload);
        operation.execution.end(at.time, at.seq, event.status.clone());
        let Some(document) = document else { return };
        let exit_code = document.get("exit_code").and_then(Json::as_i64);
        if exit_code.is_none() {
            self.payload_malformed(at, &event.runtime_payload, "a command that ended, but no exit_code");
        }
        self.operation(operation_id).result = Some(runtime_result(document, exit_code, v1));
        self.note_process_id(at, operation_id, document.id_text("process_id"));
        self.note_exit(operation_id, exit_code, Some((at.time, at.seq)));
    }

    /// Ends a write to stdin by what its tool answered, where no runtime says more.
    pub(crate) fn end_write_stdin(
        &mut self,
        at: &At,
        tool: &ToolCallId,
        status: &ExecutionStatus,
        result: Option<&PayloadRef>,
        payloads: &mut dyn PayloadSource,
    ) {
        let call = &self.trace.tool_calls[tool];
        let operation_id = call.terminal_operation_id.expect("the caller saw it");
        let has_runtime = !call.raw_runtime_payload_ids.is_empty();
        if has_runtime || self.operation(operation_id).kind != OperationKind::WriteStdin {
            return;
        }
        let operation = self.operation(operation_id);
        operation.execution.end(at.time, at.seq, status.clone());
        let Some(reference) = result else { return };
        add_payload(&mut operation.raw_payload_ids, reference);
        let mut buffer = PayloadBuffer::default();
        let Some(document) = self.document(at, reference, payloads, &mut buffer) else { return };
        let result = answered_result(&document);
        self.note_exit(operation_id, result.exit_code, Some((at.time, at.seq)));
        self.operation(operation_id).result = Some(result);
    }

    pub(crate) fn stdin_target_resolved(&mut self, at: &At, event: &StdinTargetResolved) {
        let mut find = |id: &ToolCallId, what: &str| {
            let tool = self.find_tool(at, id);
            if tool.is_none() {
                let message = format!("the {what} of a write to stdin, tool call {id}, was never started");
                self.report.at(at, DiagnosticCode::UnknownToolCall, &[id], message);
            }
            tool
        };
        let writer = find(&event.tool_call_id, "call");
        let target = find(&event.exec_tool_call_id, "target");
        let operation_of = |tool: ToolCallId| self.trace.tool_calls[&tool].terminal_operation_id;
        let (Some(written), Some(target)) = (writer.and_then(operation_of), target.and_then(operation_of)) else {
            return;
        };
        let Some(session) = self.operation(target).terminal_id.clone() else { return };
        if written == target {
            return;
        }
        self.leave_session(written);
        self.join_session(written, session);
        let operation = self.operation(written);
        let exit_code = operation.result.as_ref().and_then(|result| result.exit_code);
        let (time, seq) = (operation.execution.ended_at_unix_ms, operation.execution.ended_seq);
        self.note_exit(written, exit_code, time.zip(seq));
    }

    fn new_operation(
        &mut self,
        at: &At,
        tool: &ToolCallId,
        kind: OperationKind,
        request: TerminalRequest,
    ) -> OperationId {
        self.terminals.operations += 1;
        let operation_id = OperationId(self.terminals.operations);
        self.trace.terminal_operations.insert(
            operation_id,
            TerminalOperation {
                operation_id,
                terminal_id: None,
                tool_call_id: tool.clone(),
                kind,
                execution: Execution::started(at.time, at.seq),
                request,
                result: None,
                model_observations: Vec::new(),
                raw_payload_ids: Vec::new(),
                other_process_ids: Vec::new(),
            },
        );
        let call = self.trace.tool_calls.get_mut(tool).expect("an operating tool call is in the graph");
        call.terminal_operation_id = Some(operation_id);
        call.summary = ToolSummary::Terminal { operation_id: operation_id.to_string() };
        operation_id
    }

    fn operation(&mut self, id: OperationId) -> &mut TerminalOperation {
        self.trace.terminal_operations.get_mut(&id).expect("a known operation is in the graph")
    }

    /// Opens or joins the session that an operation's process id names, the first time that it is observed.
    fn note_process_id(&mut self, at: &At, operation_id: OperationId, process_id: Option<String>) {
        let Some(process_id) = process_id else { return };
        match self.terminals.process_ids.get(&operation_id) {
            Some(known) if *known == process_id => return,
            Some(known) => {
                let message =
                    format!("{operation_id} changed its process id from {known} to {process_id}; the first counts");
                self.report.at(at, DiagnosticCode::TerminalContradiction, &[&operation_id], message);
                self.operation(operation_id).other_process_ids.push(process_id);
                return;
            }
            None => self.terminals.process_ids.insert(operation_id, process_id.clone()),
        };
        let v1 = self.is_v1();
        let operation = self.operation(operation_id);
        let (kind, tool) = (operation.kind, operation.tool_call_id.clone());
        let thread = self.trace.tool_calls[&tool].thread_id.clone();
        let key = (thread.clone(), process_id.clone());
        // In schema 2 a command always opens a session of its own: process ids are used again.
        let known = self.terminals.latest.get(&key).filter(|_| v1 || kind == OperationKind::WriteStdin).cloned();
        let session = known.unwrap_or_else(|| self.new_session(at, operation_id, &thread, &process_id));
        self.terminals.latest.insert(key, session.clone());
        self.join_session(operation_id, session);
    }

    fn new_session(&mut self, at: &At, operation_id: OperationId, thread: &ThreadId, process_id: &str) -> TerminalId {
        let name = if self.is_v1() { process_id.to_owned() } else { format!("terminal_session:{operation_id}") };
        let mut terminal_id = TerminalId(name.clone());
        for number in 2.. {
            if !self.trace.terminal_sessions.contains_key(&terminal_id) {
                break;
            }
            terminal_id = TerminalId(format!("{name}#{number}"));
        }
        if terminal_id.0 != name {
            let message =
                format!("another thread has a terminal {name} too; this one is in the graph as {terminal_id}");
            self.report.at(at, DiagnosticCode::KeyCollision, &[&name, &terminal_id], message);
        }
        let started = &self.trace.terminal_operations[&operation_id].execution;
        let session = TerminalSession {
            terminal_id: terminal_id.clone(),
            thread_id: thread.clone(),
            created_by_operation_id: operation_id,
            operation_ids: Vec::new(),
            execution: Execution::started(started.started_at_unix_ms, started.started_seq),
            process_id: Some(process_id.to_owned()),
            exited_at_unix_ms: None,
            exited_seq: None,
            exit_code: None,
        };
        self.trace.terminal_sessions.insert(terminal_id.clone(), session);
        terminal_id
    }

    fn join_session(&mut self, operation_id: OperationId, session: TerminalId) {
        let joined = self.trace.terminal_sessions.get_mut(&session).expect("a known session is in the graph");
        joined.operation_ids.push(operation_id);
        self.operation(operation_id).terminal_id = Some(session);
    }

    /// Takes an operation out of its session; a session that is left empty never was.
    fn leave_session(&mut self, operation_id: OperationId) {
        let Some(session) = self.operation(operation_id).terminal_id.take() else { return };
        let left = self.trace.terminal_sessions.get_mut(&session).expect("a known session is in the graph");
        left.operation_ids.retain(|id| *id != operation_id);
        match left.operation_ids.first() {
            Some(&first) if left.created_by_operation_id == operation_id => left.created_by_operation_id = first,
            Some(_) => {}
            None => {
                self.trace.terminal_sessions.remove(&session);
                self.terminals.latest.retain(|_, latest| *latest != session);
            }
        }
    }

    fn note_exit(&mut self, operation_id: OperationId, exit_code: Option<i64>, when: Option<(UnixMillis, Seq)>) {
        let Some((exit_code, (time, seq))) = exit_code.zip(when) else { return };
        let session = self.trace.terminal_operations[&operation_id].terminal_id.as_ref();
        let Some(session) = session.and_then(|session| self.trace.terminal_sessions.get_mut(session)) else { return };
        if session.exited_seq.is_none() {
            session.exited_at_unix_ms = Some(time);
            session.exited_seq = Some(seq);
            session.exit_code = Some(exit_code);
        }
    }
}

/// The result that a runtime's end event shows.
fn runtime_result(document: &Json<'_>, exit_code: Option<i64>, v1: bool) -> TerminalResult {
    let text = |name: &str| document.text(name).map(str::to_owned);
    let output = text("aggregated_output");
    let mut result = TerminalResult { exit_code, ..TerminalResult::default() };
    if v1 {
        result.stdout = text("stdout").or(output).unwrap_or_default();
        result.stderr = text("stderr").unwrap_or_default();
        result.formatted_output = text("formatted_output");
    } else {
        result.stdout = output.unwrap_or_default();
    }
    result
}

/// The result that a tool's answer shows.
fn answered_result(document: &Json<'_>) -> TerminalResult {
    let shown = |text: String| TerminalResult {
        stdout: text.clone(),
        formatted_output: Some(text),
        ..TerminalResult::default()
    };
    match document.text("type") {
        Some("direct_response") => {
            let item = document.get("response_item");
            shown(item.map(|item| item_text(item).unwrap_or_else(|| item.to_text())).unwrap_or_default())
        }
        Some("code_mode_response") => {
            let value = document.get("value").unwrap_or(&Json::Null);
            match value.text("output") {
                Some(output) => TerminalResult {
                    exit_code: value.get("exit_code").and_then(Json::as_i64),
                    original_token_count: value.get("original_token_count").and_then(Json::as_i64),
                    chunk_id: value.text("chunk_id").map(str::to_owned),
                    ..shown(output.to_owned())
                },
                None => shown(output_text(value)),
            }
        }
        Some("error") => {
            let error = document.get("error").map(output_text).unwrap_or_default();
            TerminalResult { stderr: error.clone(), formatted_output: Some(error), ..TerminalResult::default() }
        }
        _ => shown(document.to_text()),
    }
}
