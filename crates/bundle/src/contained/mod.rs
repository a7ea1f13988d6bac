//! Opening the files of a bundle and no others.

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

#[cfg(not(unix))]
use portable as system;
#[cfg(unix)]
use unix as system;

use crate::PayloadError;

/// A bundle's folder. No path that it opens leads out of it, even if the folder changes at the same time.
#[derive(Clone, Debug)]
pub(crate) struct ContainedFolder {
    /// The path as given, for messages.
    path: PathBuf,
    /// The folder itself, which is opened on first use and then shared by all clones.
    root: Option<Arc<system::Folder>>,
    /// The folder of the file that was opened last, and its path in the bundle. Most payloads share one.
    parent: Option<(PathBuf, Arc<system::Folder>)>,
}

/// The kind of an entry of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    Other,
}

/// Why a file or folder cannot be opened.
#[derive(Debug)]
enum Refusal {
    /// It is a link, which is not followed.
    Link,
    /// It is not a regular file.
    NotAFile,
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl ContainedFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, root: None, parent: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file inside the folder. Returns it with its size.
    ///
    /// No link in the path is followed, and opening a pipe does not wait for its writer.
    pub(crate) fn open(&mut self, relative: &str) -> Result<(File, u64), PayloadError> {
        let parts = parts(relative).filter(|parts| !parts.is_empty());
        let (name, folders) = parts
            .as_ref()
            .and_then(|parts| parts.split_last())
            .ok_or_else(|| PayloadError::Escapes { path: relative.to_owned() })?;
        let opened = self.folder(folders).and_then(|folder| system::open_file(&folder, name)).and_then(|file| {
            // This is the kind of the file that was opened, whatever takes its place now.
            let metadata = file.metadata()?;
            if metadata.is_file() { Ok((file, metadata.len())) } else { Err(Refusal::NotAFile) }
        });
        opened.map_err(|refusal| self.error(relative, refusal))
    }

    /// Returns what a folder inside the folder contains. The path of the folder itself is empty.
    pub(crate) fn entries(&mut self, relative: &str) -> Result<Vec<(OsString, Kind)>, PayloadError> {
        let parts = parts(relative).ok_or_else(|| PayloadError::Escapes { path: relative.to_owned() })?;
        let entries = self.folder(&parts).and_then(|folder| Ok(system::entries(&folder)?));
        entries.map_err(|refusal| self.error(relative, refusal))
    }

    fn folder(&mut self, parts: &[&OsStr]) -> Result<Arc<system::Folder>, Refusal> {
        let root = match &self.root {
            Some(root) => root,
            None => self.root.insert(Arc::new(system::open_root(&self.path)?)),
        };
        if parts.is_empty() {
            return Ok(Arc::clone(root));
        }
        let path: PathBuf = parts.iter().collect();
        if let Some((known, folder)) = &self.parent
            && *known == path
        {
            return Ok(Arc::clone(folder));
        }
        let mut folder = Arc::clone(root);
        for part in parts {
            folder = Arc::new(system::open_folder(&folder, part)?);
        }
        self.parent = Some((path, Arc::clone(&folder)));
        Ok(folder)
    }

    fn error(&self, relative: &str, refusal: Refusal) -> PayloadError {
        let path = relative.to_owned();
        match refusal {
            Refusal::Link => PayloadError::Link { path },
            Refusal::NotAFile => PayloadError::NotAFile { path },
            Refusal::Io(source) => match source.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => PayloadError::Missing { path },
                // The path has a NUL byte, which no file can have.
                ErrorKind::InvalidInput | ErrorKind::InvalidFilename => PayloadError::Missing { path },
                _ => PayloadError::Read { path: self.path.join(relative), source },
            },
        }
    }
}

/// Returns the names in a relative path. Returns `None` if the path leads out of its folder.
fn parts(relative: &str) -> Option<Vec<&OsStr>> {
    let components = Path::new(relative).components().filter(|part| *part != Component::CurDir);
    let names = components.map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    names.collect()
}
