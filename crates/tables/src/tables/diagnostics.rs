//! The problems of the evidence.

use rollout_trace_model::{Diagnostic, Severity};

use crate::{
    column::Declared,
    reduced::{Numbered, Reduced},
    table::Source,
    value::signed,
};

pub(crate) struct Diagnostics;

impl Source for Diagnostics {
    type Row<'r> = Numbered<'r, Diagnostic>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "diagnostics",
            "One row per problem that reduction found in the evidence.",
            &["ordinal"],
        )
        .integer("ordinal", "The number of the diagnostic in the graph, from 1.", |row| row.number)
        .text("code", "The kind of the problem.", |row| row.it.code.as_str().into())
        .text("severity", "error, warning or note.", |row| match row.it.severity {
            Severity::Error => "error".into(),
            Severity::Warning => "warning".into(),
            Severity::Note => "note".into(),
        })
        .integer_or_null("seq", "The event with the problem.", |row| row.it.seq.map(signed))
        .integer_or_null("line", "The line of the event log, from 1.", |row| row.it.line.map(signed))
        .text_or_null("payload_id", "The payload with the problem.", |row| {
            row.it.payload_id.as_ref().map(|id| id.as_str().into())
        })
        .text_or_null("message", "A description for people, which may quote texts. Content: full.", |row| {
            row.reduced.options.text(|| row.it.message.as_str().into())
        })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        let numbered = (1..).zip(&reduced.graph.diagnostics);
        numbered.for_each(|(number, it)| each(Numbered { reduced, number, it }));
    }
}
