//! The microseconds of a rollout.
//!
//! Source: exports, section 1.

use rollout_trace_model::{Compaction, Execution, InteractionEdge, RolloutTrace};
use rollout_trace_schema::{Seq, UnixMillis};

/// The last millisecond that has a time. Later ones would not fit into the nanoseconds of other programs.
const LATEST_MS: UnixMillis = 9_223_372_036_000;

/// The time of each event of a rollout in microseconds since 1970, so that the order of time is that of the events.
///
/// Producers record whole milliseconds, several events may share one, and a wall clock may go back. Each event is placed
/// at its millisecond, but at least one microsecond after the event before it. What is below 1000 µs is therefore
/// ordinal and not measured.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// The events of which the graph has a time, in order.
    events: Vec<(Seq, i64)>,
    start: i64,
    went_back: usize,
    out_of_range: usize,
}

impl Clock {
    /// Reads the times of a graph.
    pub fn of(graph: &RolloutTrace) -> Self {
        let mut pairs = pairs(graph);
        pairs.sort_unstable();
        // One event has one time. Where a damaged graph has several, the earliest counts.
        pairs.dedup_by_key(|(seq, _)| *seq);
        let mut clock = Self { start: micros(graph.started_at_unix_ms), ..Self::default() };
        clock.events.reserve_exact(pairs.len());
        let mut before: Option<i64> = None;
        for (seq, ms) in pairs {
            let wall = micros(ms);
            clock.out_of_range += usize::from(wall != ms.saturating_mul(1000));
            clock.went_back += usize::from(before.is_some_and(|before| wall + 999 < before));
            let us = before.map_or(wall, |before| wall.max(before + 1));
            clock.events.push((seq, us));
            before = Some(us);
        }
        clock
    }

    /// Returns the time of an event. If the graph has no time of it, that of the last event before it counts.
    pub fn at(&self, seq: Seq) -> i64 {
        let after = self.events.partition_point(|(other, _)| *other <= seq);
        after.checked_sub(1).map_or(self.first(), |place| self.events[place].1)
    }

    /// Returns the first time of the graph.
    pub fn first(&self) -> i64 {
        self.events.first().map_or(self.start, |(_, us)| *us)
    }

    /// Returns the greatest time of the graph.
    pub fn last(&self) -> i64 {
        self.events.last().map_or(self.start, |(_, us)| *us)
    }

    /// Returns the last event of which the graph has a time; 0 if it has none.
    pub fn last_seq(&self) -> Seq {
        self.events.last().map_or(0, |(seq, _)| *seq)
    }

    /// Returns when something started.
    pub fn start(&self, execution: &Execution) -> i64 {
        self.at(execution.started_seq)
    }

    /// Returns when something ended, or `None` if its end was not observed.
    pub fn end(&self, execution: &Execution) -> Option<i64> {
        execution.ended_seq.map(|seq| self.at(seq).max(self.start(execution)))
    }

    /// Returns when something ended or, if its end was not observed, the greatest time of the graph.
    pub fn end_or_last(&self, execution: &Execution) -> i64 {
        self.end(execution).unwrap_or_else(|| self.last().max(self.start(execution)))
    }

    /// Returns when an interaction began, which is not before its source did.
    pub fn edge(&self, edge: &InteractionEdge, source_start: i64) -> i64 {
        self.moment(edge.started_seq, edge.started_at_unix_ms).max(source_start)
    }

    /// Returns when a compaction was installed.
    pub fn installed(&self, compaction: &Compaction) -> i64 {
        self.moment(compaction.installed_seq, compaction.installed_at_unix_ms)
    }

    /// Returns the time of an event or, of something without an event, its millisecond.
    fn moment(&self, seq: Seq, ms: UnixMillis) -> i64 {
        if seq == NO_EVENT { micros(ms).max(self.first()) } else { self.at(seq) }
    }

    /// Returns how many events the wall clock went back at.
    pub fn went_back(&self) -> usize {
        self.went_back
    }

    /// Returns of how many events the wall clock said a time that no program could mean, before 1970 or after 2262.
    pub fn out_of_range(&self) -> usize {
        self.out_of_range
    }
}

/// The `seq` of interactions and compactions in states that do not name their events.
const NO_EVENT: Seq = 0;

fn micros(ms: UnixMillis) -> i64 {
    ms.clamp(0, LATEST_MS) * 1000
}

/// Returns every pair of an event and its time that a graph has.
fn pairs(graph: &RolloutTrace) -> Vec<(Seq, UnixMillis)> {
    let mut pairs = Vec::new();
    let threads = graph.threads.values().map(|thread| &thread.execution);
    let turns = graph.codex_turns.values().map(|turn| &turn.execution);
    let calls = graph.inference_calls.values().map(|call| &call.execution);
    let requests = graph.compaction_requests.values().map(|request| &request.execution);
    let tools = graph.tool_calls.values().map(|call| &call.execution);
    let cells = graph.code_cells.values().map(|cell| &cell.execution);
    let sessions = graph.terminal_sessions.values().map(|session| &session.execution);
    let operations = graph.terminal_operations.values().map(|operation| &operation.execution);
    let works = threads.chain(turns).chain(calls).chain(requests).chain(tools).chain(cells);
    for execution in works.chain(sessions).chain(operations) {
        pairs.push((execution.started_seq, execution.started_at_unix_ms));
        pairs.extend(execution.ended_seq.zip(execution.ended_at_unix_ms));
    }
    for item in graph.conversation_items.values() {
        pairs.push((item.first_seen_seq, item.first_seen_at_unix_ms));
        pairs.extend(item.accepted_seq.zip(item.accepted_at_unix_ms));
    }
    for cell in graph.code_cells.values() {
        pairs.extend(cell.initial_response_seq.zip(cell.initial_response_at_unix_ms));
        pairs.extend(cell.yielded_seq.zip(cell.yielded_at_unix_ms));
    }
    pairs.extend(graph.tool_calls.values().filter_map(|call| call.runtime_started).map(|at| (at.seq, at.at_unix_ms)));
    let exits = graph.terminal_sessions.values();
    pairs.extend(exits.filter_map(|session| session.exited_seq.zip(session.exited_at_unix_ms)));
    let markers = graph.threads.values().flat_map(|thread| &thread.markers).chain(&graph.markers);
    pairs.extend(markers.map(|marker| (marker.seq, marker.at_unix_ms)));
    let edges = graph.interaction_edges.values();
    let edges = edges.flat_map(|edge| {
        [Some((edge.started_seq, edge.started_at_unix_ms)), edge.ended_seq.zip(edge.ended_at_unix_ms)]
    });
    let compactions =
        graph.compactions.values().map(|compaction| (compaction.installed_seq, compaction.installed_at_unix_ms));
    pairs.extend(edges.flatten().chain(compactions).filter(|(seq, _)| *seq != NO_EVENT));
    pairs
}
