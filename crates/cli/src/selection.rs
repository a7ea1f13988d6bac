//! Selects the bundles that a command processes.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rollout_trace::{find_bundles, import::store_of};

use crate::{
    args::BundleArgs,
    failure::{Failure, Verdict},
    output::Output,
    parallel, progress, sessions,
};

/// Finds the bundles that the paths name: bundles, files in bundles, or folders with bundles. A path that names none
/// yields a failure instead.
pub(crate) fn select(args: &BundleArgs) -> Vec<Result<PathBuf, Failure>> {
    let mut selected = Vec::new();
    let listed = match args.from_list.as_deref().map(listed) {
        Some(Err(failure)) => {
            selected.push(Err(failure));
            Vec::new()
        }
        Some(Ok(paths)) => paths,
        None => Vec::new(),
    };
    for path in args.paths.iter().chain(&listed) {
        if !path.is_dir() && store_of(path).is_none() {
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

/// Returns the paths in the lines of a file, or of stdin.
fn listed(file: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut bytes = Vec::new();
    let read = match file == Path::new("-") {
        true => io::stdin().lock().read_to_end(&mut bytes),
        false => File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| Failure::io("cannot read the list", file, &error, "give a file with one path in each line"))?;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    Ok(lines.filter(|line| !line.is_empty()).map(path_of).collect())
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Returns the bundles in a folder, at least one, the newest first.
fn find(root: &Path, args: &BundleArgs) -> Result<Vec<PathBuf>, Failure> {
    let found = if store_of(root).is_some() { Ok(Vec::new()) } else { find_bundles(root) };
    let found =
        found.map_err(|error| Failure::io("cannot list", root, &error, "check the path and its permissions"))?;
    if found.is_empty() {
        let sessions = sessions::choose(root, args.session.as_deref(), args.latest);
        if !sessions.is_empty() {
            return Ok(sessions.into_iter().map(|session| session.path).collect());
        }
        if let Some(failure) = sessions::not_one(root).filter(|_| args.session.is_none()) {
            return Err(failure);
        }
        let hint = "give a bundle, which is a folder with a trace.jsonl, or a folder with bundles or sessions";
        return Err(Failure::new(format!("no trace bundle in {}", root.display()), hint));
    }
    Ok(found.into_iter().map(|bundle| bundle.path).collect())
}

/// Processes the selected bundles on all cores: `work` what can be done apart, then `each` with the results, in order, on this
/// OS thread. A bundle that fails is reported, as `each` does it, and does not prevent the others from being processed.
pub(crate) fn for_all<R: Send>(
    selected: Vec<Result<PathBuf, Failure>>,
    output: &mut Output,
    work: impl Fn(&Path) -> Result<R, Failure> + Sync,
    mut each: impl FnMut(Option<&Path>, Result<R, Vec<String>>, &mut Output) -> Result<Verdict, Failure>,
) -> Result<Verdict, Failure> {
    let progress = progress::of_bundles(selected.len());
    let mut verdict = Verdict::Clean;
    let mut paths = Vec::new();
    for bundle in selected {
        match bundle {
            Ok(path) => paths.push(path),
            Err(Failure::Message(lines)) => {
                progress.suspend(|| output.say_all(lines.clone()));
                verdict = verdict.max(Verdict::Unreadable).max(each(None, Err(lines), output)?);
            }
            Err(failure) => return Err(failure),
        }
    }
    parallel::in_order(
        &paths,
        |path| work(path),
        |path, result| {
            progress.inc(1);
            let result = match result {
                Err(Failure::Message(lines)) => {
                    progress.suspend(|| output.say_all(lines.clone()));
                    verdict = verdict.max(Verdict::Unreadable);
                    Err(lines)
                }
                result => Ok(result?),
            };
            verdict = verdict.max(progress.suspend(|| each(Some(path), result, output))?);
            Ok(())
        },
    )?;
    progress.finish_and_clear();
    Ok(verdict)
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
