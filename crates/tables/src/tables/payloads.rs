//! The payloads that events name.

use rollout_trace_schema::{PayloadPlace, PayloadRef};

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
};

pub(crate) struct Payloads;

impl Source for Payloads {
    type Row<'r> = Of<'r, PayloadRef>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new("payloads", "One row per payload that an event names.", &["payload_id"])
            .text("payload_id", "The id of the payload.", |row| row.it.raw_payload_id.as_str().into())
            .name("kind", "What the document is.", |row| row.it.kind.as_str().into())
            .name_or_null("path", "Its path in the bundle; null if it is in a shard.", |row| match &row.it.place {
                PayloadPlace::Path(path) => Some(path.as_str().into()),
                PayloadPlace::Shard(_) => None,
            })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.raw_payloads.values().for_each(|it| each(Of { reduced, it }));
    }
}
