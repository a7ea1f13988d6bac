//! The files of a folder as the earlier sections of a patch leave them, since later sections may change them again.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    PatchError,
    folder::{Folder, Leads},
};

/// A folder, and the changes to it that are not made yet.
#[derive(Debug)]
pub(crate) struct Pending {
    folder: Folder,
    /// The new contents of entries, `None` for those that are gone.
    changed: HashMap<PathBuf, Option<Vec<u8>>>,
}

/// What a path of the patch leads to.
#[derive(Debug)]
pub(crate) struct At {
    /// The entry that the path names, relative to the folder.
    pub(crate) entry: PathBuf,
    /// The file that the entry leads to, or which a new file would be.
    pub(crate) file: PathBuf,
    pub(crate) found: Found,
    /// Whether an earlier section has made what was found.
    pub(crate) is_new: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File(Vec<u8>),
    LinkToNothing,
    /// A link that leads out of the folder.
    LinkOut,
}

impl Pending {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, changed: HashMap::new() }
    }

    pub(crate) fn into_folder(self) -> Folder {
        self.folder
    }

    /// Finds out what a path leads to, and reads it.
    pub(crate) fn look(&self, path: &Path) -> Result<At, PatchError> {
        let place = self.folder.locate(path)?;
        let entry = place.entry;
        self.check_folders(path, &entry)?;
        let at = |file: &Path, found, is_new| Ok(At { entry: entry.clone(), file: file.to_owned(), found, is_new });
        if let Some(changed) = self.changed.get(&entry) {
            return at(&entry, changed.clone().map_or(Found::Nothing, Found::File), true);
        }
        let file = match place.leads {
            Leads::Nowhere => return at(&entry, Found::Nothing, false),
            Leads::ToNothing(missing) => {
                let made = missing.and_then(|file| Some((self.changed.get(&file)?.clone()?, file)));
                return match made {
                    Some((content, file)) => at(&file, Found::File(content), true),
                    None => at(&entry, Found::LinkToNothing, false),
                };
            }
            Leads::Out => return at(&entry, Found::LinkOut, false),
            Leads::To(file) => file,
        };
        if let Some(changed) = self.changed.get(&file) {
            return at(&file, changed.clone().map_or(Found::LinkToNothing, Found::File), true);
        }
        match self.folder.read(&file) {
            Ok(Some(content)) => at(&file, Found::File(content), false),
            // It has disappeared since it was located.
            Ok(None) => at(&file, Found::Nothing, false),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                Err(PatchError::NotAFile { path: path.to_owned() })
            }
            Err(source) => Err(PatchError::Read { path: path.to_owned(), source }),
        }
    }

    pub(crate) fn write(&mut self, file: &Path, content: &str) {
        self.changed.insert(file.to_owned(), Some(content.as_bytes().to_vec()));
    }

    pub(crate) fn remove(&mut self, entry: &Path) {
        self.changed.insert(entry.to_owned(), None);
    }

    /// Refuses a file in a folder that an earlier section makes a file, and the other way round.
    fn check_folders(&self, path: &Path, entry: &Path) -> Result<(), PatchError> {
        let is_made = |entry: &Path| self.changed.get(entry).is_some_and(Option::is_some);
        let is_in_file = entry.ancestors().skip(1).any(is_made);
        let is_folder = self.changed.keys().any(|made| made != entry && made.starts_with(entry) && is_made(made));
        if is_in_file || is_folder { Err(PatchError::NotAFile { path: path.to_owned() }) } else { Ok(()) }
    }
}
