//! No log makes the reader panic, and its events are in order.

#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rollout_trace_bundle::{Bundle, Evidence, Limits};
use rollout_trace_fuzz::{Line, in_folder, write_log};

#[derive(Arbitrary, Debug)]
enum Log {
    Bytes(Vec<u8>),
    Lines { schema_1: bool, lines: Vec<Line>, newline_at_end: bool },
}

fuzz_target!(|log: Log| {
    let bytes = match &log {
        Log::Bytes(bytes) => bytes.clone(),
        Log::Lines { schema_1, lines, newline_at_end } => {
            write_log(if *schema_1 { 1 } else { 2 }, lines, *newline_at_end)
        }
    };
    in_folder(|folder| {
        std::fs::write(folder.join("trace.jsonl"), &bytes).expect("a temporary folder can be written");
        read(folder, Limits::default(), &bytes);
        let small = Limits { max_line_bytes: 200, max_nesting: 3, max_events: 5, max_problems: 2, ..Limits::default() };
        read(folder, small, &bytes);
    });
});

fn read(folder: &std::path::Path, limits: Limits, log: &[u8]) {
    let bundle = Bundle::open_best_effort(folder, limits).expect("the log is there");
    let evidence: Vec<_> = bundle.events().collect();
    let again: Vec<_> = bundle.events().collect();
    assert_eq!(format!("{evidence:?}"), format!("{again:?}"), "the same log reads the same");
    let lines = log.split(|byte| *byte == b'\n').count() as u64;
    let mut seqs = BTreeSet::new();
    let mut events = 0;
    let mut problems = 0;
    for evidence in &evidence {
        match evidence {
            Evidence::Event(located) => {
                events += 1;
                assert!((1..=lines).contains(&located.line), "{located:?}");
                let is_new = seqs.insert(located.event.seq);
                assert!(is_new || bundle.header().schema_version.number() == 1, "a seq occurs twice: {located:?}");
            }
            Evidence::Problem(problem) => {
                problems += 1;
                assert!(!problem.to_string().is_empty());
                assert!(problem.line().is_none_or(|line| (1..=lines).contains(&line)), "{problem:?}");
            }
        }
    }
    assert!(events <= limits.max_events);
    // Two more are possible: one that says how many were left out, and one that something follows the end.
    assert!(problems <= limits.max_problems + 2);
}
