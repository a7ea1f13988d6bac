//! The runs of code that models wrote.

use rollout_trace_model::CodeCell;

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
    value::{count, signed},
};

pub(crate) struct CodeCells;

impl Source for CodeCells {
    type Row<'r> = Of<'r, CodeCell>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "code_cells",
            "One row per run of JavaScript that a model wrote.",
            &["code_cell_id"],
        )
        .text("code_cell_id", "The id of the cell.", |row| row.it.code_cell_id.0.as_str().into())
        .text("thread_id", "The thread of the cell.", |row| row.it.thread_id.as_str().into())
        .text_or_null("turn_id", "The turn in which the cell started.", |row| {
            row.it.codex_turn_id.as_ref().map(|turn| turn.as_str().into())
        })
        .text_or_null("tool_call_id", "The tool call that started the cell, if there is one.", |row| {
            row.reduced.lookups.starter(&row.it.code_cell_id).map(|call| call.as_str().into())
        })
        .name("runtime_status", "The last status that the runtime reported.", |row| {
            row.it.runtime_status.as_str().into()
        })
        .name_or_null("first_answer", "The status of the cell when the model got the first answer.", |row| {
            row.it.initial_response_status.as_ref().map(|status| status.as_str().into())
        })
        .execution()
        .integer_or_null("yielded_seq", "The event that the cell yielded and continued to run.", |row| {
            row.it.yielded_seq.map(signed)
        })
        .integer("nested_tools", "The number of tool calls that the cell made.", |row| {
            count(row.it.nested_tool_call_ids.len())
        })
        .integer("waits", "The number of tool calls with which the model waited for it.", |row| {
            count(row.it.wait_tool_call_ids.len())
        })
        .integer("source_bytes", "The length of the source, in UTF-8.", |row| count(row.it.source_js.len()))
        .text_or_null("source", "The source. Content: full.", |row| {
            row.reduced.options.text(|| row.it.source_js.as_str().into())
        })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.code_cells.values().for_each(|it| each(Of { reduced, it }));
    }
}
