//! What reducing costs, compared within one run with what reading and parsing the same payloads costs.
//!
//! `cargo bench` measures and fails if a target is missed. Anything else (`cargo test --benches`) only tries it out on
//! small bundles. The targets and the figures of a run are in `docs/benchmarks.md`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod measure;

use std::{env, path::Path, process::ExitCode};

use measure::{Measured, Report, peak_memory_of_child, print_peak_memory};
use rollout_trace_bench_bundles::{Captured, CapturedApi, Form, Shape};

/// The argument with which the bench runs itself to reduce one bundle and nothing else.
const PEAK: &str = "--peak-of";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some([_, bundle]) = arguments.iter().position(|argument| argument == PEAK).map(|at| &arguments[at..at + 2]) {
        print_peak_memory(Path::new(bundle));
        return ExitCode::SUCCESS;
    }
    let is_real = arguments.iter().any(|argument| argument == "--bench");
    // A trial has the same proportions at a twentieth of the length.
    let scale = if is_real { 1 } else { 20 };
    let plain = |turns: usize| Shape::of_trips(turns / scale);
    let compacted = |turns: usize| Shape::of_trips(turns / scale).compacted_every(80 / scale);

    let mut report = Report::default();
    let rounds = if is_real { 5 } else { 1 };
    let short = Measured::of(&plain(50), 4 * rounds);
    report.ratio("50 turns: reduce / parse", short.reduce_by_parse(), 1.0);
    drop(short);

    let session = Measured::of(&plain(300), rounds);
    report.ratio("300 turns, packed: reduce / parse", session.packed_reduce_by_parse(4 * rounds), 0.05);
    drop(session);

    let long = Measured::of(&plain(600), rounds);
    report.ratio("600 turns: reduce / parse", long.reduce_by_parse(), 0.25);
    match peak_memory_of_child(PEAK, long.folder()) {
        Some(megabytes) => report.megabytes("600 turns: peak memory", megabytes, 300.0),
        None => println!("this system does not report the peak memory"),
    }
    let shape = plain(600);
    let by_parse = |form| long.shards_reduce_by_parse(&shape, form, rounds);
    report.ratio("600 turns, shards: reduce / parse", by_parse(Form::Shards), 0.25);
    report.ratio("600 turns, shards and prompts of Codex: reduce / parse", by_parse(Form::ShardsOfCodex), 0.25);
    drop(long);

    for (name, api) in [
        ("600 turns over Messages", CapturedApi::Messages),
        ("600 turns over Chat Completions", CapturedApi::ChatCompletions),
        ("600 turns over Gemini", CapturedApi::GenerateContent),
        ("600 turns over Code Assist", CapturedApi::CodeAssist),
    ] {
        let session = Captured { api, trips: 600 / scale };
        let measured = Measured::of_bundle(name, |folder| session.write(folder), rounds);
        report.ratio(&format!("{name}: reduce / parse"), measured.reduce_by_parse(), 0.25);
    }

    for (name, [small, large]) in [
        ("time per byte, 800 turns / 100 turns", [plain(100), plain(800)]),
        ("the same with compactions", [compacted(100), compacted(800)]),
    ] {
        let small = Measured::of(&small, 4 * rounds);
        let large = Measured::of(&large, rounds);
        report.ratio(name, large.nanoseconds_per_byte() / small.nanoseconds_per_byte(), 1.25);
    }
    if !is_real {
        println!("tried out on small bundles; the figures mean nothing");
        return ExitCode::SUCCESS;
    }
    if report.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
