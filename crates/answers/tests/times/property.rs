//! Sums that hold for any graph.

use std::fmt::Write;

use proptest::prelude::*;
use rollout_trace_answers::{CriticalPath, SegmentClass, Time};

use crate::script::graph;

const THREADS: [&str; 3] = ["/root", "/root/a", "/root/b"];

fn time() -> impl Strategy<Value = String> {
    prop_oneof![8 => (0..60_i64).prop_map(|ms| ms.to_string()), 1 => Just("-".to_owned()), 1 => Just("-7".to_owned())]
}

/// A start is always known.
fn start() -> impl Strategy<Value = i64> {
    -5..60_i64
}

fn line() -> impl Strategy<Value = String> {
    let kinds = ["turn", "request", "compaction", "exec_command", "wait_agent", "exec", "spawn_agent", "cell"];
    let activity =
        (0..kinds.len(), 0..3_usize, start(), time(), time()).prop_map(move |(kind, thread, start, end, more)| {
            let thread = THREADS[thread];
            match kinds[kind] {
                kind @ ("turn" | "request" | "compaction") => format!("{kind} ID {thread} {start} {end}"),
                "cell" => format!("cell ID {thread} {start} {more} {end}"),
                // When a command started is known if there is one.
                "exec_command" if more != "-" => format!("tool ID {thread} {start} {end} exec_command {more}"),
                kind => format!("tool ID {thread} {start} {end} {kind}"),
            }
        });
    let edge = (0..3_usize, 0..4_usize, 0..3_usize, start()).prop_map(|(kind, from, to, at)| {
        let kind = ["agent_result", "spawn_agent", "assign_agent_task"][kind];
        let from = if from < 3 { THREADS[from] } else { "spawn" };
        format!("edge ID {kind} {from} {} {at}", THREADS[to])
    });
    prop_oneof![4 => activity, 1 => edge]
}

proptest! {
    #[test]
    fn every_millisecond_counts_once(
        ends in (time(), time(), time()),
        lines in prop::collection::vec(line(), 0..40),
    ) {
        let mut script = format!("thread /root 0 {}\nthread /root/a 3 {}\n", ends.0, ends.1);
        writeln!(script, "tool spawn /root 2 {} spawn_agent", ends.2).unwrap();
        for (number, line) in lines.iter().enumerate() {
            writeln!(script, "{}", line.replacen("ID", &format!("id-{number:02}"), 1)).unwrap();
        }
        let graph = graph(&script);
        let time = Time::of(&graph);
        prop_assert_eq!(time.ms.values().sum::<u64>(), time.wall_ms);
        for thread in &time.threads {
            prop_assert_eq!(thread.ms.values().sum::<u64>(), thread.wall_ms);
        }

        let path = CriticalPath::of(&graph);
        prop_assert_eq!(path.wall_ms, time.wall_ms);
        prop_assert_eq!(path.covered_ms, path.wall_ms);
        prop_assert_eq!(path.ms.values().sum::<u64>(), path.wall_ms);
        let mut at = 0;
        for segment in &path.segments {
            prop_assert_eq!(segment.from_ms, at);
            prop_assert_eq!(segment.ms == 0, matches!(segment.class, SegmentClass::Change(_)));
            at += segment.ms;
        }
        prop_assert_eq!(at, path.wall_ms);
    }
}
