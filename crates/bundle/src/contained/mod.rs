//! Opening the files of a bundle and no others.

mod file;
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

pub use file::BundleFile;
pub(crate) use file::Bytes;

use crate::{PayloadError, archive::HeldFiles};

/// A bundle's folder, on disk or in an archive. No path that it opens leads out of it, even if the folder changes at the
/// same time.
#[derive(Clone, Debug)]
pub(crate) struct ContainedFolder {
    /// The path as given, for messages.
    path: PathBuf,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Disk(DiskFolder),
    Archive {
        files: Arc<HeldFiles>,
        /// The path of the folder in the archive.
        folder: String,
    },
}

#[derive(Clone, Debug)]
struct DiskFolder {
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

impl Refusal {
    /// Returns the error of opening a path in a folder.
    fn at(self, folder: &Path, relative: &str) -> PayloadError {
        let path = relative.to_owned();
        match self {
            Self::Link => PayloadError::Link { path },
            Self::NotAFile => PayloadError::NotAFile { path },
            Self::Io(source) => match source.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => PayloadError::Missing { path },
                // The path has a NUL byte, which no file can have.
                ErrorKind::InvalidInput | ErrorKind::InvalidFilename => PayloadError::Missing { path },
                _ => PayloadError::Read { path: folder.join(relative), source },
            },
        }
    }
}

impl ContainedFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { place: Place::Disk(DiskFolder::new(path.clone())), path }
    }

    /// Makes a folder of the files of an archive.
    pub(crate) fn in_archive(archive: PathBuf, files: Arc<HeldFiles>, folder: String) -> Self {
        Self { path: archive, place: Place::Archive { files, folder } }
    }

    /// Returns the path of the folder, or of the archive that contains it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_archive(&self) -> bool {
        self.archive_len().is_some()
    }

    /// Returns the length of the archive that contains the folder, if one does.
    pub(crate) fn archive_len(&self) -> Option<u64> {
        match &self.place {
            Place::Disk(_) => None,
            Place::Archive { files, .. } => Some(files.archive_len),
        }
    }

    /// Opens a regular file inside the folder. Returns it with its size.
    ///
    /// No link in the path is followed, and opening a pipe does not wait for its writer.
    pub(crate) fn open(&mut self, relative: &str) -> Result<(BundleFile, u64), PayloadError> {
        let parts = parts(relative).filter(|parts| !parts.is_empty());
        let parts = parts.ok_or_else(|| PayloadError::Escapes { path: relative.to_owned() })?;
        match &mut self.place {
            Place::Disk(folder) => folder.open(&parts).map_err(|refusal| refusal.at(&self.path, relative)),
            Place::Archive { files, folder } => files.open(&joined(folder, &parts)).map_err(|error| match error {
                PayloadError::TooLarge { bytes, limit, .. } => {
                    PayloadError::TooLarge { path: relative.to_owned(), bytes, limit }
                }
                PayloadError::NotAFile { .. } => PayloadError::NotAFile { path: relative.to_owned() },
                _ => PayloadError::Missing { path: relative.to_owned() },
            }),
        }
    }

    /// Returns what a folder inside the folder contains. The path of the folder itself is empty.
    pub(crate) fn entries(&mut self, relative: &str) -> Result<Vec<(OsString, Kind)>, PayloadError> {
        let parts = parts(relative).ok_or_else(|| PayloadError::Escapes { path: relative.to_owned() })?;
        match &mut self.place {
            Place::Disk(folder) => folder.entries(&parts).map_err(|refusal| refusal.at(&self.path, relative)),
            Place::Archive { files, folder } => {
                let entries = files.entries(&joined(folder, &parts));
                Ok(entries.into_iter().map(|(name, kind)| (name.into(), kind)).collect())
            }
        }
    }
}

impl DiskFolder {
    fn new(path: PathBuf) -> Self {
        Self { path, root: None, parent: None }
    }

    fn open(&mut self, parts: &[&OsStr]) -> Result<(BundleFile, u64), Refusal> {
        let Some((name, folders)) = parts.split_last() else { return Err(Refusal::NotAFile) };
        let file = system::open_file(&*self.folder(folders)?, name)?;
        // This is the kind of the file that was opened, whatever takes its place now.
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok((BundleFile::on_disk(file), metadata.len())) } else { Err(Refusal::NotAFile) }
    }

    fn entries(&mut self, parts: &[&OsStr]) -> Result<Vec<(OsString, Kind)>, Refusal> {
        Ok(system::entries(&*self.folder(parts)?)?)
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
}

/// Opens the file with this name in a folder.
///
/// The file may be anything that an untrusted bundle contains: a link is not followed, a pipe is not waited for, and what is
/// not a regular file is refused.
///
/// # Errors
///
/// There is no regular file with this name, or it cannot be read.
pub fn open_file_in(folder: impl Into<PathBuf>, name: impl AsRef<OsStr>) -> Result<BundleFile, PayloadError> {
    let (mut folder, name) = (DiskFolder::new(folder.into()), name.as_ref());
    let path = name.to_string_lossy();
    if Path::new(name).components().ne([Component::Normal(name)]) {
        return Err(PayloadError::Escapes { path: path.into() });
    }
    folder.open(&[name]).map(|(file, _)| file).map_err(|refusal| refusal.at(&folder.path, &path))
}

/// Opens a file at a path that the user named, which may lead through links. A pipe is not waited for.
pub(crate) fn open_named_file(path: &Path) -> io::Result<File> {
    system::open_named_file(path)
}

/// Returns a path in an archive.
fn joined(folder: &str, parts: &[&OsStr]) -> String {
    let mut path = folder.to_owned();
    for part in parts {
        if !path.is_empty() {
            path.push('/');
        }
        // The parts come from a string.
        path.push_str(&part.to_string_lossy());
    }
    path
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
