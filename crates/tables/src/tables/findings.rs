//! What a reviewer would want to be told.

use rollout_trace_answers::Finding;

use crate::{
    column::Declared,
    questions::id_list,
    reduced::{Numbered, Reduced},
    table::Source,
    value::{count, signed},
};

pub(crate) struct Findings;

impl Source for Findings {
    type Row<'r> = Numbered<'r, Finding>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new("findings", "One row per finding of `rollout-trace findings`.", &["ordinal"])
            .integer("ordinal", "The number of the finding, from 1: the gravest is the first.", |row| row.number)
            .text("code", "What was found.", |row| row.it.code.as_str().into())
            .text("severity", "error, warning or note.", |row| row.it.severity.as_str().into())
            .text("ids", "The objects that are concerned, as an array of JSON.", |row| id_list(&row.it.ids))
            .integer_or_null("seq", "The event at which it shows.", |row| row.it.seq.map(signed))
            .text("certainty", "recorded, matched or inferred.", |row| row.it.certainty.as_str().into())
            .integer_or_null("calls", "How many calls there are, where that is what was found.", |row| {
                row.it.more.calls.map(count)
            })
            .integer_or_null("tokens_estimate", "The estimated tokens of the outputs.", |row| {
                row.it.more.tokens_estimate.map(signed)
            })
            .text_or_null("note", "What it is, for people. Content: full.", |row| {
                row.reduced.options.text(|| row.it.note.as_str().into())
            })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        let answer = reduced.questions.as_ref().and_then(|questions| questions.findings.as_ref());
        let numbered = (1..).zip(answer.into_iter().flat_map(|answer| &answer.findings));
        numbered.for_each(|(number, it)| each(Numbered { reduced, number, it }));
    }
}
