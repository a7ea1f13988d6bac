//! The ladder: disabled, memory sink, files, packed.

use std::{hint::black_box, path::Path, time::Instant};

use rollout_trace_bench_bundles::{self as session, Request};
use rollout_trace_recorder::{MemorySink, PayloadLayout, ThreadTraceContext, TraceOptions};
use tempfile::TempDir;

use crate::measure::{Bare, Lanes, line, pretty_file};

/// How many calls a lane makes before the next lane takes its turn.
const BLOCK: usize = 8;

fn start(folder: &Path, layout: PayloadLayout) -> ThreadTraceContext {
    ThreadTraceContext::start_root(folder, session::metadata(0), TraceOptions::new().layout(layout)).expect("a bundle")
}

fn record(trace: &ThreadTraceContext, request: &Request) {
    let attempt = trace.inference_trace_context("turn", "gpt-5.2-codex", "bench").start_attempt();
    attempt.record_started(request);
    std::mem::forget(attempt);
}

/// Measures a call that records nothing.
pub(crate) fn disabled() {
    const CALLS: u32 = 100_000_000;
    let attempt = black_box(rollout_trace_recorder::InferenceTraceAttempt::disabled());
    let request = session::request(1, 2 << 10);
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(&attempt);
    }
    let empty = start.elapsed();
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(&attempt).record_started(black_box(&request));
    }
    let calls = start.elapsed();
    let nanos = |time: std::time::Duration| time.as_secs_f64() * 1e9 / f64::from(CALLS);
    line(&format!("disabled: {:.2} ns a call, {:.2} ns the loop without it", nanos(calls), nanos(empty)));
}

/// Measures events without a payload.
pub(crate) fn events() {
    let folder = TempDir::new().expect("a folder");
    let memory = MemorySink::new();
    let options = TraceOptions::new().memory_sink(&memory);
    let in_memory = ThreadTraceContext::start_root(folder.path(), session::metadata(0), options).expect("a bundle");
    let packed = start(folder.path(), PayloadLayout::Packed);
    in_memory.record_codex_turn_started("0199a213-81c0-7800-8aa1-bbab2a035a53");
    let log = memory.event_log();
    let last = log.lines().last().expect("an event");
    let event: rollout_trace_schema::RawEvent = serde_json::from_str(last).expect("an event");
    let text = format!("{last}\n");
    let mut bare = Bare::new(folder.path(), "bare");
    let mut lanes = Lanes::new();
    for _ in 0..20_000 {
        lanes.time("encode", || black_box(serde_json::to_vec(black_box(&event)).expect("plain")));
        lanes.time("write", || bare.write(text.as_bytes()));
        lanes.time("memory sink", || in_memory.record_codex_turn_started("0199a213-81c0-7800-8aa1-bbab2a035a53"));
        lanes.time("file", || packed.record_codex_turn_started("0199a213-81c0-7800-8aa1-bbab2a035a53"));
    }
    lanes.print("one event", &["encode", "write"]);
}

/// Measures requests that add three items to the one before.
pub(crate) fn unchanged_prefix(name: &str, bytes: usize, rounds: usize) {
    let folder = TempDir::new().expect("a folder");
    let memory = MemorySink::new();
    let options = TraceOptions::new().memory_sink(&memory);
    let in_memory = ThreadTraceContext::start_root(folder.path(), session::metadata(0), options).expect("a bundle");
    let packed = start(folder.path(), PayloadLayout::Packed);
    let hinted = start(folder.path(), PayloadLayout::Packed);
    let body = start(folder.path(), PayloadLayout::Packed);
    let fingerprints =
        ThreadTraceContext::start_root(folder.path(), session::metadata(0), TraceOptions::new().max_compare_bytes(0))
            .expect("a bundle");
    let files = start(folder.path(), PayloadLayout::Files);
    let pretty = TempDir::new().expect("a folder");
    let mut request = session::request(1, bytes);
    let mut lanes = Lanes::new();
    let base = request.input.len();
    for block in 0..rounds / BLOCK {
        // Each lane handles a block of requests before the next lane does, so its history is cut back and then grows
        // again.
        request.input.truncate(base);
        let requests: Vec<(Request, usize)> = (0..BLOCK)
            .map(|round| {
                let before = request.input.len();
                let seed = 1_000_000 + (block * BLOCK + round) * 3;
                request.input.extend((0..3).map(|item| session::small_item(seed + item, bytes)));
                (request.clone(), before)
            })
            .collect();
        let texts: Vec<Vec<u8>> = requests
            .iter()
            .map(|(request, _)| lanes.time("to_vec", || serde_json::to_vec(request).expect("plain")))
            .collect();
        for (request, _) in &requests {
            lanes.time("memory sink, packed", || record(&in_memory, request));
        }
        for (request, _) in &requests {
            lanes.time("packed", || record(&packed, request));
        }
        for (request, _) in &requests {
            lanes.time("packed, by fingerprints", || record(&fingerprints, request));
        }
        for text in &texts {
            lanes.time("packed, body given", || {
                let attempt = body.inference_trace_context("turn", "gpt-5.2-codex", "bench").start_attempt();
                attempt.record_started_body(text);
                std::mem::forget(attempt);
            });
        }
        for (request, before) in &requests {
            lanes.time("packed, prefix given", || {
                let attempt = hinted.inference_trace_context("turn", "gpt-5.2-codex", "bench").start_attempt();
                attempt.record_started_unchanged(request, *before);
                std::mem::forget(attempt);
            });
        }
        for (request, _) in &requests {
            lanes.time("files", || record(&files, request));
        }
        if block < 2 {
            for (request, _) in &requests {
                lanes.time("one pretty file", || pretty_file(pretty.path(), 1, request));
            }
        }
    }
    lanes.print(&format!("{name} request, three items new"), &["to_vec"]);
}

