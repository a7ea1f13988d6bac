//! How long work took.
//!
//! Source: reduction, section 13.7; graph, section 3.2.

use std::collections::BTreeSet;

use rollout_trace_model::{Durations, Execution, ObjectRef};
use rollout_trace_schema::{CodexTurnId, ThreadId, UnixMillis};

use crate::{graph::Graph, map::HashMap};

/// Keeps the durations of threads and turns up to date with the work in them.
#[derive(Debug, Default)]
pub(crate) struct WorkTimes {
    /// The window of each object whose work counts.
    windows: HashMap<ObjectRef, Window>,
    threads: HashMap<ThreadId, WorkTime>,
    turns: HashMap<CodexTurnId, WorkTime>,
}

/// When work of a kind was done, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    work: Work,
    thread: ThreadId,
    turn: Option<CodexTurnId>,
    start: UnixMillis,
    end: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Inference,
    Tool,
    CodeCell,
    Compaction,
}

impl WorkTimes {
    /// Brings the durations up to date with the objects that changed.
    pub(crate) fn refresh(&mut self, graph: &mut Graph, changed: &[ObjectRef]) {
        let mut threads = BTreeSet::new();
        let mut turns = BTreeSet::new();
        let mut windows: Vec<_> =
            changed.iter().filter(|object| is_work(object)).map(|object| (object, window(graph, object))).collect();
        // Windows are cheapest to add in the order of time, and objects come in the order of ids or of changes.
        windows.sort_by_key(|(_, window)| window.as_ref().map(|window| window.start));
        for (object, new) in windows {
            if self.windows.get(object) == new.as_ref() {
                continue;
            }
            let old = match &new {
                Some(window) => self.windows.insert(object.clone(), window.clone()),
                None => self.windows.remove(object),
            };
            if let Some(old) = &old {
                self.of_each(old, |time| time.remove(old));
            }
            if let Some(new) = &new {
                self.of_each(new, |time| time.add(new));
            }
            for window in old.into_iter().chain(new) {
                threads.insert(window.thread);
                turns.extend(window.turn);
            }
        }
        for id in threads {
            let durations = self.threads.get(&id).map(WorkTime::durations).unwrap_or_default();
            if graph.threads.get(&id).is_some_and(|thread| thread.durations != durations) {
                graph.object_mut(&id).durations = durations;
            }
        }
        for id in turns {
            let durations = self.turns.get(&id).map(WorkTime::durations).unwrap_or_default();
            if graph.codex_turns.get(&id).is_some_and(|turn| turn.durations != durations) {
                graph.object_mut(&id).durations = durations;
            }
        }
    }

    fn of_each(&mut self, window: &Window, change: impl Fn(&mut WorkTime)) {
        change(self.threads.entry(window.thread.clone()).or_default());
        if let Some(turn) = &window.turn {
            change(self.turns.entry(turn.clone()).or_default());
        }
    }
}

fn is_work(object: &ObjectRef) -> bool {
    matches!(
        object,
        ObjectRef::InferenceCall(_) | ObjectRef::ToolCall(_) | ObjectRef::CodeCell(_) | ObjectRef::CompactionRequest(_)
    )
}

/// Returns the window of an object, or `None` if it is not work, has not ended, or did not end after it began: work
/// during which the clock ran backward does not count.
fn window(graph: &Graph, object: &ObjectRef) -> Option<Window> {
    let (work, thread, turn, execution): (_, _, _, &Execution) = match object {
        ObjectRef::InferenceCall(id) => {
            let call = graph.inference_calls.get(id)?;
            (Work::Inference, &call.thread_id, &call.codex_turn_id, &call.execution)
        }
        ObjectRef::ToolCall(id) => {
            let call = graph.tool_calls.get(id)?;
            (Work::Tool, &call.thread_id, &call.started_by_codex_turn_id, &call.execution)
        }
        ObjectRef::CodeCell(id) => {
            let cell = graph.code_cells.get(id)?;
            (Work::CodeCell, &cell.thread_id, &cell.codex_turn_id, &cell.execution)
        }
        ObjectRef::CompactionRequest(id) => {
            let request = graph.compaction_requests.get(id)?;
            (Work::Compaction, &request.thread_id, &request.codex_turn_id, &request.execution)
        }
        _ => return None,
    };
    let (start, end) = (execution.started_at_unix_ms, execution.ended_at_unix_ms?);
    (start < end).then(|| Window { work, thread: thread.clone(), turn: turn.clone(), start, end })
}

