//! Terminal operations, and the terminal sessions that they share.
//!
//! Source: reduction, section 10.

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{
    DiagnosticCode, Execution, OperationId, OperationKind, TerminalId, TerminalOperation, TerminalRequest,
    TerminalResult, TerminalSession,
};
use rollout_trace_schema::{
    ExecutionStatus, PayloadRef, Seq, ThreadId, ToolCallId, ToolCallRuntimeEnded, ToolKind, ToolSummary, UnixMillis,
};

use crate::{
    context::Context,
    graph::Graph,
    invocation::Invocation,
    item::{item_text, output_text},
    json::Json,
    map::HashMap,
    payload_lists::PayloadLists,
};

/// What is remembered about terminals beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    /// The latest session of each process id of a thread.
    latest: HashMap<(ThreadId, String), TerminalId>,
    /// The process id of each operation, as it was first observed.
    process_ids: HashMap<OperationId, String>,
    /// The last number that was added to each name of a session which other sessions already had.
    numbered: HashMap<String, u32>,
    payloads: PayloadLists,
    operations: u32,
}

/// What a runtime says about a command that begins.
pub(crate) struct Begin {
    command: Vec<String>,
    cwd: String,
    /// The text that a write to stdin sends.
    interaction_input: Option<String>,
    process_id: Option<String>,
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

impl Terminals {
    /// Begins the operation of a command. If the tool call already has an operation, that one counts.
    ///
    /// Source: reduction, sections 10.1 and 10.2.
    pub(crate) fn begin_exec(&mut self, cx: &mut Context<'_>, tool: &ToolCallId, payload: &PayloadRef, begin: Begin) {
        let call = &cx.graph.tool_calls[tool];
        if let Some(operation_id) = call.terminal_operation_id {
            self.add_payload(cx.graph, operation_id, payload);
            let message = format!(
                "tool call {tool} begins a second terminal operation; the first counts, and lists the second's payload"
            );
            cx.report.event(DiagnosticCode::TerminalContradiction, &[tool, &operation_id], message);
            self.note_process_id(cx, operation_id, begin.process_id);
            return;
        }
        let request = if call.kind == ToolKind::WriteStdin {
            let stdin = begin.interaction_input.unwrap_or_default();
            TerminalRequest::WriteStdin { stdin, yield_time_ms: None, max_output_tokens: None }
        } else {
            TerminalRequest::ExecCommand {
                display_command: begin.command.join(" "),
                command: begin.command,
                cwd: begin.cwd,
                yield_time_ms: None,
                max_output_tokens: None,
            }
        };
        let operation_id = self.new_operation(cx, tool, request);
        self.add_payload(cx.graph, operation_id, payload);
        self.note_process_id(cx, operation_id, begin.process_id);
    }

    /// Begins the operation of a write to stdin that only its invocation shows.
    ///
    /// Source: reduction, sections 10.1 and 10.2.
    pub(crate) fn begin_write_stdin(&mut self, cx: &mut Context<'_>, tool: &ToolCallId, invocation: &Invocation<'_>) {
        let Some(session) = invocation.id("session_id") else {
            let message =
                format!("tool call {tool} writes to stdin but names no session; it has no terminal operation");
            cx.report.event(DiagnosticCode::StdinWithoutSession, &[tool], message);
            return;
        };
        let number = |name: &str| invocation.argument(name).and_then(Json::as_i64);
        let request = TerminalRequest::WriteStdin {
            stdin: invocation.argument("chars").and_then(Json::as_str).unwrap_or_default().to_owned(),
            yield_time_ms: number("yield_time_ms"),
            max_output_tokens: number("max_output_tokens"),
        };
        let operation_id = self.new_operation(cx, tool, request);
        let payload = cx.graph.tool_calls[tool].raw_invocation_payload_id.clone();
        cx.graph.object_mut(&operation_id).raw_payload_ids.extend(payload);
        self.note_process_id(cx, operation_id, Some(session));
    }

    /// Ends an operation with what the tool's runtime reports.
    pub(crate) fn end_exec(
        &mut self,
        cx: &mut Context<'_>,
        operation_id: OperationId,
        event: &ToolCallRuntimeEnded,
        document: Option<&Json<'_>>,
    ) {
        let (time, seq) = (cx.at.time, cx.at.seq);
        self.add_payload(cx.graph, operation_id, &event.runtime_payload);
        cx.graph.object_mut(&operation_id).execution.end(time, seq, event.status.clone());
        let Some(document) = document else { return };
        let exit_code = document.get("exit_code").and_then(Json::as_i64);
        if exit_code.is_none() && !document.get("exit_code").is_some_and(|code| matches!(code, Json::Null)) {
            cx.report_malformed(&event.runtime_payload, "the end event of the command has no exit_code");
        }
        let mut result =
            if cx.rules.output_is_aggregated() { runtime_result(document) } else { runtime_result_v1(document) };
        result.exit_code = exit_code;
        cx.graph.object_mut(&operation_id).result = Some(result);
        self.note_process_id(cx, operation_id, document.id_text("process_id"));
        note_exit(cx.graph, operation_id, exit_code, Some((time, seq)));
    }

