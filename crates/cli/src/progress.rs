//! Progress on stderr, if that is a terminal.

use std::io::{self, ErrorKind, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressStyle};
use rollout_trace::{
    Bundle, RolloutTrace, answers::Facts, reduce_bundle, reduce_bundle_watched, reduce_with_facts,
    reduce_with_facts_watched, schema::Manifest,
};

/// The least lines of a log that take long enough for a bar.
const LONG: u64 = 1000;

/// Returns a bar for work on several bundles.
pub(crate) fn of_bundles(count: usize) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    styled(count as u64, "{bar:30} {pos}/{len} bundles, {eta} left")
}

/// Reduces a bundle, with a bar if its log is long.
pub(crate) fn reduce(bundle: &Bundle) -> RolloutTrace {
    match of_log(bundle) {
        Some(bar) => finished(&bar, reduce_bundle_watched(bundle, |line| bar.set_position(line))),
        None => reduce_bundle(bundle),
    }
}

/// Reduces a bundle and collects facts, with a bar if its log is long.
pub(crate) fn reduce_for_answers(bundle: &Bundle) -> (RolloutTrace, Facts) {
    match of_log(bundle) {
        Some(bar) => finished(&bar, reduce_with_facts_watched(bundle, |line| bar.set_position(line))),
        None => reduce_with_facts(bundle),
    }
}

fn finished<T>(bar: &ProgressBar, result: T) -> T {
    bar.finish_and_clear();
    result
}

/// Returns a bar for reading the log of a bundle, if the log is long and somebody can see the bar.
fn of_log(bundle: &Bundle) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let lines = lines(bundle).filter(|lines| *lines >= LONG)?;
    let bar = styled(lines, "{bar:30} {percent} % of the log, {eta} left");
    bar.tick();
    Some(bar)
}

/// Returns the number of lines of a bundle's log, which is far quicker than reading them.
fn lines(bundle: &Bundle) -> Option<u64> {
    let mut log = bundle.open_file(Manifest::RAW_EVENT_LOG).ok()?;
    let mut buffer = vec![0; 64 << 10];
    let mut lines = 0;
    loop {
        match log.read(&mut buffer) {
            Ok(0) => return Some(lines),
            Ok(count) => lines += memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

fn styled(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
