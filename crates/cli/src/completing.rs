//! What a shell offers as the next word of a command line.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter},
};
use rollout_trace::{find_bundles, schema::visible::visible_line};

use crate::args::Cli;

/// The variable with which the script of a shell asks for words. Its value is the name of the shell.
pub(crate) const ASKING: &str = "ROLLOUT_TRACE_COMPLETE";
/// The variable that names the trace root.
const ROOT: &str = "CODEX_ROLLOUT_TRACE_ROOT";

/// Answers a shell that asks for words, and exits. Returns if none does.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(Cli::command).var(ASKING).complete();
}

/// Completes bundles: paths, and ids of the rollouts in the trace root.
pub(crate) fn bundles() -> ArgValueCompleter {
    ArgValueCompleter::new(Bundles { also_after: true })
}

/// Completes the first of several words as a bundle. The others are names within it.
pub(crate) fn bundle_first() -> ArgValueCompleter {
    ArgValueCompleter::new(Bundles { also_after: false })
}

/// Completes paths of bundles, for commands that take no ids.
pub(crate) fn paths() -> ArgValueCompleter {
    ArgValueCompleter::new(visible_paths)
}

struct Bundles {
    /// Whether the words after the first are bundles, too.
    also_after: bool,
}

impl ValueCompleter for Bundles {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let mut candidates = visible_paths(current);
        candidates.extend(ids(current).into_iter().map(CompletionCandidate::new));
        candidates
    }

    fn complete_at(&self, place: usize, current: &OsStr) -> Vec<CompletionCandidate> {
        if place == 0 || self.also_after { self.complete(current) } else { Vec::new() }
    }
}

/// Returns paths that begin so. Those with characters that could steer a terminal, or hide, are left out, because a shell
/// shows them as they are.
fn visible_paths(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut paths = PathCompleter::any().complete(current);
    paths.retain(|path| path.get_value().to_str().is_some_and(|path| visible_line(path) == path));
    paths
}

/// Returns the ids of rollouts that begin so. Ids of other characters than usual are left out, because a shell would read
/// them in its own way.
fn ids(current: &OsStr) -> Vec<String> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let is_plain =
        |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let found = root(env::args_os()).and_then(|root| find_bundles(root).ok()).unwrap_or_default();
    let ids = found.into_iter().filter_map(|bundle| Some(bundle.rollout_id?.to_string()));
    ids.filter(|id| id.starts_with(current)).filter(is_plain).collect()
}

/// Returns the trace root that the words of a command line name, or else the environment.
fn root(words: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let mut words = words.skip_while(|word| word != "--").skip(1);
    while let Some(word) = words.next() {
        if word == "--root" {
            return words.next().map(PathBuf::from);
        }
        if let Some(root) = word.to_str().and_then(|word| word.strip_prefix("--root=")) {
            return Some(Path::new(root).to_owned());
        }
    }
    env::var_os(ROOT).map(PathBuf::from)
}
