//! Tool calls.
//!
//! Source: reduction, section 9.

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{DiagnosticCode, Execution, OperationId, Requester, RuntimeStart, ToolCall};
use rollout_trace_schema::{
    CodeCellWaitTargetResolved, McpToolCallCorrelationAssigned, PayloadRef, StdinTargetResolved, ThreadId,
    ToolCallEnded, ToolCallId, ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolCallStarted, ToolKind, ToolRequester,
    ToolSummary,
};
use serde_json::{Map, Value};

use crate::{
    agents::{Agents, reaches_agents},
    cells::Cells,
    context::Context,
    invocation::Invocation,
    json::Json,
    links::Links,
    map::HashMap,
    payload_lists::PayloadLists,
    terminals::{Begin, Terminals},
    turns,
};

/// What is remembered about tool calls beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    /// The calls that each id of the log names.
    bearers: HashMap<ToolCallId, Bearers>,
    payloads: PayloadLists,
    terminals: Terminals,
}

/// The calls that one id of the log names. If a provider restarts its numbering, they are several.
#[derive(Debug, Default)]
struct Bearers {
    count: usize,
    last: Option<ToolCallId>,
    last_of_thread: HashMap<ThreadId, ToolCallId>,
}

impl Bearers {
    fn add(&mut self, thread: &ThreadId, key: &ToolCallId) {
        self.count += 1;
        self.last = Some(key.clone());
        self.last_of_thread.insert(thread.clone(), key.clone());
    }
}

impl Tools {
    pub(crate) fn started(
        &mut self,
        cx: &mut Context<'_>,
        links: &mut Links,
        agents: &mut Agents,
        event: &ToolCallStarted,
    ) {
        let thread = turns::thread_of_event(cx, &event.tool_call_id);
        let is_again = self.is_again(cx, links, &thread, event);
        let Some(id) = self.new_id(cx, &thread, &event.tool_call_id, is_again) else { return };
        report_unknown_values(cx, event);
        let requester = requester(cx, &mut links.cells, (&thread, &id), &event.requester);
        add_started(cx, (&thread, &id), event, requester);
        let started = cx.graph.tool_calls[&id].execution.started_seq;
        cx.report_named(event.invocation_payload.as_ref(), Some(started));
        if let Some(call_id) = &event.model_visible_call_id {
            links.calls.link_tool(cx, call_id, &id, is_again);
        }
        let mut buffer = PayloadBuffer::default();
        let document = event.invocation_payload.as_ref().and_then(|reference| cx.read_whole(reference, &mut buffer));
        let Some(invocation) = document.as_ref().map(|document| Invocation::new(&event.kind, document)) else {
            return;
        };
        if let Some(cell) = invocation.awaited_cell()
            && !cx.rules.waits_are_resolved_by_events()
        {
            links.cells.note_wait(cx.graph, (&thread, &cell), &id);
        }
        if event.kind == ToolKind::WriteStdin && cx.graph.tool_calls[&id].terminal_operation_id.is_none() {
            self.terminals.begin_write_stdin(cx, &id, &invocation);
        }
        if let Some(message) = invocation.message() {
            agents.note_sent(&id, message);
        }
    }

    pub(crate) fn mcp_correlation_assigned(&mut self, cx: &mut Context<'_>, event: &McpToolCallCorrelationAssigned) {
        let id = self.ensure(cx, &event.tool_call_id);
        cx.graph.object_mut(&id).mcp_call_id = Some(event.mcp_call_id.clone());
    }

    /// Notes that a runtime began to carry out a call.
    ///
    /// Source: reduction, section 9.1.
    pub(crate) fn runtime_started(
        &mut self,
        cx: &mut Context<'_>,
        agents: &mut Agents,
        event: &ToolCallRuntimeStarted,
    ) {
        let id = self.ensure(cx, &event.tool_call_id);
        let payload = &event.runtime_payload;
        let call = cx.graph.object_mut(&id);
        self.payloads.add(&id, &mut call.raw_runtime_payload_ids, payload);
        call.runtime_started.get_or_insert(RuntimeStart { seq: cx.at.seq, at_unix_ms: cx.at.time });
        if let Some(kind) = &event.kind {
            call.kind = kind.clone();
            if matches!(kind, ToolKind::Unknown(_)) {
                let message = format!("the kind of tool call {id} is unknown; it is kept as it is");
                cx.report.event(DiagnosticCode::UnknownValue, &[&id], message);
            }
        }
        let kind = &cx.graph.tool_calls[&id].kind;
        let is_command = matches!(kind, ToolKind::ExecCommand | ToolKind::WriteStdin);
        let is_agents = reaches_agents(kind);
        let mut buffer = PayloadBuffer::default();
        if is_command {
            let document = cx.read_whole(payload, &mut buffer);
            if let Some(begin) = document.and_then(|document| exec_begin(cx, payload, &document)) {
                self.terminals.begin_exec(cx, &id, payload, begin);
            }
        } else if is_agents && let Some(document) = cx.read(payload, &mut buffer) {
            agents.note_activity(cx.at, &id, &document);
        }
    }