    /// Ends a write to stdin with its tool's answer, if no runtime has reported anything.
    pub(crate) fn end_write_stdin(
        &mut self,
        cx: &mut Context<'_>,
        operation_id: OperationId,
        status: &ExecutionStatus,
        result: Option<&PayloadRef>,
    ) {
        if cx.graph.terminal_operations[&operation_id].kind != OperationKind::WriteStdin {
            return;
        }
        let (time, seq) = (cx.at.time, cx.at.seq);
        cx.graph.object_mut(&operation_id).execution.end(time, seq, status.clone());
        let Some(reference) = result else { return };
        self.add_payload(cx.graph, operation_id, reference);
        let mut buffer = PayloadBuffer::default();
        let Some(document) = cx.read_whole(reference, &mut buffer) else { return };
        let result = answered_result(&document);
        note_exit(cx.graph, operation_id, result.exit_code, Some((time, seq)));
        cx.graph.object_mut(&operation_id).result = Some(result);
    }

    /// Moves a write to stdin into the session of the command that it writes to.
    ///
    /// Source: reduction, section 10.6.
    pub(crate) fn resolve_target(&mut self, cx: &mut Context<'_>, written: OperationId, target: OperationId) {
        let Some(session) = cx.graph.terminal_operations[&target].terminal_id.clone() else { return };
        if written == target {
            return;
        }
        leave_session(cx.graph, written);
        if let Some(process_id) = &cx.graph.terminal_sessions[&session].process_id {
            self.process_ids.insert(written, process_id.clone());
        }
        join_session(cx.graph, written, session);
        let operation = &cx.graph.terminal_operations[&written];
        let exit_code = operation.result.as_ref().and_then(|result| result.exit_code);
        let (time, seq) = (operation.execution.ended_at_unix_ms, operation.execution.ended_seq);
        note_exit(cx.graph, written, exit_code, time.zip(seq));
    }

    fn add_payload(&mut self, graph: &mut Graph, operation_id: OperationId, reference: &PayloadRef) {
        let list = &mut graph.object_mut(&operation_id).raw_payload_ids;
        self.payloads.add(&operation_id, list, reference);
    }

    fn new_operation(&mut self, cx: &mut Context<'_>, tool: &ToolCallId, request: TerminalRequest) -> OperationId {
        self.operations += 1;
        let operation_id = OperationId(self.operations);
        let kind = match request {
            TerminalRequest::ExecCommand { .. } => OperationKind::ExecCommand,
            TerminalRequest::WriteStdin { .. } => OperationKind::WriteStdin,
        };
        let operation = TerminalOperation {
            operation_id,
            terminal_id: None,
            tool_call_id: tool.clone(),
            kind,
            execution: Execution::started(cx.at.time, cx.at.seq),
            request,
            result: None,
            model_observations: Vec::new(),
            raw_payload_ids: Vec::new(),
            other_process_ids: Vec::new(),
        };
        cx.graph.insert(&operation_id, operation);
        let call = cx.graph.object_mut(tool);
        call.terminal_operation_id = Some(operation_id);
        call.summary = ToolSummary::Terminal { operation_id: operation_id.to_string() };
        operation_id
    }

    /// Opens or joins an operation's terminal session when the operation's process id is first observed.
    ///
    /// Source: reduction, sections 10.4 and 10.5.
    fn note_process_id(&mut self, cx: &mut Context<'_>, operation_id: OperationId, process_id: Option<String>) {
        let Some(process_id) = process_id else { return };
        match self.process_ids.get(&operation_id) {
            Some(known) if *known == process_id => return,
            Some(known) => {
                let message =
                    format!("{operation_id} changed its process id from {known} to {process_id}; the first id counts");
                cx.report.event(DiagnosticCode::TerminalContradiction, &[&operation_id], message);
                cx.graph.object_mut(&operation_id).other_process_ids.push(process_id);
                return;
            }
            None => self.process_ids.insert(operation_id, process_id.clone()),
        };
        let operation = &cx.graph.terminal_operations[&operation_id];
        // An equal process id does not prove that a command runs in an earlier session, because process ids are reused.
        let may_join = !cx.rules.commands_open_sessions() || operation.kind == OperationKind::WriteStdin;
        let thread = cx.graph.tool_calls[&operation.tool_call_id].thread_id.clone();
        let key = (thread, process_id);
        let known = self.latest.get(&key).filter(|_| may_join).cloned();
        let session = match known {
            Some(known) if cx.graph.terminal_sessions.contains_key(&known) => known,
            Some(removed) => add_session(cx, operation_id, &key, removed),
            None => self.new_session(cx, operation_id, &key),
        };
        self.latest.insert(key, session.clone());
        join_session(cx.graph, operation_id, session);
    }

