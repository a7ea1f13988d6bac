//! The turns of threads.

use rollout_trace_model::CodexTurn;

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
};

pub(crate) struct Turns;

impl Source for Turns {
    type Row<'r> = Of<'r, CodexTurn>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "turns",
            "One row per turn: an input from outside and all the work that it causes.",
            &["turn_id"],
        )
        .text("turn_id", "The id of the turn.", |row| row.it.codex_turn_id.as_str().into())
        .text("thread_id", "The thread of the turn.", |row| row.it.thread_id.as_str().into())
        .integer("ordinal", "The number of the turn in the rollout, from 1: N of `turn-N`.", |row| {
            row.reduced.lookups.turn(&row.it.codex_turn_id)
        })
        .execution()
        .durations()
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.codex_turns.values().for_each(|it| each(Of { reduced, it }));
    }
}