    pub(crate) fn runtime_ended(&mut self, cx: &mut Context<'_>, agents: &mut Agents, event: &ToolCallRuntimeEnded) {
        let id = self.ensure(cx, &event.tool_call_id);
        let payload = &event.runtime_payload;
        let call = cx.graph.object_mut(&id);
        self.payloads.add(&id, &mut call.raw_runtime_payload_ids, payload);
        let (is_agents, operation) = (reaches_agents(&call.kind), call.terminal_operation_id);
        if operation.is_none() {
            cx.report_named(Some(payload), None);
        }
        let mut buffer = PayloadBuffer::default();
        if let Some(operation) = operation {
            let document = cx.read_whole(payload, &mut buffer);
            self.terminals.end_exec(cx, operation, event, document.as_ref());
        } else if is_agents && let Some(document) = cx.read(payload, &mut buffer) {
            agents.note_activity_end(cx.at, &id, &document);
        }
    }

    pub(crate) fn ended(&mut self, cx: &mut Context<'_>, event: &ToolCallEnded) {
        let id = self.ensure(cx, &event.tool_call_id);
        let call = cx.graph.object_mut(&id);
        if !call.execution.is_running() {
            if let (None, Some(result), Some(ended), Some(observer)) =
                (&event.result_payload, &call.raw_result_payload_id, call.execution.ended_seq, &mut cx.observer)
            {
                observer.payload_named(result, ended);
            }
            let message = format!("tool call {id} ends a second time; the later end counts");
            cx.report.event(DiagnosticCode::RepeatedEnd, &[&id], message);
        }
        call.execution.end(cx.at.time, cx.at.seq, event.status.clone());
        if let Some(reference) = &event.result_payload {
            call.raw_result_payload_id = Some(reference.raw_payload_id.clone());
        }
        let has_runtime = !call.raw_runtime_payload_ids.is_empty();
        if let Some(operation) = call.terminal_operation_id
            && !has_runtime
        {
            self.terminals.end_write_stdin(cx, operation, &event.status, event.result_payload.as_ref());
        }
    }

    pub(crate) fn stdin_target_resolved(&mut self, cx: &mut Context<'_>, event: &StdinTargetResolved) {
        let writer = self.operation_of(cx, &event.tool_call_id, "writer");
        let target = self.operation_of(cx, &event.exec_tool_call_id, "target");
        if let (Some(writer), Some(target)) = (writer, target) {
            self.terminals.resolve_target(cx, writer, target);
        }
    }

    /// Adds a tool call to the cell that it waits for.
    ///
    /// Source: bundle 3, section 4.7.
    pub(crate) fn wait_target_resolved(
        &mut self,
        cx: &mut Context<'_>,
        links: &mut Links,
        event: &CodeCellWaitTargetResolved,
    ) {
        let (id, cell) = (&event.tool_call_id, &event.runtime_cell_id);
        let Some(tool) = self.find(cx, id) else {
            let message = format!("tool call {id} waits for code cell {cell}, but was never started");
            cx.report.event(DiagnosticCode::UnknownToolCall, &[id, cell], message);
            return;
        };
        let call = &cx.graph.tool_calls[&tool];
        if let Some(first) = &call.resolved_wait_runtime_cell_id {
            let message = format!("tool call {id} waits for code cell {first}; its second target, {cell}, is ignored");
            cx.report.event(DiagnosticCode::WaitTargetContradiction, &[id, cell], message);
            return;
        }
        if Some(&call.thread_id) != cx.at.thread.as_ref() || call.started_by_codex_turn_id != cx.at.turn {
            let message = format!(
                "tool call {id} waits for code cell {cell}, but the event names another thread or turn than the \
                 call's; the cell belongs to the call's thread"
            );
            cx.report.event(DiagnosticCode::WaitContextMismatch, &[id, cell], message);
        }
        let thread = call.thread_id.clone();
        cx.graph.object_mut(&tool).resolved_wait_runtime_cell_id = Some(cell.clone());
        links.cells.note_wait(cx.graph, (&thread, cell), &tool);
    }

