//! Whole sessions: their bytes on disk and their time.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rollout_trace::reduce_bundle;
use rollout_trace_bench_bundles::{Item, Recording, Request, Session, Traced, metadata};
use rollout_trace_bundle::{Bundle, PayloadBuffer, PayloadSource, pack};
use rollout_trace_recorder::{ThreadTraceContext, TraceOptions};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::measure::{line, pretty_file};

const TURNS: usize = 300;

/// Serializes everything that the trace would record, and drops it.
#[derive(Default)]
struct Bare {
    bytes: usize,
}

impl Bare {
    fn value(&mut self, value: &impl Serialize) {
        self.bytes += std::hint::black_box(serde_json::to_vec(value).expect("plain")).len();
    }
}

impl Recording for Bare {
    fn request(&mut self, request: &Request) {
        self.value(request);
    }

    fn response(&mut self, items: &[Item]) {
        self.value(&json!({"response_id": null, "upstream_request_id": null, "token_usage": null}));
        self.value(&items);
    }

    fn tool(&mut self, _: usize, call: &Item, output: &Item) {
        self.value(call);
        self.value(output);
    }

    fn compaction(&mut self, before: &[Item], after: &[Item]) {
        self.value(&before);
        self.value(&after);
    }
}

/// Writes one pretty-printed file per payload. The writes are buffered, because only the number of bytes matters here.
struct Pretty<'f> {
    folder: &'f Path,
    number: usize,
    bytes: u64,
}

impl Pretty<'_> {
    fn value(&mut self, value: &impl Serialize) {
        self.number += 1;
        let text = serde_json::to_vec_pretty(value).expect("plain");
        self.bytes += text.len() as u64 + 500;
        if self.number == 1 {
            // Both ways produce the same bytes.
            assert_eq!(pretty_file(self.folder, 1, value), text.len() as u64);
        }
    }
}

impl Recording for Pretty<'_> {
    fn request(&mut self, request: &Request) {
        self.value(request);
    }

    fn response(&mut self, items: &[Item]) {
        self.value(
            &json!({"response_id": null, "upstream_request_id": null, "token_usage": null, "output_items": items}),
        );
    }

    fn tool(&mut self, _: usize, call: &Item, output: &Item) {
        self.value(call);
        self.value(&json!({"type": "direct_response", "response_item": output}));
    }

    fn compaction(&mut self, before: &[Item], after: &[Item]) {
        self.value(&json!({"input_history": before, "replacement_history": after}));
    }
}

fn run_one(recording: &mut dyn Recording) {
    let mut session = Session::new(1);
    for turn in 0..TURNS {
        session.turn(turn, recording);
    }
}

/// Measures the 300-turn session of one thread.
pub(crate) fn one_thread() {
    let mut bare = Bare::default();
    let start = Instant::now();
    run_one(&mut bare);
    let floor = start.elapsed();

    let pretty_folder = TempDir::new().expect("a folder");
    let mut pretty = Pretty { folder: pretty_folder.path(), number: 0, bytes: 0 };
    run_one(&mut pretty);

    let root = TempDir::new().expect("a folder");
    let trace = ThreadTraceContext::start_root(root.path(), metadata(0), TraceOptions::new()).expect("a bundle");
    let bundle = trace.bundle_folder().expect("a folder");
    let mut traced = Traced::new(trace);
    let start = Instant::now();
    run_one(&mut traced);
    let took = start.elapsed();
    traced.end();
    report("300 turns, one thread", &bundle, pretty.bytes, bare.bytes);
    line(&format!(
        "  time: {:.1} ms, {:.3} x to_vec of the same ({:.1} ms); making the session itself is in both",
        took.as_secs_f64() * 1e3,
        took.as_secs_f64() / floor.as_secs_f64(),
        floor.as_secs_f64() * 1e3
    ));
}

