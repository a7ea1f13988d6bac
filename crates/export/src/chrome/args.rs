//! What the events of a Chrome trace say about objects.
//!
//! Source: exports, section 2.

use rollout_trace_model::{InferenceCall, ItemId, TerminalOperation, TerminalRequest, ThreadOrigin, ToolCall};
use rollout_trace_schema::ExecutionStatus;
use serde_json::Value;

use crate::{
    item_parts,
    object::{Object, tag},
    spans::{Span, Work},
    subject::Subject,
    texts::{Cutter, Texts, name},
    tool_texts,
};

/// Returns the name of a span's slice.
pub(crate) fn title(subject: &Subject<'_, '_>, work: Work<'_>) -> String {
    match work {
        Work::Thread(thread) => name(&thread.agent_path).to_owned(),
        Work::Turn(turn) => subject.turn_name(&turn.codex_turn_id),
        Work::Inference(call) => call.model.clone(),
        Work::CompactionRequest(request) => format!("compact · {}", request.model),
        Work::Tool(call) => name(&subject.title(call).name).to_owned(),
        Work::Cell(_) => "code cell".to_owned(),
    }
}

/// Returns the category of a span's slice.
pub(crate) fn category(work: Work<'_>) -> &'static str {
    match work {
        Work::Thread(_) => "agent",
        Work::Turn(_) => "turn",
        Work::Inference(_) => "inference",
        Work::CompactionRequest(_) => "compaction",
        Work::Tool(_) => "tool",
        Work::Cell(_) => "cell",
    }
}

/// Returns what a span's slice says about it.
pub(crate) fn of_span(subject: &Subject<'_, '_>, span: &Span<'_>, texts: Texts) -> Object {
    let mut cutter = Cutter::new(texts);
    let args = match span.work {
        Work::Thread(thread) => {
            let parent = match &thread.origin {
                ThreadOrigin::Spawned { parent_thread_id, .. } => Some(parent_thread_id.as_str()),
                ThreadOrigin::Root | ThreadOrigin::Unknown => None,
            };
            let origin = Object::new().with("origin", tag(&thread.origin)).with("parent", parent);
            origin.with("model", thread.default_model.as_deref())
        }
        Work::Turn(_) => Object::new(),
        Work::Inference(call) => of_inference(subject, call, texts, &mut cutter),
        Work::CompactionRequest(request) => {
            let args = Object::new().with("provider", request.provider_name.as_str());
            let args = args.with("compaction", request.compaction_id.as_str());
            let error = request.error.as_deref().filter(|_| texts.any());
            args.with("error", error.map(|error| cutter.cut(error).into_owned()))
        }
        Work::Tool(call) => of_tool(subject, call, texts, &mut cutter),
        Work::Cell(cell) => {
            let args = Object::new()
                .with("runtime_status", cell.runtime_status.as_str())
                .with("nested_tools", cell.nested_tool_call_ids.len())
                .with("first_answer", cell.initial_response_status.as_ref().map(|status| status.as_str()));
            let source = texts.any().then(|| cutter.cut(cell.source_js.as_str()).into_owned());
            args.with("source", source)
        }
    };
    let execution = span.work.execution();
    let args = args.with("id", span.work.id()).with("status", execution.status.as_str());
    let args = args.with("end_observed", execution.is_running().then_some(false));
    let args = args.with("start_observed", execution.start_unobserved.then_some(false));
    let args = args.with("parent_missing", span.parent_missing.then_some(true));
    with_left_out(args, &mut cutter)
}

fn of_inference(subject: &Subject<'_, '_>, call: &InferenceCall, texts: Texts, cutter: &mut Cutter) -> Object {
    let new = subject.relations.new_items(&call.inference_call_id);
    let mut args = Object::new()
        .with("provider", call.provider_name.as_str())
        .with("response_id", call.response_id.as_deref())
        .with("request_items", call.request_item_ids.len())
        .with("request_items_new", new.len())
        .with("response_items", call.response_item_ids.len())
        .with("request_payload", call.raw_request_payload_id.as_deref())
        .with("response_payload", call.raw_response_payload_id.as_deref())
        .with("failed", call.execution.status == ExecutionStatus::Failed)
        .with("cancel_reason", call.cancel_reason.as_deref().map(name));
    if let Some(usage) = &call.usage {
        args.set("input_tokens", usage.input_tokens);
        args.set("cached_input_tokens", usage.cached_input_tokens);
        args.set("cache_write_input_tokens", usage.cache_write_input_tokens);
        args.set("output_tokens", usage.output_tokens);
        args.set("reasoning_output_tokens", usage.reasoning_output_tokens);
    }
    if texts.any() {
        args.set("error", call.error.as_deref().map(|error| cutter.cut(error).into_owned()));
        args.set("new", items(subject, new, cutter));
        args.set("answer", items(subject, &call.response_item_ids, cutter));
    }
    args
}

fn items(subject: &Subject<'_, '_>, items: &[ItemId], cutter: &mut Cutter) -> Vec<Value> {
    let items = items.iter().filter_map(|id| subject.graph.conversation_items.get(id));
    items.map(|item| cutter.cut(item_parts::text(subject.rollout, item)).into_owned().into()).collect()
}

fn of_tool(subject: &Subject<'_, '_>, call: &ToolCall, texts: Texts, cutter: &mut Cutter) -> Object {
    let operation = call.terminal_operation_id.and_then(|id| subject.graph.terminal_operations.get(&id));
    let mut args = Object::new()
        .with("kind", tag(&call.kind))
        .with("namespace", subject.title(call).namespace.as_deref().map(name))
        .with("requester", tag(&call.requester))
        .with("terminal", operation.and_then(|operation| operation.terminal_id.as_ref()).map(|id| id.0.as_str()))
        .with("exit_code", operation.and_then(exit_code))
        .with("invocation_payload", call.raw_invocation_payload_id.as_deref())
        .with("result_payload", call.raw_result_payload_id.as_deref());
    if texts.any() {
        args.set("arguments", tool_texts::arguments(subject.rollout, call).map(|text| cutter.cut(text).into_owned()));
        args.set("result", tool_texts::result(subject.rollout, call).map(|text| cutter.cut(text).into_owned()));
    }
    args
}

/// Returns what the slice of a terminal operation says about it.
pub(crate) fn of_terminal(operation: &TerminalOperation, texts: Texts) -> Object {
    let mut cutter = Cutter::new(texts);
    let execution = &operation.execution;
    let mut args = Object::new()
        .with("id", operation.operation_id.to_string())
        .with("terminal", operation.terminal_id.as_ref().map(|id| id.0.as_str()))
        .with("exit_code", exit_code(operation))
        .with("status", execution.status.as_str())
        .with("end_observed", execution.is_running().then_some(false))
        .with("start_observed", execution.start_unobserved.then_some(false));
    if texts.any() {
        let command = match &operation.request {
            TerminalRequest::ExecCommand { display_command, .. } => display_command,
            TerminalRequest::WriteStdin { stdin, .. } => stdin,
        };
        args.set("command", cutter.cut(command.as_str()).into_owned());
    }
    with_left_out(args, &mut cutter)
}

fn exit_code(operation: &TerminalOperation) -> Option<i64> {
    operation.result.as_ref()?.exit_code
}

fn with_left_out(args: Object, cutter: &mut Cutter) -> Object {
    args.with("bytes_left_out", Some(cutter.take_left_out()).filter(|bytes| *bytes > 0))
}
