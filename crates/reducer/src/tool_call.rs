//! Tool calls.

use std::collections::HashMap;

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{DiagnosticCode, Execution, Requester, ToolCall};
use rollout_trace_schema::{
    McpToolCallCorrelationAssigned, PayloadRef, RawPayloadId, SchemaVersion, ThreadId, ToolCallEnded, ToolCallId,
    ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolCallStarted, ToolKind, ToolRequester, ToolSummary,
};
use serde_json::{Map, Value};

use crate::{agents::Activity, at::At, json::Json, reducer::Reducer, terminal::Begin};

/// What is remembered of tool calls beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    /// The calls that bear each producer's id, in order, with their threads: a provider that numbers its calls anew makes
    /// the id name several.
    bearers: HashMap<ToolCallId, Vec<(ThreadId, ToolCallId)>>,
}

/// What a tool was asked for, as far as reduction reads it.
pub(crate) struct Invocation<'a> {
    tool_name: Option<&'a str>,
    /// The arguments of a function call, if they are JSON and may be asked for.
    pub(crate) arguments: Option<Json<'a>>,
}

/// The tool that waits for a code cell.
const WAIT: &str = "wait";

/// The field of its arguments that any tool may carry a message in.
const MESSAGE: &str = "message";

impl<'a> Invocation<'a> {
    fn new(kind: &ToolKind, document: &'a Json<'_>) -> Self {
        let arguments = document.get("payload").and_then(|payload| payload.get("arguments"));
        let tool_name = document.text("tool_name");
        // Most calls carry whole files or scripts. A name may also stand there with escapes.
        let may_be_asked_for = |text: &str| {
            tool_name == Some(WAIT) || *kind == ToolKind::WriteStdin || text.contains(MESSAGE) || text.contains("\\u")
        };
        let arguments = match arguments {
            Some(Json::String(text)) if may_be_asked_for(text) => Json::parse_arguments(text),
            Some(Json::String(_)) => None,
            other => other.cloned(),
        };
        Self { tool_name, arguments }
    }

    pub(crate) fn argument(&self, name: &str) -> Option<&Json<'a>> {
        self.arguments.as_ref()?.get(name)
    }
}

impl Reducer {
    pub(crate) fn tool_call_started(&mut self, at: &At, event: &ToolCallStarted, payloads: &mut dyn PayloadSource) {
        let thread = self.thread_of_event(at, &event.tool_call_id);
        let Some(id) = self.new_tool_id(at, &thread, &event.tool_call_id) else { return };
        self.warn_of_unknown_values(at, event);
        let requester = self.requester(at, &thread, &id, &event.requester);
        let unobserved = self.trace.tool_calls.remove(&id);
        let mut call = ToolCall {
            tool_call_id: id.clone(),
            mcp_call_id: None,
            model_visible_call_id: event.model_visible_call_id.clone(),
            code_mode_runtime_tool_id: event.code_mode_runtime_tool_id.clone(),
            started_code_cell_id: None,
            thread_id: thread.clone(),
            started_by_codex_turn_id: at.turn.clone(),
            execution: Execution::started(at.time, at.seq),
            requester,
            kind: event.kind.clone(),
            model_visible_call_item_ids: Vec::new(),
            model_visible_output_item_ids: Vec::new(),
            terminal_operation_id: None,
            summary: event.summary.clone(),
            raw_invocation_payload_id: event
                .invocation_payload
                .as_ref()
                .map(|reference| reference.raw_payload_id.clone()),
            raw_result_payload_id: None,
            raw_runtime_payload_ids: Vec::new(),
        };
        if let Some(known) = unobserved {
            call.execution = known.execution;
            call.execution.start(at.time, at.seq);
            call.raw_result_payload_id = known.raw_result_payload_id;
            call.raw_runtime_payload_ids = known.raw_runtime_payload_ids;
            call.mcp_call_id = known.mcp_call_id;
            if known.kind != unknown_kind() {
                call.kind = known.kind;
            }
            if known.terminal_operation_id.is_some() {
                call.terminal_operation_id = known.terminal_operation_id;
                call.summary = known.summary;
            }
        }
        self.trace.tool_calls.insert(id.clone(), call);
        if let Some(call_id) = &event.model_visible_call_id {
            self.link_tool(at, &thread, call_id, &id);
        }
        let mut buffer = PayloadBuffer::default();
        let document = event.invocation_payload.as_ref();
        let document = document.and_then(|reference| self.document(at, reference, payloads, &mut buffer));
        let Some(invocation) = document.as_ref().map(|document| Invocation::new(&event.kind, document)) else {
            return;
        };
        if invocation.tool_name == Some(WAIT)
            && let Some(cell) = invocation.arguments.as_ref().and_then(|arguments| arguments.id_text("cell_id"))
        {
            self.note_wait(&thread, &cell, &id);
        }
        if event.kind == ToolKind::WriteStdin && self.trace.tool_calls[&id].terminal_operation_id.is_none() {
            self.begin_write_stdin(at, &id, &invocation);
        }
        if let Some(message) = invocation.argument(MESSAGE).and_then(Json::as_str) {
            self.agents.note_sent(&id, message);
        }
    }