    /// Returns the terminal operation of a call. `what` names the call's role in a write to stdin.
    fn operation_of(&self, cx: &mut Context<'_>, id: &ToolCallId, what: &str) -> Option<OperationId> {
        let Some(tool) = self.find(cx, id) else {
            let message = format!("tool call {id}, the {what} of a write to stdin, was never started");
            cx.report.event(DiagnosticCode::UnknownToolCall, &[id], message);
            return None;
        };
        cx.graph.tool_calls[&tool].terminal_operation_id
    }

    /// Returns whether a starting call is another one than the call with its id whose start is lost: that one had ended,
    /// and the model had been shown its output.
    ///
    /// Source: reduction, section 9.6.
    fn is_again(&self, cx: &Context<'_>, links: &Links, thread: &ThreadId, event: &ToolCallStarted) -> bool {
        let known = self.bearers.get(&event.tool_call_id).and_then(|bearers| bearers.last_of_thread.get(thread));
        let known = known.map(|key| &cx.graph.tool_calls[key].execution).filter(|known| known.start_unobserved);
        let ended = known.and_then(|known| known.ended_seq);
        let (Some(call_id), Some(ended)) = (&event.model_visible_call_id, ended) else { return false };
        links.calls.is_answered_after(thread, call_id, ended)
    }

    /// Returns the id of a starting call in the graph, or `None` if the call has started before and still runs.
    fn new_id(
        &mut self,
        cx: &mut Context<'_>,
        thread: &ThreadId,
        id: &ToolCallId,
        is_again: bool,
    ) -> Option<ToolCallId> {
        let bearers = self.bearers.entry(id.clone()).or_default();
        let key = match bearers.last_of_thread.get(thread) {
            Some(key) if cx.graph.tool_calls[key].execution.start_unobserved && !is_again => return Some(key.clone()),
            Some(key) if cx.graph.tool_calls[key].execution.is_running() => {
                let message = format!("tool call {id} starts a second time; the first start counts");
                cx.report.event(DiagnosticCode::DuplicateStart, &[key], message);
                return None;
            }
            _ if bearers.count == 0 => id.clone(),
            _ => ToolCallId::from(format!("{id}#{}", bearers.count + 1)),
        };
        bearers.add(thread, &key);
        if key != *id {
            let message = format!("a second tool call is named {id}; it is in the graph as {key}");
            cx.report.event(DiagnosticCode::KeyCollision, &[id, &key], message);
        }
        Some(key)
    }

    /// Returns the graph's id of the call that an event names: the latest of the event's thread, else the latest of any
    /// thread.
    fn find(&self, cx: &Context<'_>, id: &ToolCallId) -> Option<ToolCallId> {
        let bearers = self.bearers.get(id)?;
        let of_thread = cx.at.thread.as_ref().and_then(|thread| bearers.last_of_thread.get(thread));
        of_thread.or(bearers.last.as_ref()).cloned()
    }

    /// Returns the graph's id of the call that an event names. If its start is lost, adds it with what is known about
    /// it.
    fn ensure(&mut self, cx: &mut Context<'_>, id: &ToolCallId) -> ToolCallId {
        if let Some(key) = self.find(cx, id) {
            return key;
        }
        let message = format!("tool call {id} was never started; it is in the graph with what is known about it");
        cx.report.event(DiagnosticCode::UnknownToolCall, &[id], message);
        let thread = turns::thread_of_event(cx, id);
        let call = ToolCall {
            tool_call_id: id.clone(),
            mcp_call_id: None,
            model_visible_call_id: None,
            code_mode_runtime_tool_id: None,
            resolved_wait_runtime_cell_id: None,
            started_code_cell_id: None,
            thread_id: thread.clone(),
            started_by_codex_turn_id: cx.at.turn.clone(),
            execution: Execution { start_unobserved: true, ..Execution::started(cx.at.time, cx.at.seq) },
            requester: Requester::Unknown(Map::from_iter([("type".to_owned(), Value::from("unknown"))])),
            kind: unknown_kind(),
            model_visible_call_item_ids: Vec::new(),
            model_visible_output_item_ids: Vec::new(),
            terminal_operation_id: None,
            summary: ToolSummary::Generic { label: UNKNOWN_TOOL.to_owned(), input_preview: None, output_preview: None },
            raw_invocation_payload_id: None,
            raw_result_payload_id: None,
            raw_runtime_payload_ids: Vec::new(),
            runtime_started: None,
            evidence: None,
            evidence_source: None,
        };
        cx.graph.insert(id, call);
        self.bearers.entry(id.clone()).or_default().add(&thread, id);
        id.clone()
    }
}