    fn new_session(&mut self, cx: &mut Context<'_>, operation_id: OperationId, key: &(ThreadId, String)) -> TerminalId {
        let (_, process_id) = key;
        let opens = cx.rules.commands_open_sessions();
        let name = if opens { format!("terminal_session:{operation_id}") } else { process_id.clone() };
        let mut terminal_id = TerminalId(name.clone());
        while cx.graph.terminal_sessions.contains_key(&terminal_id) {
            let number = self.numbered.entry(name.clone()).or_insert(1);
            *number += 1;
            terminal_id = TerminalId(format!("{name}#{number}"));
        }
        if terminal_id.0 != name {
            let message =
                format!("another thread also has a terminal {name}; this one is in the graph as {terminal_id}");
            cx.report.event(DiagnosticCode::KeyCollision, &[&name, &terminal_id], message);
        }
        add_session(cx, operation_id, key, terminal_id)
    }
}

/// Takes an operation out of its session. An empty session is removed, and returns if a later write names it.
///
/// Source: reduction, section 10.6; bundle 3, section 4.8.
fn leave_session(graph: &mut Graph, operation_id: OperationId) {
    let Some(session) = graph.object_mut(&operation_id).terminal_id.take() else { return };
    let left = graph.object_mut(&session);
    left.operation_ids.retain(|id| *id != operation_id);
    if left.operation_ids.is_empty() {
        graph.remove(&session);
    }
}

fn add_session(
    cx: &mut Context<'_>,
    operation_id: OperationId,
    (thread, process_id): &(ThreadId, String),
    terminal_id: TerminalId,
) -> TerminalId {
    let started = &cx.graph.terminal_operations[&operation_id].execution;
    let session = TerminalSession {
        terminal_id: terminal_id.clone(),
        thread_id: thread.clone(),
        created_by_operation_id: operation_id,
        operation_ids: Vec::new(),
        execution: Execution::started(started.started_at_unix_ms, started.started_seq),
        process_id: Some(process_id.clone()),
        exited_at_unix_ms: None,
        exited_seq: None,
        exit_code: None,
    };
    cx.graph.insert(&terminal_id, session);
    terminal_id
}

fn join_session(graph: &mut Graph, operation_id: OperationId, session: TerminalId) {
    graph.object_mut(&session).operation_ids.push(operation_id);
    graph.object_mut(&operation_id).terminal_id = Some(session);
}

/// Records the exit of a session's process, unless an earlier exit was observed.
///
/// Source: reduction, section 10.7.
fn note_exit(graph: &mut Graph, operation_id: OperationId, exit_code: Option<i64>, when: Option<(UnixMillis, Seq)>) {
    let Some((exit_code, (time, seq))) = exit_code.zip(when) else { return };
    let Some(session) = graph.terminal_operations[&operation_id].terminal_id.clone() else { return };
    if graph.terminal_sessions[&session].exited_seq.is_none() {
        let session = graph.object_mut(&session);
        session.exited_at_unix_ms = Some(time);
        session.exited_seq = Some(seq);
        session.exit_code = Some(exit_code);
    }
}

/// Reads the result that a runtime's end event shows.
///
/// Source: reduction, section 10.3.
fn runtime_result(document: &Json<'_>) -> TerminalResult {
    let output = document.text("aggregated_output");
    TerminalResult { stdout: output.unwrap_or_default().to_owned(), ..TerminalResult::default() }
}

/// Reads the result that a runtime's end event shows in schema 1, which has more fields for it.
///
/// Source: bundle 1, section 6.8.
fn runtime_result_v1(document: &Json<'_>) -> TerminalResult {
    let text = |name: &str| document.text(name).map(str::to_owned);
    TerminalResult {
        stdout: text("stdout").or_else(|| text("aggregated_output")).unwrap_or_default(),
        stderr: text("stderr").unwrap_or_default(),
        formatted_output: text("formatted_output"),
        ..TerminalResult::default()
    }
}

/// Reads the result that a tool's answer shows.
///
/// Source: reduction, section 10.3.
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
