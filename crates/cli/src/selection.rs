//! Which bundles a command works on.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use rollout_trace::find_bundles;

use crate::{
    args::BundleArgs,
    failure::{Failure, Verdict},
    output::Output,
};

/// Finds the bundles that the paths mean: bundles, files in them, or folders with many.
pub(crate) fn select(args: &BundleArgs) -> Result<Vec<PathBuf>, Failure> {
    let mut selected = Vec::new();
    for path in &args.paths {
        if !path.is_dir() {
            selected.push(path.clone());
            continue;
        }
        let found = find(path)?;
        if found.is_empty() {
            let hint = "give a bundle, which is the folder that holds trace.jsonl, or a folder with bundles";
            return Err(Failure::new(format!("there is no trace bundle in {}", path.display()), hint));
        }
        selected.extend(found.into_iter().take(if args.latest { 1 } else { usize::MAX }));
    }
    Ok(selected)
}

/// The bundles of a folder, the newest first.
pub(crate) fn find(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = find_bundles(root)
        .map_err(|error| Failure::io("cannot list", root, &error, "check the path and its permissions"))?;
    Ok(found.into_iter().map(|bundle| bundle.path).collect())
}

/// Does something with each bundle. One that fails does not keep the others from their turn.
pub(crate) fn for_each(
    bundles: &[PathBuf],
    output: &mut Output,
    mut work: impl FnMut(&Path, &mut Output) -> Result<Verdict, Failure>,
) -> Result<Verdict, Failure> {
    // Drawn to stderr, and only if that is a terminal.
    let progress = if bundles.len() > 1 { ProgressBar::new(bundles.len() as u64) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} bundles, {eta} left") {
        progress.set_style(style);
    }
    let mut verdict = Verdict::Fine;
    for bundle in bundles {
        verdict = verdict.max(match progress.suspend(|| work(bundle, output)) {
            Err(Failure::Told(failure)) => {
                progress.suspend(|| output.say(failure));
                Verdict::Unreadable
            }
            result => result?,
        });
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(verdict)
}
