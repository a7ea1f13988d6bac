//! The calls of tools.

use rollout_trace_model::{Requester, ToolCall};

use crate::{
    column::Declared,
    reduced::{Of, Reduced, kind_of},
    table::Source,
    value::count,
};

pub(crate) struct ToolCalls;

impl Source for ToolCalls {
    type Row<'r> = Of<'r, ToolCall>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "tool_calls",
            "One row per call of a tool, whether a model or a code cell made it.",
            &["tool_call_id"],
        )
        .text("tool_call_id", "The id of the call.", |row| row.it.tool_call_id.as_str().into())
        .text("thread_id", "The thread that made the call.", |row| row.it.thread_id.as_str().into())
        .text_or_null("turn_id", "The turn in which it was made.", |row| {
            row.it.started_by_codex_turn_id.as_ref().map(|turn| turn.as_str().into())
        })
        .name("name", "The name of the tool.", |row| row.reduced.title(row.it).0.into())
        .name_or_null("namespace", "The namespace of that name, such as the MCP server.", |row| {
            row.reduced.title(row.it).1.map(Into::into)
        })
        .name("kind", "The kind of the tool, as in the graph.", |row| kind_of(&row.it.kind))
        .name("requester", "Who made the call: model or code_cell.", |row| match &row.it.requester {
            Requester::Model => "model".into(),
            Requester::CodeCell { .. } => "code_cell".into(),
            Requester::Unknown(fields) => fields.get("type").and_then(|kind| kind.as_str()).unwrap_or("unknown").into(),
        })
        .text_or_null("code_cell_id", "The code cell that made the call.", |row| match &row.it.requester {
            Requester::CodeCell { code_cell_id } => Some(code_cell_id.0.as_str().into()),
            _ => None,
        })
        .text_or_null("requested_by", "The inference call whose response asked for it.", |row| {
            row.reduced.requested_by(row.it).map(|call| call.inference_call_id.as_str().into())
        })
        .text_or_null("output_seen_by", "The first inference call whose request shows an output of it.", |row| {
            row.reduced.output_seen_by(row.it).map(|call| call.inference_call_id.as_str().into())
        })
        .text_or_null("call_id", "The id of the call in the conversation.", |row| {
            row.it.model_visible_call_id.as_ref().map(|id| id.as_str().into())
        })
        .execution()
        .text_or_null("terminal_operation_id", "The terminal operation of the call.", |row| {
            row.it.terminal_operation_id.map(|id| id.to_string().into())
        })
        .integer_or_null("exit_code", "The exit code of the command.", |row| {
            let operation = row.reduced.graph.terminal_operations.get(row.it.terminal_operation_id.as_ref()?)?;
            operation.result.as_ref()?.exit_code
        })
        .integer("outputs", "The number of output items in the conversation.", |row| {
            count(row.it.model_visible_output_item_ids.len())
        })
        .text_or_null("invocation_payload", "The payload of the invocation.", |row| {
            row.it.raw_invocation_payload_id.as_ref().map(|id| id.as_str().into())
        })
        .text_or_null("result_payload", "The payload of the result.", |row| {
            row.it.raw_result_payload_id.as_ref().map(|id| id.as_str().into())
        })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.tool_calls.values().for_each(|it| each(Of { reduced, it }));
    }
}