/// How long the work of one thread or turn took.
#[derive(Debug, Default)]
struct WorkTime {
    inference: Coverage,
    tool: Coverage,
    code_cell: Coverage,
    compaction: Coverage,
    any: Coverage,
}

impl WorkTime {
    fn add(&mut self, window: &Window) {
        self.of(window.work).add(window.start, window.end);
        self.any.add(window.start, window.end);
    }

    fn remove(&mut self, window: &Window) {
        self.of(window.work).remove(window.start, window.end);
        self.any.remove(window.start, window.end);
    }

    fn of(&mut self, work: Work) -> &mut Coverage {
        match work {
            Work::Inference => &mut self.inference,
            Work::Tool => &mut self.tool,
            Work::CodeCell => &mut self.code_cell,
            Work::Compaction => &mut self.compaction,
        }
    }

    fn durations(&self) -> Durations {
        Durations {
            inference_ms: self.inference.total,
            tool_ms: self.tool.total,
            code_cell_ms: self.code_cell.total,
            compaction_ms: self.compaction.total,
            any_ms: self.any.total,
        }
    }
}

/// The union of windows, which may be added and removed in any order. Windows that are added in the order of time cost
/// least.
///
/// The windows 0..10 and 5..20 are kept as `[(0, 1), (5, 2), (10, 1), (20, 0)]`: each entry is a time and the number of
/// windows that are open from then on.
#[derive(Debug, Default)]
struct Coverage {
    counts: Vec<(UnixMillis, usize)>,
    /// How long at least one window is open.
    total: u64,
}

impl Coverage {
    fn add(&mut self, start: UnixMillis, end: UnixMillis) {
        let (first, last) = (self.split(start), self.split(end));
        for place in first..last {
            if self.counts[place].1 == 0 {
                self.total += self.length(place);
            }
            self.counts[place].1 += 1;
        }
        self.join(last);
        self.join(first);
    }

    fn remove(&mut self, start: UnixMillis, end: UnixMillis) {
        let (first, last) = (self.split(start), self.split(end));
        for place in first..last {
            self.counts[place].1 -= 1;
            if self.counts[place].1 == 0 {
                self.total -= self.length(place);
            }
        }
        self.join(last);
        self.join(first);
    }

    /// Returns how long the count at a place lasts. The place is not the last one.
    fn length(&self, place: usize) -> u64 {
        self.counts[place + 1].0.abs_diff(self.counts[place].0)
    }

    /// Returns the number of windows that are open right before a place.
    fn count_before(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| self.counts[before].1)
    }

    /// Makes sure that a time has an entry, and returns the entry's place.
    fn split(&mut self, time: UnixMillis) -> usize {
        let is_latest = self.counts.last().is_none_or(|(latest, _)| *latest < time);
        let place = if is_latest { self.counts.len() } else { self.counts.partition_point(|(other, _)| *other < time) };
        if self.counts.get(place).is_none_or(|(other, _)| *other != time) {
            self.counts.insert(place, (time, self.count_before(place)));
        }
        place
    }

    /// Removes the entry at a place if the number of windows does not change there.
    fn join(&mut self, place: usize) {
        if self.counts[place].1 == self.count_before(place) {
            self.counts.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_windows_count_once() {
        let mut coverage = Coverage::default();
        coverage.add(0, 10);
        coverage.add(5, 20);
        coverage.add(6, 7);
        coverage.add(40, 50);
        assert_eq!(coverage.total, 30);
        coverage.remove(5, 20);
        assert_eq!(coverage.total, 20);
        coverage.remove(0, 10);
        assert_eq!(coverage.total, 11);
        coverage.remove(6, 7);
        coverage.remove(40, 50);
        assert_eq!((coverage.total, coverage.counts.len()), (0, 0));
    }

    #[test]
    fn adjacent_windows_become_one() {
        let mut coverage = Coverage::default();
        coverage.add(10, 20);
        coverage.add(0, 10);
        assert_eq!(coverage.total, 20);
        assert_eq!(coverage.counts, [(0, 1), (20, 0)]);
        coverage.remove(0, 10);
        assert_eq!(coverage.total, 10);
        assert_eq!(coverage.counts, [(10, 1), (20, 0)]);
    }
}
