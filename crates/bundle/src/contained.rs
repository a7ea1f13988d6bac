//! Opening the files of a bundle and no others.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
};

use crate::PayloadError;

/// A bundle's folder. No path that it opens leads out of it.
#[derive(Debug)]
pub(crate) struct ContainedFolder {
    /// The path as given, for messages.
    path: PathBuf,
    /// The path without symbolic links, for comparison.
    real: PathBuf,
    /// The folder of the file that was opened last, relative to the bundle. It is known to be inside, and most payloads
    /// share one.
    checked_parent: Option<PathBuf>,
}

impl ContainedFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        // A folder that cannot be resolved cannot be read either, and the error of reading it is more helpful.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        Self { path, real, checked_parent: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file inside the folder. Returns it with its size.
    pub(crate) fn open(&mut self, relative: &str) -> Result<(File, u64), PayloadError> {
        let escapes = || PayloadError::Escapes { path: relative.to_owned() };
        let parts = Path::new(relative).components();
        if relative.is_empty() || !parts.clone().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(escapes());
        }
        let path = self.path.join(relative);
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => PayloadError::Missing { path: relative.to_owned() },
            // The path has a NUL byte, which no file can have.
            ErrorKind::InvalidInput | ErrorKind::InvalidFilename => PayloadError::Missing { path: relative.to_owned() },
            _ => PayloadError::Read { path: path.clone(), source },
        };
        let parent = Path::new(relative).parent().unwrap_or(Path::new(""));
        if self.checked_parent.as_deref() != Some(parent) {
            let real = self.path.join(parent).canonicalize().map_err(failed)?;
            if !real.starts_with(&self.real) {
                return Err(escapes());
            }
            self.checked_parent = Some(parent.to_owned());
        }
        // The kind is checked before the file is opened, because opening a pipe would wait for its writer.
        let mut kind = fs::symlink_metadata(&path).map_err(failed)?.file_type();
        if kind.is_symlink() {
            let real = path.canonicalize().map_err(failed)?;
            if !real.starts_with(&self.real) {
                return Err(escapes());
            }
            kind = fs::symlink_metadata(&real).map_err(failed)?.file_type();
        }
        let not_a_file = || PayloadError::NotAFile { path: relative.to_owned() };
        if !kind.is_file() {
            return Err(not_a_file());
        }
        let file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(not_a_file());
        }
        Ok((file, metadata.len()))
    }
}