    pub(crate) fn mcp_tool_call_correlation_assigned(&mut self, at: &At, event: &McpToolCallCorrelationAssigned) {
        let id = self.ensure_tool(at, &event.tool_call_id);
        let call = self.trace.tool_calls.get_mut(&id).expect("it was made sure of");
        call.mcp_call_id = Some(event.mcp_call_id.clone());
    }

    pub(crate) fn tool_call_runtime_started(
        &mut self,
        at: &At,
        event: &ToolCallRuntimeStarted,
        payloads: &mut dyn PayloadSource,
    ) {
        let id = self.ensure_tool(at, &event.tool_call_id);
        let call = self.trace.tool_calls.get_mut(&id).expect("it was made sure of");
        add_payload(&mut call.raw_runtime_payload_ids, &event.runtime_payload);
        if let Some(kind) = &event.kind {
            call.kind = kind.clone();
            if matches!(kind, ToolKind::Unknown(_)) {
                let message = format!("the kind of tool call {id} is not one that is known; it is kept as it is");
                self.report.at(at, DiagnosticCode::UnknownValue, &[&id], message);
            }
        }
        let call = &self.trace.tool_calls[&id];
        let kind = call.kind.clone();
        let mut buffer = PayloadBuffer::default();
        match &kind {
            ToolKind::ExecCommand | ToolKind::WriteStdin => {
                let document = self.document(at, &event.runtime_payload, payloads, &mut buffer);
                let payload = &event.runtime_payload;
                if let Some(begin) = document.and_then(|document| self.exec_begin(at, payload, &document)) {
                    self.begin_exec(at, &id, payload, begin);
                }
            }
            kind if Activity::is_of(kind) => {
                if let Some(document) = self.document(at, &event.runtime_payload, payloads, &mut buffer) {
                    self.agents.note_activity(at, &id, &document, false);
                }
            }
            _ => {}
        }
    }

    /// What a runtime's begin event says of the command.
    fn exec_begin(&mut self, at: &At, reference: &PayloadRef, document: &Json<'_>) -> Option<Begin> {
        let Some(command) = document.get("command").and_then(Json::as_array) else {
            self.payload_malformed(
                at,
                reference,
                "a command that begins, but no array command; there is no terminal operation",
            );
            return None;
        };
        let Some(cwd) = document.text("cwd") else {
            self.payload_malformed(at, reference, "a command that begins, but no cwd");
            return Some(Begin::new(command, "", document));
        };
        Some(Begin::new(command, cwd, document))
    }

    pub(crate) fn tool_call_runtime_ended(
        &mut self,
        at: &At,
        event: &ToolCallRuntimeEnded,
        payloads: &mut dyn PayloadSource,
    ) {
        let id = self.ensure_tool(at, &event.tool_call_id);
        let call = self.trace.tool_calls.get_mut(&id).expect("it was made sure of");
        add_payload(&mut call.raw_runtime_payload_ids, &event.runtime_payload);
        let (kind, has_operation) = (call.kind.clone(), call.terminal_operation_id.is_some());
        let mut buffer = PayloadBuffer::default();
        if has_operation {
            let document = self.document(at, &event.runtime_payload, payloads, &mut buffer);
            self.end_exec(at, &id, event, document.as_ref());
        } else if Activity::is_of(&kind)
            && let Some(document) = self.document(at, &event.runtime_payload, payloads, &mut buffer)
        {
            self.agents.note_activity(at, &id, &document, true);
        }
    }

    pub(crate) fn tool_call_ended(&mut self, at: &At, event: &ToolCallEnded, payloads: &mut dyn PayloadSource) {
        let id = self.ensure_tool(at, &event.tool_call_id);
        let call = self.trace.tool_calls.get_mut(&id).expect("it was made sure of");
        if !call.execution.is_running() {
            let message = format!("tool call {id} ends a second time; the later end counts");
            self.report.at(at, DiagnosticCode::RepeatedEnd, &[&id], message);
        }
        call.execution.end(at.time, at.seq, event.status.clone());
        let result = event.result_payload.as_ref();
        if let Some(reference) = result {
            call.raw_result_payload_id = Some(reference.raw_payload_id.clone());
        }
        if call.terminal_operation_id.is_some() {
            self.end_write_stdin(at, &id, &event.status, result, payloads);
        }
    }

    /// The key under which a call that starts is kept; none if it has started before and still runs.
    fn new_tool_id(&mut self, at: &At, thread: &ThreadId, id: &ToolCallId) -> Option<ToolCallId> {
        let bearers = self.tools.bearers.entry(id.clone()).or_default();
        let key = match bearers.iter().rfind(|(of, _)| of == thread) {
            Some((_, key)) if self.trace.tool_calls[key].execution.start_unobserved => return Some(key.clone()),
            Some((_, key)) if self.trace.tool_calls[key].execution.is_running() => {
                let message = format!("tool call {id} starts a second time; nothing changes");
                self.report.at(at, DiagnosticCode::DuplicateStart, &[key], message);
                return None;
            }
            _ if bearers.is_empty() => id.clone(),
            _ => ToolCallId::from(format!("{id}#{}", bearers.len() + 1)),
        };
        bearers.push((thread.clone(), key.clone()));
        if key != *id {
            let message = format!("a second tool call is named {id}; it is in the graph as {key}");
            self.report.at(at, DiagnosticCode::KeyCollision, &[id, &key], message);
        }
        Some(key)
    }

