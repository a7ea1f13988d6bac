//! Who fills the context.

use rollout_trace_answers::BlameRow;

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
    value::{count, signed},
};

pub(crate) struct Blame;

impl Source for Blame {
    type Row<'r> = (Of<'r, BlameRow>, &'static str);

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        let meaning = "The rows of `rollout-trace blame`, by each axis but item, which item_runs has, and file. \
            A rent is a size times the requests that carried it.";
        Declared::<Self::Row<'r>>::new("blame", meaning, &["axis", "key"])
            .text(
                "axis",
                "What the row is by: tool, server, agent, turn, section, thread or source. Source, which may \
                quote texts: content full.",
                |row| row.1.into(),
            )
            .name("key", "The tool, agent and so on.", |row| row.0.it.key.as_str().into())
            .integer("parts", "How many different parts of requests there are.", |row| count(row.0.it.parts))
            .integer("calls", "How many inference calls carried any of them.", |row| count(row.0.it.calls))
            .integer("tokens_estimate_once", "Their estimated tokens, each counted once.", |row| {
                signed(row.0.it.tokens_estimate_once)
            })
            .integer("rent_tokens_estimate", "Their estimated tokens, as often as they were carried.", |row| {
                signed(row.0.it.rent_tokens_estimate)
            })
            .integer("bytes_carried", "Their bytes, as often as they were carried.", |row| {
                signed(row.0.it.bytes_carried)
            })
            .integer("media_parts", "Images, files and audio parts, as often as they were carried.", |row| {
                signed(row.0.it.media_parts)
            })
            .integer_or_null("cached_tokens_estimate", "How much of the rent was cached, where that is known.", |row| {
                row.0.it.cached_tokens_estimate.map(signed)
            })
            .integer("cache_known_tokens_estimate", "The rent where that is known.", |row| {
                signed(row.0.it.cache_known_tokens_estimate)
            })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        let Some(questions) = &reduced.questions else { return };
        for (axis, blame) in questions.blame_of(reduced.options.content) {
            blame.rows.iter().for_each(|it| each((Of { reduced, it }, axis)));
        }
    }
}
