//! What a look at the graph costs while a long session is being reduced: after every 100 events, the bench asks for the
//! objects that changed and for the graph.
//!
//! `cargo bench --bench live` measures and fails if a target is missed; anything else (`cargo test --benches`) only
//! tries it out on a short session. `-- --reduce FOLDER` reduces a bundle, and with `--looks` looks at its graph after
//! every 100 events, so that the looks cost the difference between two instruction counts.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    env, hint,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use rollout_trace_bench_bundles::{Form, NAMED, Shape};
use rollout_trace_bundle::{Bundle, Evidence};
use rollout_trace_reducer::Reducer;

/// How many events pass between two looks.
const BETWEEN_LOOKS: usize = 100;
/// How long a look may take.
const TARGET: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if let Some([_, folder]) =
        arguments.iter().position(|argument| argument == "--reduce").map(|at| &arguments[at..at + 2])
    {
        let looks = reduce(Path::new(folder), if has("--looks") { BETWEEN_LOOKS } else { usize::MAX });
        println!("{} looks, {} objects changed", looks.len(), looks.iter().map(|look| look.changed).sum::<usize>());
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let is_real = has("--bench");
    if is_real {
        let long = NAMED.iter().find(|named| named.name == "long100k").expect("the long session has this name");
        (long.make)(folder.path()).expect("there is room for the long session");
    } else {
        Shape::of_trips(200).compacted_every(20).write(Form::Files, folder.path());
    }
    let looks = reduce(folder.path(), BETWEEN_LOOKS);
    let mut meets_target = true;
    for last in [looks.len() / 10, looks.len()] {
        // Only the last tenth, so that the figure is that of this size.
        let mut times: Vec<_> = looks[last - last.div_ceil(10)..last].iter().map(|look| look.time).collect();
        times.sort_unstable();
        let median = times[times.len() / 2];
        println!(
            "a look after 100 events, of {}: median {:.3} ms, longest {:.3} ms, target {:.3} ms",
            last * BETWEEN_LOOKS,
            milliseconds(median),
            milliseconds(times[times.len() - 1]),
            milliseconds(TARGET)
        );
        meets_target &= median <= TARGET;
    }
    if meets_target || !is_real { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One look at the graph.
struct Look {
    time: Duration,
    changed: usize,
}

/// Reduces a bundle and looks at its graph after every `between_looks` events.
fn reduce(folder: &Path, between_looks: usize) -> Vec<Look> {
    let bundle = Bundle::open(folder).expect("the bundle opens");
    let mut payloads = bundle.payloads();
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    let (mut looks, mut seen) = (Vec::new(), 0);
    for (number, evidence) in (1..).zip(bundle.events()) {
        reducer.apply(&evidence, &mut payloads);
        let Evidence::Event(located) = &evidence else { continue };
        if number % between_looks == 0 {
            let start = Instant::now();
            let changed = reducer.changed_since(seen).len();
            hint::black_box(reducer.graph());
            looks.push(Look { time: start.elapsed(), changed });
            seen = located.event.seq;
        }
    }
    hint::black_box(reducer.finish());
    looks
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
