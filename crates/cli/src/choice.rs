//! The choice of the bundle that a command reads.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Args;
use rollout_trace::{Bundle, FoundBundle, find_bundles, import::store_of};

use crate::{args::ReadingArgs, failure::Failure, sessions};

/// Which bundle is read if it is not given by its path, and how it is read.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Read the newest bundle of the trace root; BUNDLE is left out.
    #[arg(long)]
    latest: bool,

    /// The trace root, the folder with the bundles that --latest and ids of rollouts are about.
    #[arg(long, value_name = "DIR", env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true)]
    root: Option<PathBuf>,

    /// If BUNDLE is a folder or a store with sessions of other programs, the one whose id begins like this.
    #[arg(long, value_name = "ID")]
    session: Option<String>,

    #[command(flatten)]
    reading: ReadingArgs,
}

impl ChoiceArgs {
    /// Opens the bundle that the first of the words names or, with `--latest`, the newest one. Returns it with the other
    /// words.
    pub(crate) fn open<'a>(&self, words: &'a [OsString]) -> Result<(Bundle, &'a [OsString]), Failure> {
        if self.latest {
            return Ok((self.reading.open(&self.newest()?)?, words));
        }
        let Some((word, rest)) = words.split_first() else {
            return Err(Failure::new("no bundle is given", "give a bundle, or use --latest for the newest one"));
        };
        Ok((self.open_named(word)?, rest))
    }

    /// Opens the bundle that is the only word, or the newest one.
    pub(crate) fn open_only(&self, word: Option<&OsString>) -> Result<Bundle, Failure> {
        let (bundle, rest) = self.open(word.map(std::slice::from_ref).unwrap_or_default())?;
        match rest {
            [] => Ok(bundle),
            _ => Err(Failure::new("both a bundle and --latest are given", "leave one of them out")),
        }
    }

    /// Returns how bundles are read.
    pub(crate) fn reading(&self) -> ReadingArgs {
        self.reading
    }

    /// Returns whether one of several is chosen.
    pub(crate) fn is_of_one(&self) -> bool {
        self.latest || self.session.is_some()
    }

    /// Returns paths or, if there are none, the trace root.
    pub(crate) fn or_root(&self, paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
        if !paths.is_empty() {
            return Ok(paths);
        }
        let hint = "give bundles, or a folder with bundles";
        let root = self.root.clone().ok_or_else(|| Failure::new("no bundle is given", hint))?;
        Ok(vec![root])
    }

    /// Opens a bundle again, which is still being written.
    pub(crate) fn reopen(&self, path: &Path) -> Result<Bundle, Failure> {
        self.reading.open(path)
    }

    /// Opens a bundle by its path or, if there is no such path, by the beginning of its rollout's id.
    pub(crate) fn open_named(&self, word: &OsString) -> Result<Bundle, Failure> {
        let path = Path::new(word);
        let by_id = || {
            // A word with a separator can only be meant as a path.
            let prefix = word.to_str().filter(|word| !word.is_empty() && !word.contains(std::path::is_separator))?;
            let found = find_bundles(self.root.as_ref()?).ok()?;
            let fits = |bundle: &FoundBundle| bundle.rollout_id.as_ref().is_some_and(|id| id.starts_with(prefix));
            Some((prefix, found.into_iter().filter(fits).collect::<Vec<_>>()))
        };
        let found = if path.exists() { None } else { by_id() };
        match found {
            Some((_, found)) if found.len() == 1 => self.reading.open(&found[0].path),
            Some((prefix, found)) if found.len() > 1 => Err(several(prefix, &found)),
            _ if self.session.is_some() && (path.is_dir() || store_of(path).is_some()) => {
                self.reading.open(&sessions::choose_one(path, self.session.as_deref(), false)?.path)
            }
            _ => self.reading.open(path),
        }
    }

    fn newest(&self) -> Result<PathBuf, Failure> {
        let hint = "give --root DIR, or set CODEX_ROLLOUT_TRACE_ROOT to the folder that the agent writes to";
        let root = self.root.as_ref().ok_or_else(|| Failure::new("--latest needs a trace root", hint))?;
        let found = if store_of(root).is_some() { Ok(Vec::new()) } else { find_bundles(root) };
        let found =
            found.map_err(|error| Failure::io("cannot list", root, &error, "check the path and its permissions"))?;
        let newest = found.into_iter().next().map(|bundle| bundle.path);
        let newest = newest.or_else(|| Some(sessions::choose(root, None, true).pop()?.path));
        newest.ok_or_else(|| Failure::new(format!("no trace bundle in {}", root.display()), hint))
    }
}

fn several(prefix: &str, found: &[FoundBundle]) -> Failure {
    let name = |bundle: &FoundBundle| {
        let id = bundle.rollout_id.as_ref().map(|id| id.as_str()).unwrap_or_default();
        format!("  {id}  {}", bundle.path.display())
    };
    let head =
        format!("error: more than one rollout has an id that begins with {prefix:?}: give more of it, or a path");
    Failure::Message(std::iter::once(head).chain(found.iter().map(name)).collect())
}
