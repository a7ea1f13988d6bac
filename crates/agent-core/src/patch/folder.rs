//! The folder that a patch may touch.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, mkdirat, openat},
    io::Errno,
};

use super::PatchError;

/// How many links the system follows one after another.
const MAX_LINKS: usize = 40;

/// A folder, outside which nothing is read or written.
#[derive(Debug)]
pub(crate) struct Folder {
    /// The path of the folder, without symbolic links.
    root: PathBuf,
}

/// Where a path of a patch leads.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// The entry that the path names, relative to the root, in a folder without symbolic links. It may be a link.
    pub(crate) entry: PathBuf,
    pub(crate) leads: Leads,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// The entry does not exist.
    Nowhere,
    /// The entry is not a link, or is a link to another entry inside the root, whose path this is.
    To(PathBuf),
    /// The entry is a link to nothing, or to itself. If a file at a path inside the root would be what it leads to, this is
    /// that path.
    ToNothing(Option<PathBuf>),
    /// The entry is a link out of the root.
    Out,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Self, PatchError> {
        let source = |source| PatchError::Read { path: root.to_owned(), source };
        Ok(Self { root: fs::canonicalize(root).map_err(source)? })
    }

    /// Finds out where a path leads. It must not contain `..`.
    pub(crate) fn locate(&self, path: &Path) -> Result<Located, PatchError> {
        let unreadable = |source| PatchError::Read { path: path.to_owned(), source };
        let full = self.root.join(path);
        let (Some(parent), Some(name)) = (full.parent(), full.file_name()) else {
            return Err(PatchError::NotAFile { path: path.to_owned() });
        };
        let entry = self.folder(path, parent)?.join(name);
        let leads = match fs::symlink_metadata(self.root.join(&entry)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Leads::Nowhere,
            Err(source) => return Err(unreadable(source)),
            Ok(metadata) if metadata.is_symlink() => match fs::canonicalize(self.root.join(&entry)) {
                Ok(real) => real.strip_prefix(&self.root).map_or(Leads::Out, |real| Leads::To(real.to_owned())),
                Err(error) if leads_to_nothing(&error) => Leads::ToNothing(self.missing_target(&entry)),
                Err(source) => return Err(unreadable(source)),
            },
            Ok(_) => Leads::To(entry.clone()),
        };
        Ok(Located { entry, leads })
    }

    /// Returns the path, inside the root, that a chain of links lacks.
    fn missing_target(&self, link: &Path) -> Option<PathBuf> {
        let mut entry = link.to_owned();
        for _ in 0..MAX_LINKS {
            let Ok(target) = fs::read_link(self.root.join(&entry)) else { return Some(entry) };
            let full = self.root.join(entry.parent()?).join(target);
            entry = self.folder(link, full.parent()?).ok()?.join(full.file_name()?);
        }
        None
    }

    /// Returns a folder's path relative to the root, with symbolic links resolved. The folder need not exist.
    fn folder(&self, path: &Path, folder: &Path) -> Result<PathBuf, PatchError> {
        // A new folder is located below the nearest one that exists.
        let exists = |folder: &&Path| {
            fs::symlink_metadata(folder).err().is_none_or(|error| error.kind() != io::ErrorKind::NotFound)
        };
        let existing = folder.ancestors().find(exists).unwrap_or(&self.root);
        let real = fs::canonicalize(existing).map_err(|source| match leads_to_nothing(&source) {
            true => PatchError::DeadLink { path: path.to_owned() },
            false => PatchError::Read { path: path.to_owned(), source },
        })?;
        let inside = real.strip_prefix(&self.root).map_err(|_| PatchError::LeadsOut { path: path.to_owned() })?;
        Ok(inside.join(folder.strip_prefix(existing).unwrap_or(Path::new(""))))
    }

    /// Opens the folder of an entry. It follows no symbolic link: the path had none when it was located, and a link that
    /// has appeared since may lead anywhere.
    pub(crate) fn open_parent(&self, entry: &Path, missing: Missing) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = File::from(openat(CWD, &self.root, flags, Mode::empty())?);
        for step in entry.parent().into_iter().flat_map(Path::components) {
            let open = |folder: &File| openat(folder, step.as_os_str(), flags | OFlags::NOFOLLOW, Mode::empty());
            let next = match open(&folder) {
                Err(Errno::NOENT) if missing == Missing::Create => {
                    match mkdirat(&folder, step.as_os_str(), Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => open(&folder),
                        Err(error) => Err(error),
                    }
                }
                opened => opened,
            };
            folder = next?.into();
        }
        Ok(folder)
    }

    /// Opens a regular file that is not a link. Returns `None` if there is no entry.
    ///
    /// # Errors
    ///
    /// The error's kind is `InvalidInput` if the entry is something else than a regular file.
    pub(crate) fn open_file(&self, entry: &Path) -> io::Result<Option<File>> {
        let name = entry.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let opened = self.open_parent(entry, Missing::Fail).and_then(|folder| {
            // Opening a pipe, or reading it, might block forever.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            Ok(File::from(openat(&folder, name, flags, Mode::empty())?))
        });
        match opened {
            Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
            Ok(_) => Err(io::ErrorKind::InvalidInput.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // A link, or a socket.
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::LOOP | Errno::NXIO)) => {
                Err(io::ErrorKind::InvalidInput.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a regular file. Returns `None` if it does not exist.
    pub(crate) fn read(&self, entry: &Path) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_file(entry)? else { return Ok(None) };
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(Some(content))
    }
}

/// What to do about folders that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Create,
    Fail,
}

fn leads_to_nothing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || Errno::from_io_error(error) == Some(Errno::LOOP)
}