/// Measures requests that share nothing with the one before. The lanes take turns at each request, so that all of them
/// find the processor's caches in the same state.
pub(crate) fn all_new(name: &str, bytes: usize, rounds: usize) {
    let folder = TempDir::new().expect("a folder");
    let packed = start(folder.path(), PayloadLayout::Packed);
    let mut bare = Bare::new(folder.path(), "bare");
    let mut roomy = Bare::with_room(folder.path(), "roomy");
    let mut small = Bare::new(folder.path(), "small");
    let event = session::text(1, 500);
    let mut lanes = Lanes::new();
    for round in 0..rounds {
        let request = session::request(10 + round, bytes);
        let text = lanes.time("to_vec", || serde_json::to_vec(&request).expect("plain"));
        lanes.time("write of the payload", || bare.write(&text));
        lanes.time("write of it over zeros", || roomy.write(&text));
        lanes.time("encode and write an event", || small.write(&serde_json::to_vec(&event).expect("plain")));
        lanes.time("packed, all new", || record(&packed, &request));
    }
    lanes.print(&format!("{name} request, all new"), &["to_vec", "write of the payload"]);
    let floor = lanes.p50("to_vec") + lanes.p50("encode and write an event");
    // Only few of the writes include the zeros, so the median does not show their cost.
    let written = floor + lanes.p50("write of the payload").min(lanes.mean("write of it over zeros"));
    line(&format!(
        "  packed, all new / (to_vec + one event): {:.3}; these and the cheaper write of the payload / the same: {:.3}",
        lanes.p50("packed, all new") / floor,
        written / floor
    ));
}

/// Measures the first request of a rollout.
pub(crate) fn first(name: &str, bytes: usize, rounds: usize) {
    let folder = TempDir::new().expect("a folder");
    let files = start(folder.path(), PayloadLayout::Files);
    let mut bare = Bare::new(folder.path(), "bare");
    let mut lanes = Lanes::new();
    for round in 0..rounds {
        let request = session::request(10 + round, bytes);
        let fresh = start(folder.path(), PayloadLayout::Packed);
        let text = lanes.time("to_vec", || serde_json::to_vec(&request).expect("plain"));
        lanes.time("write of the payload", || bare.write(&text));
        lanes.time("packed", || record(&fresh, &request));
        lanes.time("files", || record(&files, &request));
    }
    lanes.print(&format!("{name} request, the first of all"), &["to_vec", "write of the payload"]);
}

/// Measures one, two and four threads of one rollout at once.
pub(crate) fn threads() {
    for threads in [1_usize, 2, 4] {
        let folder = TempDir::new().expect("a folder");
        let root = start(folder.path(), PayloadLayout::Packed);
        let times: Vec<Lanes> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads)
                .map(|thread| {
                    let trace = root.start_child_thread_trace_or_disabled(session::metadata(thread + 1));
                    scope.spawn(move || {
                        let mut lanes = Lanes::new();
                        let mut request = session::request(thread + 1, 64 << 10);
                        for round in 0..400 {
                            request.input.push(session::item(thread * 1_000_000 + round));
                            request.input.remove(0);
                            lanes.time("record", || record(&trace, &request));
                        }
                        lanes
                    })
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
        });
        let p50 = times.iter().map(|lanes| lanes.p50("record")).sum::<f64>() / threads as f64;
        let p99 = times.iter().map(|lanes| lanes.quantile("record", 0.99)).fold(0.0, f64::max);
        line(&format!(
            "{threads} threads, 64K requests with the first item gone and one new: p50 {p50:.1} us, p99 {p99:.1} us"
        ));
    }
}
