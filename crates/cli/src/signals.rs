//! Leaving nothing behind when a signal ends the program.

use std::sync::Once;

/// Sees to it that SIGINT, SIGTERM and SIGHUP end the program only after its unfinished results were removed.
///
/// A signal that the parent process has told the program to ignore, as `nohup` does, stays ignored. Further calls do
/// nothing.
pub(crate) fn remove_unfinished_on_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(watch_signals);
}

#[cfg(unix)]
fn watch_signals() {
    use std::{process, thread};

    use rollout_trace::bundle::remove_unfinished;
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
        low_level::emulate_default_handler,
    };

    let ignored = ignored_signals();
    let watched = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    // Without a handler, signals end the program as usual.
    let Ok(mut signals) = Signals::new(watched) else { return };
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            remove_unfinished();
            // The parent process should see that the signal ended the program.
            let _ = emulate_default_handler(signal);
            process::exit(128 + signal);
        }
    };
    if let Err(error) = thread::Builder::new().name("signals".to_owned()).spawn(wait) {
        // Nobody would answer the signals, so the program must not go on.
        panic!("cannot start the OS thread that waits for signals: {error}");
    }
}

#[cfg(not(unix))]
fn watch_signals() {}

/// Returns the ignored signals as a bit each, the lowest for signal 1. Only Linux says which these are.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
