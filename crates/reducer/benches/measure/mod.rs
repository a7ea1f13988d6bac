//! Measures times and memory, and prints them.

mod memory;
mod report;

use std::{
    fs, hint,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rollout_trace_bench_bundles::{Form, Shape};
use rollout_trace_bundle::{Bundle, PayloadLayout, convert};
use rollout_trace_model::{RolloutTrace, Severity};
use rollout_trace_reducer::Reducer;
use rollout_trace_schema::packed::PACK_FILE;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use memory::{peak_memory_of_child, print_peak_memory};
pub(crate) use report::Report;

/// A synthetic bundle and the shortest times that it took.
pub(crate) struct Measured {
    folder: TempDir,
    bytes: u64,
    reduce: Duration,
    parse: Duration,
}

impl Measured {
    /// Measures a session over the Responses API.
    pub(crate) fn of(shape: &Shape, rounds: usize) -> Self {
        let compaction = shape.compact_every.map_or_else(String::new, |every| format!(", a compaction every {every}"));
        let name = format!("{} turns{compaction}", shape.trips);
        Self::of_bundle(&name, |folder| shape.write(Form::Files, folder), rounds)
    }

    /// Makes a bundle, then reduces and parses it in turns. Whatever else the machine does only adds time, so the
    /// shortest time counts.
    pub(crate) fn of_bundle(name: &str, write: impl FnOnce(&Path), rounds: usize) -> Self {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        write(folder.path());
        let payloads = payloads(folder.path());
        // The first round is not timed: it brings the files into the page cache.
        let bytes = parse(&payloads);
        assert_clean(&reduce(folder.path()));
        let mut measured = Self { folder, bytes, reduce: Duration::MAX, parse: Duration::MAX };
        for _ in 0..rounds {
            let start = Instant::now();
            hint::black_box(reduce(measured.folder.path()));
            measured.reduce = measured.reduce.min(start.elapsed());
            let start = Instant::now();
            hint::black_box(parse(&payloads));
            measured.parse = measured.parse.min(start.elapsed());
        }
        let Self { reduce, parse, .. } = &measured;
        let megabytes = bytes as f64 / 1e6;
        println!("{name}: {} payloads, {megabytes:.0} MB; reduce {reduce:.1?}, parse {parse:.1?}", payloads.len(),);
        measured
    }

    /// Returns the time of reducing the same bundle in the packed layout, divided by the time of parsing its payloads.
    pub(crate) fn packed_reduce_by_parse(&self, rounds: usize) -> f64 {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let packed = folder.path().join("packed");
        let bundle = Bundle::open(self.folder()).expect("a bundle was written here");
        convert(&bundle, &packed, PayloadLayout::Packed).expect("there is a place for temporary files");
        assert!(reduce(self.folder()) == reduce(&packed), "the layouts reduce to different graphs");
        let mut shortest = Duration::MAX;
        for _ in 0..rounds {
            let start = Instant::now();
            hint::black_box(reduce(&packed));
            shortest = shortest.min(start.elapsed());
        }
        let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len()) as f64 / 1e6;
        let pack = size(&packed.join(PACK_FILE));
        println!(
            "packed: {pack:.2} MB beside an event log of {:.2} MB; reduce {shortest:.1?}",
            size(&packed.join("trace.jsonl"))
        );
        shortest.as_secs_f64() / self.parse.as_secs_f64()
    }

    /// Returns the time of reducing the same documents in shards, divided by the time of parsing the payloads of this bundle.
    pub(crate) fn shards_reduce_by_parse(&self, shape: &Shape, form: Form, rounds: usize) -> f64 {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        shape.write(form, folder.path());
        assert_clean(&reduce(folder.path()));
        let mut shortest = Duration::MAX;
        for _ in 0..rounds {
            let start = Instant::now();
            hint::black_box(reduce(folder.path()));
            shortest = shortest.min(start.elapsed());
        }
        let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len()) as f64 / 1e6;
        let shards = payloads(folder.path());
        println!(
            "{form:?}: {:.2} MB in {} shards beside an event log of {:.2} MB; reduce {shortest:.1?}",
            shards.iter().map(|shard| size(shard)).sum::<f64>(),
            shards.len(),
            size(&folder.path().join("trace.jsonl"))
        );
        shortest.as_secs_f64() / self.parse.as_secs_f64()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn reduce_by_parse(&self) -> f64 {
        self.reduce.as_secs_f64() / self.parse.as_secs_f64()
    }

    pub(crate) fn nanoseconds_per_byte(&self) -> f64 {
        self.reduce.as_secs_f64() * 1e9 / self.bytes as f64
    }
}

fn reduce(bundle: &Path) -> RolloutTrace {
    let bundle = Bundle::open(bundle).expect("a bundle was written here");
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    bundle.problems().iter().for_each(|problem| reducer.note_problem(problem));
    let mut payloads = bundle.payloads();
    bundle.events().for_each_ahead(|evidence| reducer.apply(evidence, &mut payloads));
    reducer.finish()
}

/// Checks that a bundle is clean, so that what is measured is not the handling of damage.
fn assert_clean(graph: &RolloutTrace) {
    let surprise = graph.diagnostics.iter().find(|diagnostic| diagnostic.severity > Severity::Note);
    assert!(surprise.is_none(), "a synthetic bundle is not clean: {surprise:?}");
}

fn payloads(bundle: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(bundle.join("payloads")).expect("the bundle has payloads");
    entries.map(|entry| entry.expect("the folder can be listed").path()).collect()
}

/// Reads and parses each payload. Returns the number of bytes read.
fn parse(payloads: &[PathBuf]) -> u64 {
    let mut bytes = 0;
    for path in payloads {
        let text = fs::read(path).expect("the payload was written");
        let value: Value = serde_json::from_slice(&text).expect("the payload is JSON");
        hint::black_box(value);
        bytes += text.len() as u64;
    }
    bytes
}
