//! What takes no time.

use rollout_trace_answers::Clock;
use rollout_trace_model::{Compaction, Diagnostic, Marker, RolloutTrace};
use rollout_trace_schema::ThreadId;

/// Something that takes no time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'g> {
    /// A compaction was installed.
    Installed(&'g Compaction),
    Marker(&'g Marker),
    Diagnostic(&'g Diagnostic),
}

/// When and where something was that takes no time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark<'g> {
    pub(crate) event: Event<'g>,
    pub(crate) at: i64,
    /// The thread, if there is one. Diagnostics are shown at the root.
    pub(crate) thread: Option<&'g ThreadId>,
}

/// Returns everything that takes no time, in order.
pub(crate) fn marks<'g>(graph: &'g RolloutTrace, clock: &Clock) -> Vec<Mark<'g>> {
    let mark = |event, at, thread| Mark { event, at, thread };
    let compactions = graph
        .compactions
        .values()
        .map(|compaction| mark(Event::Installed(compaction), clock.installed(compaction), Some(&compaction.thread_id)));
    let of_threads = graph.threads.values().flat_map(|thread| {
        thread.markers.iter().map(|marker| mark(Event::Marker(marker), clock.at(marker.seq), Some(&thread.thread_id)))
    });
    let others = graph.markers.iter().map(|marker| mark(Event::Marker(marker), clock.at(marker.seq), None));
    let diagnostics = graph.diagnostics.iter().map(|diagnostic| {
        let at = diagnostic.seq.map_or(clock.first(), |seq| clock.at(seq));
        mark(Event::Diagnostic(diagnostic), at, Some(&graph.root_thread_id))
    });
    let mut marks: Vec<_> = compactions.chain(of_threads).chain(others).chain(diagnostics).collect();
    marks.sort_by_key(|mark| mark.at);
    marks
}
