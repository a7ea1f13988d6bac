//! Fills the tables of things in time.

use std::collections::{BTreeMap, HashMap};

use rollout_trace::{
    answers::{CriticalPath, Node, SegmentClass, TimeClass, first_chars, tool_name},
    model::{Diagnostic, OperationKind, Requester, Severity, TerminalOperation, TerminalRequest, ToolCall},
    schema::{ToolKind, ToolSummary},
};

use super::{
    Calls, Cells, CompactionRequests, Compactions, CriticalSegments, Edges, Losses, Operations, Spans, Terminals,
    Turns, Undelivered,
};
use crate::{
    columns::{PayloadColumn, WordsBuilder},
    view::{TimesBuilder, View, rows, seq},
};

/// The most characters of a command or text that a table holds.
const LABEL: usize = 160;
/// The most characters of a message that did not arrive.
const MESSAGE: usize = 400;

impl Spans {
    pub(crate) fn of(view: &View<'_, '_>) -> Self {
        Self {
            turns: turns(view),
            requests: super::requests::requests(view),
            definitions: super::requests::definitions(view),
            calls: calls(view),
            cells: cells(view),
            operations: operations(view),
            terminals: terminals(view),
            edges: edges(view),
            compactions: compactions(view),
            compaction_requests: compaction_requests(view),
            undelivered: undelivered(view),
            critical_path: critical_path(view),
            losses: losses(view),
        }
    }

    /// Returns the rows of a part of a rollout. What only the whole tells is empty.
    pub(crate) fn of_part(view: &View<'_, '_>) -> Self {
        Self {
            turns: turns(view),
            requests: super::requests::requests(view),
            calls: calls(view),
            cells: cells(view),
            operations: operations(view),
            terminals: terminals(view),
            edges: edges(view),
            compactions: compactions(view),
            compaction_requests: compaction_requests(view),
            ..Self::default()
        }
    }
}

fn turns(view: &View<'_, '_>) -> Turns {
    let mut table = Turns::default();
    let mut times = TimesBuilder::default();
    for turn in &view.things.turns {
        table.id.push(turn.codex_turn_id.to_string());
        table.agent.push(view.agent(&turn.thread_id));
        table.input.push(view.rollout.input_of(turn).map(|item| i64::from(item.0)));
        times.push(view, &turn.execution);
    }
    Turns { times: times.finish(), ..table }
}

fn calls(view: &View<'_, '_>) -> Calls {
    let mut table = Calls::default();
    let (mut times, mut name, mut class) = (TimesBuilder::default(), WordsBuilder::default(), WordsBuilder::default());
    let mut call_id = WordsBuilder::default();
    let asked: HashMap<_, _> = { view.rollout.calls().iter() }
        .flat_map(|call| call.tool_call_ids_started_by_response.iter().map(move |tool| (tool, call)))
        .collect();
    for (row, call) in view.things.calls.iter().enumerate() {
        let request = asked.get(&call.tool_call_id);
        table.request.push(request.and_then(|call| view.number(&Node::Inference(call.inference_call_id.clone()))));
        table.id.push(call.tool_call_id.to_string());
        table.agent.push(view.agent(&call.thread_id));
        table.turn.push(view.turn(call.started_by_codex_turn_id.as_ref()));
        times.push(view, &call.execution);
        name.push(Some(&tool_name(&call.kind)));
        class.push(Some(TimeClass::of_tool(&call.kind).as_str()));
        let by_cell = match &call.requester {
            Requester::CodeCell { code_cell_id } => view.number(&Node::CodeCell(code_cell_id.clone())),
            Requester::Model | Requester::Unknown(_) => None,
        };
        table.by_cell.push(by_cell);
        call_id.push(call.model_visible_call_id.as_deref());
        table.call_items.push(call.model_visible_call_item_ids.iter().map(|item| item.0));
        table.output_items.push(call.model_visible_output_item_ids.iter().map(|item| item.0));
        let operation = call.terminal_operation_id.and_then(|id| view.number(&Node::TerminalOperation(id)));
        table.operation.push(operation);
        let started = call.started_code_cell_id.as_ref();
        table.started_cell.push(started.and_then(|cell| view.number(&Node::CodeCell(cell.clone()))));
        table.runtime_start.push(call.runtime_started.map(|start| view.ms(start.at_unix_ms)));
        table.label.push(call_label(view, call));
        table.invocation_payload.push(call.raw_invocation_payload_id.as_ref());
        table.result_payload.push(call.raw_result_payload_id.as_ref());
        if !call.raw_runtime_payload_ids.is_empty() {
            table.runtime_payloads.insert(row, PayloadColumn::of(&call.raw_runtime_payload_ids));
        }
    }
    Calls {
        times: times.finish(),
        name: name.finish(),
        class: class.finish(),
        call_id: call_id.finish(),
        waits: rows(view.things.calls.iter().map(|call| is_wait(view, call))),
        ..table
    }
}

