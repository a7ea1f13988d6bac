//! Selects the bundles that a command processes.

use std::path::{Path, PathBuf};

use rollout_trace::find_bundles;

use crate::{
    args::BundleArgs,
    failure::{Failure, Verdict},
    output::Output,
    progress, sessions,
};

/// Finds the bundles that the paths name: bundles, files in bundles, or folders with bundles. A path that names none
/// yields a failure instead.
pub(crate) fn select(args: &BundleArgs) -> Vec<Result<PathBuf, Failure>> {
    let mut selected = Vec::new();
    for path in &args.paths {
        if !path.is_dir() {
            selected.push(Ok(path.clone()));
            continue;
        }
        let of_session = sessions::session_of(path);
        if of_session.is_some() && args.session.is_none() {
            selected.push(Ok(path.clone()));
            continue;
        }
        match find(path, args) {
            Ok(found) => {
                selected.extend(found.into_iter().take(if args.latest { 1 } else { usize::MAX }).map(Ok));
            }
            Err(failure) => selected.push(Err(failure)),
        }
    }
    selected
}

/// Returns the bundles in a folder, at least one, the newest first.
fn find(root: &Path, args: &BundleArgs) -> Result<Vec<PathBuf>, Failure> {
    let found = find_bundles(root)
        .map_err(|error| Failure::io("cannot list", root, &error, "check the path and its permissions"))?;
    if found.is_empty() {
        let sessions = sessions::choose(root, args.session.as_deref(), args.latest);
        if !sessions.is_empty() {
            return Ok(sessions.into_iter().map(|session| session.path).collect());
        }
        let hint = "give a bundle, which is a folder with a trace.jsonl, or a folder with bundles or sessions";
        return Err(Failure::new(format!("no trace bundle in {}", root.display()), hint));
    }
    Ok(found.into_iter().map(|bundle| bundle.path).collect())
}

/// Processes each selected bundle. One that fails does not prevent the others from being processed.
pub(crate) fn for_each(
    selected: Vec<Result<PathBuf, Failure>>,
    output: &mut Output,
    mut work: impl FnMut(&Path, &mut Output) -> Result<Verdict, Failure>,
) -> Result<Verdict, Failure> {
    let progress = progress::of_bundles(selected.len());
    let mut verdict = Verdict::Clean;
    for bundle in selected {
        verdict = verdict.max(match progress.suspend(|| work(&bundle?, output)) {
            Err(Failure::Message(failure)) => {
                progress.suspend(|| output.say_all(failure));
                Verdict::Unreadable
            }
            result => result?,
        });
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(verdict)
}