    /// The call that an event means by a producer's id: the latest of its thread, else the latest of any.
    pub(crate) fn find_tool(&self, at: &At, id: &ToolCallId) -> Option<ToolCallId> {
        let bearers = self.tools.bearers.get(id)?;
        let of_thread = bearers.iter().rfind(|(thread, _)| Some(thread) == at.thread.as_ref());
        of_thread.or(bearers.last()).map(|(_, key)| key.clone())
    }

    /// Makes sure that the call is in the graph, with what is known of it if its start is lost.
    fn ensure_tool(&mut self, at: &At, id: &ToolCallId) -> ToolCallId {
        if let Some(key) = self.find_tool(at, id) {
            return key;
        }
        let message = format!("tool call {id} was never started; it is in the graph with what is known of it");
        self.report.at(at, DiagnosticCode::UnknownToolCall, &[id], message);
        let thread = self.thread_of_event(at, id);
        let call = ToolCall {
            tool_call_id: id.clone(),
            mcp_call_id: None,
            model_visible_call_id: None,
            code_mode_runtime_tool_id: None,
            started_code_cell_id: None,
            thread_id: thread.clone(),
            started_by_codex_turn_id: at.turn.clone(),
            execution: Execution { start_unobserved: true, ..Execution::started(at.time, at.seq) },
            requester: Requester::Unknown(Map::from_iter([("type".to_owned(), Value::from("unknown"))])),
            kind: unknown_kind(),
            model_visible_call_item_ids: Vec::new(),
            model_visible_output_item_ids: Vec::new(),
            terminal_operation_id: None,
            summary: ToolSummary::Generic { label: UNKNOWN_TOOL.to_owned(), input_preview: None, output_preview: None },
            raw_invocation_payload_id: None,
            raw_result_payload_id: None,
            raw_runtime_payload_ids: Vec::new(),
        };
        self.trace.tool_calls.insert(id.clone(), call);
        self.tools.bearers.entry(id.clone()).or_default().push((thread, id.clone()));
        id.clone()
    }

    fn requester(&mut self, at: &At, thread: &ThreadId, id: &ToolCallId, requester: &ToolRequester) -> Requester {
        match requester {
            ToolRequester::Model => Requester::Model,
            ToolRequester::CodeCell { runtime_cell_id } => match self.note_nested_tool(thread, runtime_cell_id, id) {
                Some(code_cell_id) => Requester::CodeCell { code_cell_id },
                None => {
                    let message = format!(
                        "tool call {id} was made by runtime cell {runtime_cell_id}, which never started in its thread"
                    );
                    self.report.at(at, DiagnosticCode::UnknownCodeCell, &[id, runtime_cell_id], message);
                    Requester::Unknown(Map::from_iter([
                        ("type".to_owned(), Value::from("code_cell")),
                        ("runtime_cell_id".to_owned(), Value::from(runtime_cell_id.as_str())),
                    ]))
                }
            },
            other => {
                let value = serde_json::to_value(other).ok();
                let object = value.and_then(|value| value.as_object().cloned());
                Requester::Unknown(object.unwrap_or_default())
            }
        }
    }

    fn warn_of_unknown_values(&mut self, at: &At, event: &ToolCallStarted) {
        let unknown = [
            ("kind", matches!(event.kind, ToolKind::Unknown(_))),
            ("requester", matches!(event.requester, ToolRequester::Unknown(_))),
            ("summary", matches!(event.summary, ToolSummary::Unknown(_))),
        ];
        for (name, _) in unknown.into_iter().filter(|(_, is_unknown)| *is_unknown) {
            let message =
                format!("the {name} of tool call {} is not one that is known; it is kept as it is", event.tool_call_id);
            self.report.at(at, DiagnosticCode::UnknownValue, &[&event.tool_call_id], message);
        }
    }

    /// Whether this version of the schema tells more than the official state of schema 1.
    pub(crate) fn is_v1(&self) -> bool {
        self.version == SchemaVersion::V1
    }
}

/// Adds a payload to those of an object, once.
pub(crate) fn add_payload(payloads: &mut Vec<RawPayloadId>, reference: &PayloadRef) {
    if !payloads.contains(&reference.raw_payload_id) {
        payloads.push(reference.raw_payload_id.clone());
    }
}

/// The name of a tool whose start is lost.
const UNKNOWN_TOOL: &str = "unknown";

fn unknown_kind() -> ToolKind {
    ToolKind::Other { name: UNKNOWN_TOOL.to_owned() }
}