/// Adds a call that starts, together with what was known about it before its start.
fn add_started(
    cx: &mut Context<'_>,
    (thread, id): (&ThreadId, &ToolCallId),
    event: &ToolCallStarted,
    requester: Requester,
) {
    let unobserved = cx.graph.remove(id);
    let mut call = ToolCall {
        tool_call_id: id.clone(),
        mcp_call_id: None,
        model_visible_call_id: event.model_visible_call_id.clone(),
        code_mode_runtime_tool_id: event.code_mode_runtime_tool_id.clone(),
        resolved_wait_runtime_cell_id: None,
        started_code_cell_id: None,
        thread_id: thread.clone(),
        started_by_codex_turn_id: cx.at.turn.clone(),
        execution: Execution::started(cx.at.time, cx.at.seq),
        requester,
        kind: event.kind.clone(),
        model_visible_call_item_ids: Vec::new(),
        model_visible_output_item_ids: Vec::new(),
        terminal_operation_id: None,
        summary: event.summary.clone(),
        raw_invocation_payload_id: event.invocation_payload.as_ref().map(|reference| reference.raw_payload_id.clone()),
        raw_result_payload_id: None,
        raw_runtime_payload_ids: Vec::new(),
        runtime_started: None,
        evidence: cx.at.evidence.clone(),
        evidence_source: cx.at.source,
    };
    if let Some(known) = unobserved {
        call.execution = known.execution;
        call.execution.start(cx.at.time, cx.at.seq);
        call.raw_result_payload_id = known.raw_result_payload_id;
        call.raw_runtime_payload_ids = known.raw_runtime_payload_ids;
        call.runtime_started = known.runtime_started;
        call.mcp_call_id = known.mcp_call_id;
        if known.kind != unknown_kind() {
            call.kind = known.kind;
        }
        if known.terminal_operation_id.is_some() {
            call.terminal_operation_id = known.terminal_operation_id;
            call.summary = known.summary;
        }
    }
    cx.graph.insert(id, call);
}

/// Reads what a runtime's begin event says about the command.
fn exec_begin(cx: &mut Context<'_>, reference: &PayloadRef, document: &Json<'_>) -> Option<Begin> {
    let Some(command) = document.get("command").and_then(Json::as_array) else {
        let reason = "the begin event of the command has no array command; there is no terminal operation";
        cx.report_malformed(reference, reason);
        return None;
    };
    let Some(cwd) = document.text("cwd") else {
        cx.report_malformed(reference, "the begin event of the command has no cwd");
        return Some(Begin::new(command, "", document));
    };
    Some(Begin::new(command, cwd, document))
}

fn requester(
    cx: &mut Context<'_>,
    cells: &mut Cells,
    (thread, id): (&ThreadId, &ToolCallId),
    requester: &ToolRequester,
) -> Requester {
    match requester {
        ToolRequester::Model => Requester::Model,
        ToolRequester::CodeCell { runtime_cell_id } => {
            match cells.note_nested_tool(cx.graph, (thread, runtime_cell_id), id) {
                Some(code_cell_id) => Requester::CodeCell { code_cell_id },
                None => {
                    let message = format!(
                        "runtime cell {runtime_cell_id} requested tool call {id} but was never started in its thread"
                    );
                    cx.report.event(DiagnosticCode::UnknownCodeCell, &[id, runtime_cell_id], message);
                    Requester::Unknown(Map::from_iter([
                        ("type".to_owned(), Value::from("code_cell")),
                        ("runtime_cell_id".to_owned(), Value::from(runtime_cell_id.as_str())),
                    ]))
                }
            }
        }
        other => {
            let value = serde_json::to_value(other).ok();
            let object = value.and_then(|value| value.as_object().cloned());
            Requester::Unknown(object.unwrap_or_default())
        }
    }
}

fn report_unknown_values(cx: &mut Context<'_>, event: &ToolCallStarted) {
    let unknown = [
        ("kind", matches!(event.kind, ToolKind::Unknown(_))),
        ("requester", matches!(event.requester, ToolRequester::Unknown(_))),
        ("summary", matches!(event.summary, ToolSummary::Unknown(_))),
    ];
    for (name, _) in unknown.into_iter().filter(|(_, is_unknown)| *is_unknown) {
        let message = format!("the {name} of tool call {} is unknown; it is kept as it is", event.tool_call_id);
        cx.report.event(DiagnosticCode::UnknownValue, &[&event.tool_call_id], message);
    }
}

/// The name of a tool whose start is lost.
const UNKNOWN_TOOL: &str = "unknown";

fn unknown_kind() -> ToolKind {
    ToolKind::Other { name: UNKNOWN_TOOL.to_owned() }
}
