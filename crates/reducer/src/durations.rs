//! How long work took.

use std::collections::HashMap;

use rollout_trace_model::{Durations, Execution, RolloutTrace};
use rollout_trace_schema::{CodexTurnId, ThreadId, UnixMillis};

/// What ran, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Inference,
    Tool,
    CodeCell,
    Compaction,
}

type Windows = Vec<(Work, UnixMillis, UnixMillis)>;

/// Adds to each turn and thread how long its work took.
pub(crate) fn add_durations(trace: &mut RolloutTrace) {
    let mut of_threads: HashMap<ThreadId, Windows> = HashMap::new();
    let mut of_turns: HashMap<CodexTurnId, Windows> = HashMap::new();
    let mut add = |thread: &ThreadId, turn: Option<&CodexTurnId>, work: Work, execution: &Execution| {
        let Some(end) = execution.ended_at_unix_ms else { return };
        let window = (work, execution.started_at_unix_ms, end);
        of_threads.entry(thread.clone()).or_default().push(window);
        if let Some(turn) = turn {
            of_turns.entry(turn.clone()).or_default().push(window);
        }
    };
    for call in trace.inference_calls.values() {
        add(&call.thread_id, call.codex_turn_id.as_ref(), Work::Inference, &call.execution);
    }
    for call in trace.tool_calls.values() {
        add(&call.thread_id, call.started_by_codex_turn_id.as_ref(), Work::Tool, &call.execution);
    }
    for cell in trace.code_cells.values() {
        add(&cell.thread_id, cell.codex_turn_id.as_ref(), Work::CodeCell, &cell.execution);
    }
    for request in trace.compaction_requests.values() {
        add(&request.thread_id, request.codex_turn_id.as_ref(), Work::Compaction, &request.execution);
    }
    for (id, windows) in of_threads {
        if let Some(thread) = trace.threads.get_mut(&id) {
            thread.durations = durations(windows);
        }
    }
    for (id, windows) in of_turns {
        if let Some(turn) = trace.codex_turns.get_mut(&id) {
            turn.durations = durations(windows);
        }
    }
}

fn durations(mut windows: Windows) -> Durations {
    windows.sort_unstable_by_key(|(_, start, _)| *start);
    let of = |work: Work| union(windows.iter().filter(|(kind, ..)| *kind == work));
    Durations {
        inference_ms: of(Work::Inference),
        tool_ms: of(Work::Tool),
        code_cell_ms: of(Work::CodeCell),
        compaction_ms: of(Work::Compaction),
        any_ms: union(windows.iter()),
    }
}

/// The length of the union of windows that come in the order of their starts. A clock that ran backwards counts nothing.
fn union<'a>(windows: impl Iterator<Item = &'a (Work, UnixMillis, UnixMillis)>) -> u64 {
    let mut total = 0u64;
    let mut covered = UnixMillis::MIN;
    for &(_, start, end) in windows {
        let start = start.max(covered);
        if end > start {
            total = total.saturating_add(end.abs_diff(start));
            covered = end;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_side_by_side_count_once() {
        let windows = vec![
            (Work::Tool, 0, 10),
            (Work::Tool, 5, 20),
            (Work::Inference, 6, 7),
            (Work::Tool, 30, 25),
            (Work::Inference, 40, 50),
        ];
        let durations = durations(windows);
        assert_eq!((durations.tool_ms, durations.inference_ms, durations.any_ms), (20, 11, 30));
    }
}
