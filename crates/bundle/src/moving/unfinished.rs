//! Results that are removed if a signal ends the program.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use tempfile::NamedTempFile;

use super::staging::{not_made, parent};

/// How the names of unfinished results begin.
pub(super) const PREFIX: &str = ".rollout-trace.";

/// How often the removal of a folder is tried.
const TRIES: usize = 3;

/// The files and folders that would be left behind if the process ended now. A signal concerns the whole process, so this
/// is one list for the process.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Held for reading while something is made or published, and for writing from the removal until the process ends, so that
/// nothing is made after the removal.
static MAKING: RwLock<()> = RwLock::new(());

/// Lets the caller make or publish one thing. Not to be called by one who already has the guard.
pub(super) fn making() -> RwLockReadGuard<'static, ()> {
    MAKING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what the running calls that write files have made so far. For a program that is about to end because of a
/// signal.
///
/// Afterwards those calls wait for the end of the process, so that they cannot make anything more.
pub fn remove_unfinished() {
    // The lock is never released.
    std::mem::forget(MAKING.write().unwrap_or_else(PoisonError::into_inner));
    for path in &*UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner) {
        // The path may be that of a file or of a folder. An error could no longer be reported.
        if fs::remove_file(path).is_err() {
            let _ = (0..TRIES).find(|_| fs::remove_dir_all(path).is_ok());
        }
    }
}

/// Notes that a file or folder is unfinished, as long as this exists.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    /// Makes a file or folder and notes its path. No signal comes between the two.
    pub(super) fn make<T: AsRef<Path>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Self)> {
        let _making = making();
        let made = make()?;
        let path = made.as_ref().to_owned();
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        Ok((made, Self { path }))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

/// What a new file does with one that is already at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is kept, and publishing fails.
    Keep,
    /// It is replaced.
    Replace,
}

/// A file beside its future path. Only its owner can read it. It is removed unless it is published, even if the program
/// calls [`remove_unfinished`] on a signal.
#[derive(Debug)]
pub struct StagedFile {
    target: PathBuf,
    // Dropped in this order: the file is removed first.
    file: NamedTempFile,
    unfinished: Unfinished,
}

impl StagedFile {
    /// Makes an empty file in the folder of `target`.
    ///
    /// # Errors
    ///
    /// The file cannot be made. The error does not name it, because its name means nothing to the user.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let (file, unfinished) =
            Unfinished::make(|| tempfile::Builder::new().prefix(PREFIX).tempfile_in(parent(target)))
                .map_err(|error| not_made(target, &error))?;
        Ok(Self { target: target.to_owned(), file, unfinished })
    }

    /// Returns the file.
    pub fn as_file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Moves the file to its path, whole.
    ///
    /// # Errors
    ///
    /// It cannot be moved, or there is something that is to be kept. The file is then removed.
    pub fn publish(self, existing: Existing) -> io::Result<()> {
        let Self { target, file, unfinished } = self;
        let _making = making();
        let published = match existing {
            Existing::Keep => file.persist_noclobber(target),
            Existing::Replace => file.persist(target),
        };
        let published = published.map(drop).map_err(|error| error.error);
        drop(unfinished);
        published
    }
}
