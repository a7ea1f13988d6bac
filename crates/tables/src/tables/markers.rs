//! The events that reduction only lists.

use rollout_trace_model::{Marker, MarkerKind};
use rollout_trace_schema::ThreadId;

use crate::{
    column::{Declared, Keyed},
    reduced::Reduced,
    table::Source,
    value::signed,
};

pub(crate) struct Markers;

/// A marker, with its thread if it belongs to one.
pub(crate) struct MarkerRow<'r> {
    reduced: &'r Reduced<'r>,
    thread: Option<&'r ThreadId>,
    marker: &'r Marker,
}

impl Keyed for MarkerRow<'_> {
    fn reduced(&self) -> &Reduced<'_> {
        self.reduced
    }
}

impl Source for Markers {
    type Row<'r> = MarkerRow<'r>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "markers",
            "One row per event that reduction lists without interpreting it.",
            &["seq"],
        )
        .integer("seq", "The event.", |row| signed(row.marker.seq))
        .time("at", "When it was recorded.", |row| row.marker.at_unix_ms)
        .text_or_null("turn_id", "The turn of the event.", |row| {
            row.marker.codex_turn_id.as_ref().map(|turn| turn.as_str().into())
        })
        .text_or_null("thread_id", "The thread of the event, if it is known.", |row| {
            row.thread.map(|thread| thread.as_str().into())
        })
        .text("kind", "protocol_event, other or unknown_event.", |row| match row.marker.kind {
            MarkerKind::ProtocolEvent => "protocol_event".into(),
            MarkerKind::Other => "other".into(),
            MarkerKind::UnknownEvent => "unknown_event".into(),
        })
        .name("name", "The type of the event, or the producer's name for it.", |row| row.marker.name.as_str().into())
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        let of_none = reduced.graph.markers.iter().map(|marker| (None, marker));
        let threads = reduced.graph.threads.values();
        let of_threads =
            threads.flat_map(|thread| thread.markers.iter().map(|marker| (Some(&thread.thread_id), marker)));
        of_none.chain(of_threads).for_each(|(thread, marker)| each(MarkerRow { reduced, thread, marker }));
    }
}
