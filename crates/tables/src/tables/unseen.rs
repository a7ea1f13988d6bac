//! What no model was shown.

use rollout_trace_answers::UnseenRow;

use crate::{
    column::Declared,
    questions::id_list,
    reduced::{Numbered, Reduced},
    table::Source,
    value::{count, signed},
};

pub(crate) struct Unseen;

impl Source for Unseen {
    type Row<'r> = Numbered<'r, UnseenRow>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new("unseen", "One row per row of `rollout-trace unseen`.", &["ordinal"])
            .integer("ordinal", "The number of the row, from 1.", |row| row.number)
            .text("code", "What happened to it.", |row| row.it.code.as_str().into())
            .text("ids", "The objects that are concerned, as an array of JSON.", |row| id_list(&row.it.ids))
            .text("certainty", "recorded, matched or inferred.", |row| row.it.certainty.as_str().into())
            .integer_or_null("seq", "The event that shows it.", |row| row.it.seq.map(signed))
            .text_or_null("payload_id", "The payload that shows it.", |row| {
                row.it.payload_id.as_ref().map(|id| id.as_str().into())
            })
            .integer_or_null("bytes", "The length of what was not seen.", |row| row.it.bytes.map(signed))
            .integer_or_null("of_bytes", "The length of the text of which it is a part.", |row| {
                row.it.of_bytes.map(signed)
            })
            .integer_or_null("gaps", "How many parts of that text are missing.", |row| row.it.gaps.map(count))
            .integer_or_null("later_calls", "How many requests of the thread came later.", |row| {
                row.it.later_calls.map(count)
            })
            .integer_or_null("tokens_estimate", "The estimated tokens of what was not seen.", |row| {
                row.it.tokens_estimate.map(signed)
            })
            .text_or_null("note", "What it is, for people. Content: full.", |row| {
                row.reduced.options.text(|| row.it.note.as_str().into())
            })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        let answer = reduced.questions.as_ref().and_then(|questions| questions.unseen.as_ref());
        let numbered = (1..).zip(answer.into_iter().flat_map(|answer| &answer.rows));
        numbered.for_each(|(number, it)| each(Numbered { reduced, number, it }));
    }
}