/// Measures two interleaved threads of 150 turns with a compaction every 60.
pub(crate) fn two_threads_with_compactions() {
    let run = |recordings: &mut [&mut dyn Recording; 2]| {
        let mut sessions = [Session::new(1), Session::new(2)];
        for turn in 0..TURNS / 2 {
            for (session, recording) in sessions.iter_mut().zip(recordings.iter_mut()) {
                session.turn(turn, *recording);
                if turn % 60 == 59 {
                    session.compact(*recording);
                }
            }
        }
    };
    let pretty_folder = TempDir::new().expect("a folder");
    let [mut first, mut second] = [(); 2].map(|()| Pretty { folder: pretty_folder.path(), number: 0, bytes: 0 });
    run(&mut [&mut first, &mut second]);
    let mut bare = [Bare::default(), Bare::default()];
    let [bare_first, bare_second] = &mut bare;
    run(&mut [bare_first, bare_second]);

    let root = TempDir::new().expect("a folder");
    let trace = ThreadTraceContext::start_root(root.path(), metadata(0), TraceOptions::new()).expect("a bundle");
    let bundle = trace.bundle_folder().expect("a folder");
    let child = trace.start_child_thread_trace_or_disabled(metadata(1));
    let [mut first_traced, mut second_traced] = [trace, child].map(Traced::new);
    run(&mut [&mut first_traced, &mut second_traced]);
    drop((first_traced, second_traced));
    report(
        "2 threads x 150 turns, compactions every 60",
        &bundle,
        first.bytes + second.bytes,
        bare[0].bytes + bare[1].bytes,
    );
}

/// Compares reducing the bundle with parsing all of its documents.
fn read_back(bundle: &Path) {
    const ROUNDS: usize = 5;
    let open = || Bundle::open(bundle).expect("a bundle was written here");
    let mut shortest = [Duration::MAX; 2];
    let mut documents = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let graph = std::hint::black_box(reduce_bundle(&open()));
        shortest[0] = shortest[0].min(start.elapsed());
        let (mut payloads, mut buffer) = (open().payloads(), PayloadBuffer::default());
        let mut parsing = Duration::ZERO;
        documents = graph.raw_payloads.len();
        for reference in graph.raw_payloads.values() {
            payloads.load(reference, &mut buffer).expect("the payload was written");
            let start = Instant::now();
            let value: Value = serde_json::from_slice(buffer.bytes()).expect("the payload is JSON");
            drop(std::hint::black_box(value));
            parsing += start.elapsed();
        }
        shortest[1] = shortest[1].min(parsing);
    }
    let [reduce, parse] = shortest.map(|time| time.as_secs_f64() * 1e3);
    line(&format!(
        "  reduced to its graph in {reduce:.1} ms, {:.3} x parsing its {documents} documents ({parse:.0} ms)",
        reduce / parse
    ));
}

fn report(title: &str, bundle: &Path, pretty: u64, compact: usize) {
    let size = |name: &str| fs::metadata(bundle.join(name)).map_or(0, |metadata| metadata.len());
    let (payloads, log) = (size("payloads.pack"), size("trace.jsonl"));
    line(&format!(
        "\n{title}: payloads {payloads} + events {log} = {} bytes; {:.3} % of one pretty file per payload ({pretty}), {:.3} % of compact text ({compact})",
        payloads + log,
        (payloads + log) as f64 * 100.0 / pretty as f64,
        (payloads + log) as f64 * 100.0 / compact as f64
    ));
    let archive = bundle.with_extension("tar.zst");
    let start = Instant::now();
    let packed = pack(&Bundle::open(bundle).expect("a bundle was written here"), &archive).expect("there is room");
    line(&format!(
        "  packed into an archive of {} bytes in {:.0} ms; {:.3} % of one pretty file per payload",
        packed.bytes,
        start.elapsed().as_secs_f64() * 1e3,
        packed.bytes as f64 * 100.0 / pretty as f64
    ));
    read_back(bundle);
}
