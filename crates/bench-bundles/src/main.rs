//! Makes a benchmark bundle by its name: `make-bundle NAME DIR`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program reports to its user")]

use std::{env, fs, path::Path, process::ExitCode};

use rollout_trace_bench_bundles::NAMED;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        eprintln!("usage: make-bundle NAME DIR");
        list();
        return ExitCode::from(2);
    };
    let Some(bundle) = NAMED.iter().find(|bundle| bundle.name == name) else {
        eprintln!("error: there is no benchmark bundle named {name}");
        list();
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        eprintln!("error: {} is not empty: choose a new folder", folder.display());
        return ExitCode::from(2);
    }
    match fs::create_dir_all(folder).and_then(|()| (bundle.make)(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write {name} into {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn list() {
    eprintln!("names:");
    for bundle in &NAMED {
        eprintln!("  {:<9} {}", bundle.name, bundle.about);
    }
}
