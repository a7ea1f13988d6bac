//! Peak memory, taken in a process that does nothing else.

use std::{env, fs, hint, path::Path, process::Command};

use super::reduce;

/// Reduces a bundle, then prints the peak memory of this process in kilobytes.
pub(crate) fn print_peak_memory(bundle: &Path) {
    hint::black_box(reduce(bundle));
    if let Some(kilobytes) = peak_kilobytes() {
        println!("{kilobytes}");
    }
}

/// Returns the peak memory of reducing a bundle in megabytes, or `None` if the system does not report it.
pub(crate) fn peak_memory_of_child(argument: &str, bundle: &Path) -> Option<f64> {
    let this = env::current_exe().expect("a running program has a path");
    let output = Command::new(this).arg(argument).arg(bundle).output().expect("the bench can run itself");
    let kilobytes: f64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

fn peak_kilobytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
