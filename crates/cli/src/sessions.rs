//! Session files of other programs, which are imported when they are read.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf, absolute},
    time::{Duration, SystemTime},
};

use rollout_trace::{
    Bundle, Limits,
    bundle::{ConvertError, holds_bundle},
    cache_folder,
    import::{
        FoundSession, ImportError, Session, find_sessions, first_record, session_at, store_of, write_ahead_log,
        write_bundle,
    },
    schema::Manifest,
};

use crate::{failure::Failure, signals::remove_unfinished_on_signals};

/// A file that was written so recently may be written again without its time being another one.
const SETTLED: Duration = Duration::from_secs(2);

/// Another version of the program may import in another way.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/1");

/// Returns the session that a path means: its file, its folder beside the file, or its place in a store. Returns `None` if the path is a bundle,
/// or nothing of a session.
pub(crate) fn session_of(path: &Path) -> Option<FoundSession> {
    if path.is_dir() {
        if holds_bundle(path) {
            return None;
        }
        let mut found = find_sessions(path);
        return if found.len() == 1 { found.pop() } else { None };
    }
    let is_in_bundle = path.parent().is_some_and(holds_bundle);
    if is_in_bundle { None } else { session_at(path) }
}

/// Returns the sessions in a folder that the words of `--session` and `--latest` choose, the newest first.
pub(crate) fn choose(folder: &Path, session: Option<&str>, latest: bool) -> Vec<FoundSession> {
    let mut found = find_sessions(folder);
    if let Some(prefix) = session {
        found.retain(|found| found.outline().session.starts_with(prefix));
    }
    found.truncate(if latest { 1 } else { usize::MAX });
    found
}

/// Returns the only session in a folder that is chosen.
pub(crate) fn choose_one(folder: &Path, session: Option<&str>, latest: bool) -> Result<FoundSession, Failure> {
    let mut found = choose(folder, session, latest);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::new(
            format!("no session in {}", folder.display()),
            "give a session file, or the folder or store in which Codex, Claude Code, opencode, Pi or Gemini CLI keeps its sessions",
        )),
        count => Err(Failure::new(
            format!("{count} sessions in {}", folder.display()),
            "choose one with --session ID, or the newest with --latest; `rollout-trace list` shows them",
        )),
    }
}

/// Imports a session, unless the cache has it as it is now, and opens it as a bundle.
pub(crate) fn open(found: &FoundSession, limits: Limits) -> Result<Bundle, Failure> {
    let bundle = Bundle::open_with(imported(found, limits)?, limits)?;
    Ok(bundle.shown_as(&found.path))
}

/// Returns why a file can be nothing that is read, if it looks like a session file more than like an archive.
pub(crate) fn not_a_session(path: &Path) -> Option<Failure> {
    let name = path.file_name()?.to_string_lossy();
    let looks_like_session = [".jsonl", ".jsonl.zst", ".json"].iter().any(|suffix| name.ends_with(suffix));
    if !looks_like_session || !path.is_file() || path.parent().is_some_and(holds_bundle) {
        return None;
    }
    Some(ImportError::UnknownFormat { path: path.to_owned(), seen: first_record(path) }.into())
}

/// Returns the path of the bundle that a path means: itself or, of a session, that of the session's import.
pub(crate) fn bundle_path(path: &Path, limits: Limits) -> Result<PathBuf, Failure> {
    match session_of(path) {
        Some(session) => imported(&session, limits),
        None => not_one(path).map_or_else(|| Ok(path.to_owned()), Err),
    }
}

/// Returns why a store, or a place in one, is not one session.
pub(crate) fn not_one(path: &Path) -> Option<Failure> {
    store_of(path)?;
    match find_sessions(path).len() {
        0 => Some(ImportError::UnknownFormat { path: path.to_owned(), seen: first_record(path) }.into()),
        _ => choose_one(path, None, false).err(),
    }
}

/// Returns the bundle in the user's cache folder that a session was imported to.
pub(crate) fn imported(found: &FoundSession, limits: Limits) -> Result<PathBuf, Failure> {
    let hint = "set XDG_CACHE_HOME to a folder that can be written to, or write a bundle with `rollout-trace import`";
    let cache = cache_folder().ok_or_else(|| Failure::new("there is no cache folder for imported sessions", hint))?;
    let path = found.path.canonicalize().or_else(|_| absolute(&found.path)).unwrap_or_else(|_| found.path.clone());
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let place = cache.join("imports").join(format!("{:016x}", hasher.finish()));
    let (bundle, note) = (place.join("bundle"), place.join("stamp"));
    if fs::read_to_string(&note).ok() == stamp(&bundle, &path, limits) && holds_bundle(&bundle) {
        return Ok(bundle);
    }
    let session = Session::open(&found.path, limits)?;
    remove_unfinished_on_signals();
    let failure = |error| Failure::io("cannot write", &place, &error, hint);
    private_folder(&place).map_err(failure)?;
    if bundle.exists() {
        fs::remove_dir_all(&bundle).map_err(failure)?;
    }
    match write_bundle(session, &bundle) {
        // Another process has imported the session at the same time.
        Ok(_) | Err(ConvertError::Exists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match stamp(&bundle, &path, limits) {
        // Without its stamp, the session is imported again.
        Some(text) => drop(fs::write(&note, text)),
        None => drop(fs::remove_file(&note)),
    }
    Ok(bundle)
}

/// Returns what a bundle in the cache was made of, as that is now. Returns `None` if it cannot be told, or was written so
/// recently that it may change unnoticed.
fn stamp(bundle: &Path, session: &Path, limits: Limits) -> Option<String> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(bundle.join(Manifest::FILE_NAME)).ok()?).ok()?;
    let mut text = format!("{VERSION}\n{limits:?}\n{}\n", session.display());
    for source in manifest.evidence?.sources {
        let path = Path::new(&source.path);
        let store = store_of(path);
        // The newest rows of a store may not be in it yet.
        let log = store.as_deref().map(write_ahead_log).filter(|log| log.exists());
        for file in [store.as_deref().unwrap_or(path)].into_iter().chain(log.as_deref()) {
            let metadata = fs::metadata(file).ok()?;
            let modified = metadata.modified().ok()?;
            if SystemTime::now().duration_since(modified).unwrap_or_default() < SETTLED {
                return None;
            }
            let modified = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
            text.push_str(&format!("{} {} {modified}\n", file.display(), metadata.len()));
        }
    }
    Some(text)
}

/// Makes a folder that only its owner can read, because sessions are private.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        Self::new(format!("{error}{cause}"), error.hint())
    }
}
