//! The replacements of histories by shorter ones.

use rollout_trace_model::Compaction;

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
    value::count,
};

pub(crate) struct Compactions;

impl Source for Compactions {
    type Row<'r> = Of<'r, Compaction>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "compactions",
            "One row per replacement of a history by a shorter one.",
            &["compaction_id"],
        )
        .text("compaction_id", "The id of the compaction.", |row| row.it.compaction_id.as_str().into())
        .text("thread_id", "The thread whose history was replaced.", |row| row.it.thread_id.as_str().into())
        .text_or_null("turn_id", "The turn of the compaction.", |row| {
            row.it.codex_turn_id.as_ref().map(|turn| turn.as_str().into())
        })
        .time("installed_at", "When the new history was installed.", |row| row.it.installed_at_unix_ms)
        .integer("attempts", "The number of requests for it.", |row| count(row.it.request_ids.len()))
        .integer("input_items", "The number of items of the history before.", |row| count(row.it.input_item_ids.len()))
        .integer("replacement_items", "The number of items of the history after.", |row| {
            count(row.it.replacement_item_ids.len())
        })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.compactions.values().for_each(|it| each(Of { reduced, it }));
    }
}
