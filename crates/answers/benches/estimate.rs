//! How fast the estimator counts, for each of three kinds of text.
//!
//! `cargo bench --bench estimate` measures and fails if a target is missed; anything else (`cargo test --benches`) only
//! tries it out.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    env, fs,
    hint::black_box,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use rollout_trace_answers::thousandths_of_tokens;

/// The megabytes per second that must be reached: twice what a prototype reached.
const TARGET: f64 = 132.0;

/// The folder and the extension of the files of each kind of text. The texts are long and repeat little, because a
/// processor soon knows a short one by heart.
const TEXTS: [(&str, &str, &str); 3] =
    [("prose", "docs", "md"), ("code", "crates/reducer", "rs"), ("JSON", "docs", "json")];

fn main() -> io::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let is_real = env::args().any(|argument| argument == "--bench");
    let rounds = if is_real { 100 } else { 1 };
    let mut meets_target = true;
    for (name, folder, extension) in TEXTS {
        let mut text = String::new();
        for file in files(&root.join(folder), extension)? {
            text += &fs::read_to_string(file)?;
        }
        let round = |_| {
            let start = Instant::now();
            black_box(thousandths_of_tokens(black_box(&text)));
            start.elapsed().as_secs_f64()
        };
        // Whatever else the machine does only adds time, so the shortest time counts.
        let shortest = (0..rounds).map(round).fold(f64::INFINITY, f64::min);
        let (kilobytes, speed) = (text.len() / 1000, text.len() as f64 / 1e6 / shortest);
        println!("{name}, {kilobytes} kB: {speed:.0} MB/s, at least {TARGET:.0} MB/s");
        meets_target &= speed >= TARGET;
    }
    Ok(if meets_target || !is_real { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the files in a folder and the folders in it that have an extension, but for those that are not ours.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