/// Returns whether a call only waits.
fn is_wait(view: &View<'_, '_>, call: &ToolCall) -> bool {
    let operation = call.terminal_operation_id.and_then(|id| view.graph().terminal_operations.get(&id));
    let is_look = |operation: &TerminalOperation| match &operation.request {
        TerminalRequest::WriteStdin { stdin, .. } => stdin.is_empty(),
        TerminalRequest::ExecCommand { .. } => false,
    };
    call.kind == ToolKind::WaitAgent
        || tool_name(&call.kind) == "wait"
        || call.resolved_wait_runtime_cell_id.is_some()
        || operation.is_some_and(is_look)
}

/// Returns in one line what is called.
pub(crate) fn call_label(view: &View<'_, '_>, call: &ToolCall) -> String {
    let operation = call.terminal_operation_id.and_then(|id| view.graph().terminal_operations.get(&id));
    if let Some(operation) = operation {
        return operation_label(operation);
    }
    let text = match &call.summary {
        ToolSummary::Agent { message_preview, .. } => message_preview.clone(),
        ToolSummary::WaitAgent { target_agent_path, .. } => {
            target_agent_path.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        ToolSummary::Generic { input_preview: Some(input), .. } => input.clone(),
        _ => String::new(),
    };
    if !text.is_empty() {
        return first_chars(&text, LABEL);
    }
    let item = call.model_visible_call_item_ids.first().and_then(|item| view.graph().conversation_items.get(item));
    item.map(|item| first_chars(crate::texts::arguments(view, item).as_ref(), LABEL)).unwrap_or_default()
}

fn operation_label(operation: &TerminalOperation) -> String {
    match &operation.request {
        TerminalRequest::ExecCommand { command, display_command, .. } => match command.as_slice() {
            // The shell that runs nearly every command says nothing about it.
            [_, flag, script] if flag == "-c" || flag == "-lc" => first_chars(script, LABEL),
            _ => first_chars(display_command, LABEL),
        },
        TerminalRequest::WriteStdin { stdin, .. } => first_chars(stdin, LABEL),
    }
}

fn cells(view: &View<'_, '_>) -> Cells {
    let mut table = Cells::default();
    let (mut times, mut status) = (TimesBuilder::default(), WordsBuilder::default());
    for cell in &view.things.cells {
        table.id.push(cell.code_cell_id.to_string());
        table.agent.push(view.agent(&cell.thread_id));
        table.turn.push(view.turn(cell.codex_turn_id.as_ref()));
        times.push(view, &cell.execution);
        status.push(Some(cell.runtime_status.as_str()));
        table.answered.push(cell.initial_response_at_unix_ms.map(|at| view.ms(at)));
        table.yielded.push(cell.yielded_at_unix_ms.map(|at| view.ms(at)));
        table.source_item.push(view.number(&Node::Item(cell.source_item_id)));
        table.output_items.push(cell.output_item_ids.iter().map(|item| item.0));
        let waits = cell.wait_tool_call_ids.iter().filter_map(|call| view.things.number(&Node::ToolCall(call.clone())));
        table.waits.push(waits);
        table.label.push(first_chars(&cell.source_js, LABEL));
        table.answer_payload.push(cell.raw_initial_response_payload_id.as_ref());
        table.result_payload.push(cell.raw_result_payload_id.as_ref());
    }
    Cells { times: times.finish(), runtime_status: status.finish(), ..table }
}

fn operations(view: &View<'_, '_>) -> Operations {
    let mut table = Operations::default();
    let (mut times, mut kind) = (TimesBuilder::default(), WordsBuilder::default());
    for operation in &view.things.operations {
        table.id.push(Some(i64::from(operation.operation_id.0)));
        let terminal = operation.terminal_id.as_ref();
        table.terminal.push(terminal.and_then(|terminal| view.number(&Node::TerminalSession(terminal.clone()))));
        table.call.push(view.call(&operation.tool_call_id));
        times.push(view, &operation.execution);
        kind.push(Some(match operation.kind {
            OperationKind::ExecCommand => "exec_command",
            OperationKind::WriteStdin => "write_stdin",
        }));
        table.label.push(operation_label(operation));
        let result = operation.result.as_ref();
        table.exit_code.push(result.and_then(|result| result.exit_code));
        table.output_bytes.push(result.map(|result| (result.stdout.len() + result.stderr.len()) as i64));
        let mut seen: Vec<_> = { operation.model_observations.iter() }
            .flat_map(|seen| seen.output_item_ids.iter().map(|item| item.0))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        table.seen_in.push(seen);
    }
    Operations { times: times.finish(), kind: kind.finish(), ..table }
}

fn terminals(view: &View<'_, '_>) -> Terminals {
    let mut table = Terminals::default();
    let (mut times, mut process) = (TimesBuilder::default(), WordsBuilder::default());
    for session in &view.things.terminals {
        table.id.push(session.terminal_id.to_string());
        table.agent.push(view.agent(&session.thread_id));
        let exited = session.exited_at_unix_ms.map(|at| view.ms(at));
        times.push_ended(view, &session.execution, exited, session.exited_seq);
        table.exit_code.push(session.exit_code);
        process.push(session.process_id.as_deref());
        let operations = session.operation_ids.iter();
        table.operations.push(operations.filter_map(|id| view.things.number(&Node::TerminalOperation(*id))));
    }
    Terminals { times: times.finish(), process_id: process.finish(), ..table }
}

fn edges(view: &View<'_, '_>) -> Edges {
    let mut table = Edges::default();
    let mut kind = WordsBuilder::default();
    for (row, edge) in view.things.edges.iter().enumerate() {
        table.id.push(edge.edge_id.to_string());
        kind.push(Some(edge.kind.as_str()));
        table.source.push(view.anchor(&edge.source));
        table.target.push(view.anchor(&edge.target));
        let from = view.rollout.thread_of(&edge.source);
        let to = view.rollout.thread_of(&edge.target);
        table.from.push(from.and_then(|thread| view.agent(thread)));
        table.to.push(to.and_then(|thread| view.agent(thread)));
        table.start.push(Some(view.ms(edge.started_at_unix_ms)));
        table.end.push(edge.ended_at_unix_ms.map(|at| view.ms(at)));
        table.start_seq.push(Some(seq(edge.started_seq)));
        table.end_seq.push(edge.ended_seq.map(seq));
        table.delivered_seq.push(edge.delivered_seq.map(seq));
        table.items.push(edge.carried_item_ids.iter().map(|item| item.0));
        let carriers = edge.carried_item_ids.iter().filter_map(|item| view.first_carrier(*item));
        let arrivals = carriers.filter(|call| Some(&call.thread_id) == to);
        let arrival = arrivals.min_by_key(|call| call.execution.started_seq);
        table.arrival.push(arrival.and_then(|call| view.number(&Node::Inference(call.inference_call_id.clone()))));
        if !edge.carried_raw_payload_ids.is_empty() {
            table.payloads.insert(row, PayloadColumn::of(&edge.carried_raw_payload_ids));
        }
    }
    Edges { kind: kind.finish(), ..table }
}

fn compactions(view: &View<'_, '_>) -> Compactions {
    let mut table = Compactions::default();
    for compaction in &view.things.compactions {
        table.id.push(compaction.compaction_id.to_string());
        table.agent.push(view.agent(&compaction.thread_id));
        table.turn.push(view.turn(compaction.codex_turn_id.as_ref()));
        table.at.push(Some(view.ms(compaction.installed_at_unix_ms)));
        table.seq.push(Some(seq(compaction.installed_seq)));
        table.marker.push(view.number(&Node::Item(compaction.marker_item_id)));
        table.input.push(compaction.input_item_ids.iter().map(|item| item.0));
        table.replacement.push(compaction.replacement_item_ids.iter().map(|item| item.0));
        table.payload.push(compaction.raw_checkpoint_payload_id.as_ref());
    }
    table
}

fn compaction_requests(view: &View<'_, '_>) -> CompactionRequests {
    let mut table = CompactionRequests::default();
    let (mut times, mut model) = (TimesBuilder::default(), WordsBuilder::default());
    for (row, request) in view.graph().compaction_requests.values().enumerate() {
        table.id.push(request.compaction_request_id.to_string());
        table.compaction.push(view.number(&Node::Compaction(request.compaction_id.clone())));
        table.agent.push(view.agent(&request.thread_id));
        times.push(view, &request.execution);
        model.push(Some(&request.model));
        table.request_payload.push(request.raw_request_payload_id.as_ref());
        table.answer_payload.push(request.raw_response_payload_id.as_ref());
        table.error.extend(request.error.as_ref().map(|error| (row, error.clone())));
    }
    CompactionRequests { times: times.finish(), model: model.finish(), ..table }
}

fn undelivered(view: &View<'_, '_>) -> Vec<Undelivered> {
    let messages = view.graph().undelivered_messages.iter();
    let row = |message: &rollout_trace::model::UndeliveredMessage| Undelivered {
        kind: message.kind.as_str().to_owned(),
        call: message.tool_call_id.as_ref().and_then(|call| view.things.number(&Node::ToolCall(call.clone()))),
        to: message.target_thread_id.as_ref().and_then(|thread| view.things.number(&Node::Thread(thread.clone()))),
        message: message.message.as_ref().map(|message| first_chars(message, MESSAGE)),
        seq: message.seq,
        at: view.ms_of(message.seq),
    };
    messages.map(row).collect()
}

fn critical_path(view: &View<'_, '_>) -> CriticalSegments {
    let path = CriticalPath::of(view.graph());
    let names = view.things.agents.iter().zip(0_i64..);
    let agents: BTreeMap<&str, i64> =
        names.map(|(agent, number)| (view.rollout.agent(&agent.thread_id), number)).collect();
    let mut table = CriticalSegments::default();
    let mut class = WordsBuilder::default();
    for segment in &path.segments {
        table.start.push(i64::try_from(segment.from_ms).ok());
        table.ms.push(segment.ms);
        class.push(Some(match segment.class {
            SegmentClass::Time(class) => class.as_str(),
            SegmentClass::Change(change) => change.as_str(),
        }));
        table.thing.push(segment.id.as_deref().and_then(|id| view.of_segment(id)));
        table.agent.push(segment.agent_path.as_deref().and_then(|path| agents.get(path)).copied());
    }
    CriticalSegments { class: class.finish(), ..table }
}

impl View<'_, '_> {
    /// Returns the thing that took the time of a segment. Of a request for a compaction it is the compaction.
    fn of_segment(&self, id: &str) -> Option<crate::things::Thing> {
        let requested = || {
            let request = self.graph().compaction_requests.get(id)?;
            self.things.of_node(&Node::Compaction(request.compaction_id.clone()))
        };
        self.things.of_id(id).or_else(requested)
    }
}

/// Returns where evidence is lost or damaged: the diagnostics that are more than notes, and have an event.
fn losses(view: &View<'_, '_>) -> Losses {
    let is_loss = |diagnostic: &&Diagnostic| diagnostic.severity > Severity::Note && diagnostic.seq.is_some();
    let mut table = Losses::default();
    let (mut code, mut note) = (WordsBuilder::default(), WordsBuilder::default());
    for diagnostic in view.graph().diagnostics.iter().filter(is_loss) {
        table.seq.push(diagnostic.seq.map(seq));
        table.at.push(diagnostic.seq.and_then(|seq| view.ms_of(seq)));
        code.push(Some(&diagnostic.code.to_string()));
        note.push(Some(&diagnostic.message));
    }
    Losses { code: code.finish(), note: note.finish(), ..table }
}
