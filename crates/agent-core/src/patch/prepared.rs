//! The changes that a patch makes to existing files.

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
};

use super::{
    Patch, PatchError,
    document::Action,
    edit::edit,
    folder::{Folder, Leads},
    pending::{Found, Pending},
    replace::{self, Access, Name},
};

/// A patch that applies to its files, before anything is written.
#[derive(Debug)]
pub struct PreparedPatch {
    folder: Folder,
    changes: Vec<PreparedChange>,
    /// The target of each change.
    targets: Vec<Target>,
}

/// The change to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedChange {
    /// The file, relative to the working directory.
    pub path: PathBuf,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The new path, if the file is moved, relative to the working directory.
    pub move_to: Option<PathBuf>,
    /// The content before the change, empty for a new file and for a link that leads nowhere. If a deleted file is not
    /// UTF-8, the invalid bytes are replaced.
    pub old: String,
    /// The content after the change, empty for a deleted file.
    pub new: String,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file is new.
    Add,
    /// The file's content or path changes, or both.
    Update,
    /// The file is deleted.
    Delete,
}

impl Patch {
    /// Computes the changes to a folder without making them.
    ///
    /// # Errors
    ///
    /// Returns an error if a file is missing, already exists, or does not contain the lines of the patch.
    pub fn prepare(&self, cwd: &Path) -> Result<PreparedPatch, PatchError> {
        let mut pending = Pending::new(Folder::open(cwd)?);
        let (mut changes, mut targets) = (Vec::new(), Vec::new());
        for section in &self.sections {
            let path = &section.path;
            let at = pending.look(path)?;
            let (kind, old, new, move_to) = match (&section.action, &at.found) {
                (Action::Add(content), Found::Nothing) => (ChangeKind::Add, String::new(), content.clone(), None),
                (Action::Add(_), _) => return Err(PatchError::Exists { path: path.clone() }),
                (_, Found::Nothing) => return Err(PatchError::Missing { path: path.clone() }),
                (Action::Delete, Found::File(old)) => {
                    (ChangeKind::Delete, String::from_utf8_lossy(old).into_owned(), String::new(), None)
                }
                (Action::Delete, Found::LinkToNothing | Found::LinkOut) => {
                    (ChangeKind::Delete, String::new(), String::new(), None)
                }
                (Action::Update { .. }, Found::LinkToNothing) => {
                    return Err(PatchError::DeadLink { path: path.clone() });
                }
                (Action::Update { .. }, Found::LinkOut) => return Err(PatchError::LeadsOut { path: path.clone() }),
                (Action::Update { move_to, hunks }, Found::File(old)) => {
                    let old = String::from_utf8(old.clone()).map_err(|_| PatchError::NotText { path: path.clone() })?;
                    let new = edit(path, &old, hunks)?;
                    (ChangeKind::Update, old, new, move_to.clone().filter(|target| target != path))
                }
            };
            if kind == ChangeKind::Delete || move_to.is_some() {
                pending.remove(&at.entry);
            }
            let mut content = at.file.clone();
            if let Some(target) = &move_to {
                let place = pending.look(target)?;
                if place.found != Found::Nothing {
                    return Err(PatchError::Exists { path: target.clone() });
                }
                content = place.file;
            }
            if kind != ChangeKind::Delete {
                pending.write(&content, &new);
            }
            targets.push(Target { entry: at.entry, file: at.file, content, base: at.found, is_new: at.is_new });
            changes.push(PreparedChange { path: path.clone(), kind, move_to, old, new });
        }
        Ok(PreparedPatch { folder: pending.into_folder(), changes, targets })
    }
}

impl PreparedPatch {
    /// Returns the changes in order.
    pub fn changes(&self) -> &[PreparedChange] {
        &self.changes
    }

    /// Makes the changes, each file atomically.
    ///
    /// A file that is no longer as [`prepare`](Patch::prepare) found it is not overwritten: somebody else has changed it
    /// in the meantime, and that change would be lost.
    ///
    /// # Errors
    ///
    /// Returns an error if a file has changed since the patch was prepared, or cannot be written. The error lists the
    /// changes that have been made before.
    pub fn write(self) -> Result<PatchSummary, PatchError> {
        let mut done = PatchSummary::default();
        // All files are checked first, so that a patch that no longer applies usually changes nothing.
        for (change, target) in self.changes.iter().zip(&self.targets).filter(|(_, target)| !target.is_new) {
            if !target.is_unchanged(&self.folder) {
                return Err(PatchError::Changed { path: change.path.clone(), done });
            }
        }
        // The access to files that are gone from their places. A file that replaces one of them is no more open.
        let mut accesses = HashMap::new();
        for (change, target) in self.changes.into_iter().zip(self.targets) {
            match target.write(&self.folder, &change, &mut accesses) {
                Ok(()) => done.changes.push((change.kind, change.path, change.move_to)),
                Err(WriteError::Changed) => return Err(PatchError::Changed { path: change.path, done }),
                Err(WriteError::Failed(source)) => {
                    return Err(PatchError::Write { path: change.path, done, source });
                }
            }
        }
        Ok(done)
    }
}

/// The entries that a change affects.
#[derive(Debug)]
struct Target {
    /// The entry that is removed if the file is deleted or moved. It may be a symbolic link.
    entry: PathBuf,
    /// The file before the change.
    file: PathBuf,
    /// The file that the content is written to.
    content: PathBuf,
    /// What the entry led to when the patch was prepared.
    base: Found,
    /// Whether the base is the work of an earlier change of the patch.
    is_new: bool,
}

/// Why a change was not made.
enum WriteError {
    /// The file is not as it was.
    Changed,
    Failed(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Changed,
            _ => Self::Failed(error),
        }
    }
}

impl Target {
    /// Returns whether the entry still leads to what the patch was prepared for.
    fn is_unchanged(&self, folder: &Folder) -> bool {
        let Ok(place) = folder.locate(&self.entry) else { return false };
        match (&self.base, place.leads) {
            (Found::Nothing, Leads::Nowhere)
            | (Found::LinkToNothing, Leads::ToNothing(_))
            | (Found::LinkOut, Leads::Out) => true,
            (Found::File(old), Leads::To(file)) => {
                file == self.file && folder.read(&file).is_ok_and(|now| now.as_ref() == Some(old))
            }
            _ => false,
        }
    }

    fn write(
        &self,
        folder: &Folder,
        change: &PreparedChange,
        accesses: &mut HashMap<PathBuf, Access>,
    ) -> Result<(), WriteError> {
        if !self.is_unchanged(folder) {
            return Err(WriteError::Changed);
        }
        let access = match self.base {
            Found::File(_) => folder.open_file(&self.file)?.map(|file| Access::of(&file)).transpose()?,
            _ => accesses.get(&self.content).cloned().map(Access::for_new_content),
        };
        if change.kind != ChangeKind::Delete {
            let is_in_place = change.kind == ChangeKind::Update && change.move_to.is_none();
            let name = if is_in_place { Name::Taken } else { Name::Free };
            replace::write(folder, &self.content, &change.new, access.as_ref(), name)?;
        }
        if change.kind == ChangeKind::Delete || change.move_to.is_some() {
            replace::remove(folder, &self.entry)?;
            accesses.extend(access.map(|access| (self.entry.clone(), access)));
        }
        Ok(())
    }
}

/// The changes that a patch has made: one line per file, with `A` for added, `M` for changed and `D` for deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchSummary {
    changes: Vec<(ChangeKind, PathBuf, Option<PathBuf>)>,
}

impl PatchSummary {
    /// Returns a suffix for an error message that lists the changes made before the error.
    pub(crate) fn suffix(&self) -> String {
        if self.changes.is_empty() { String::new() } else { format!("; these changes have been made:\n{self}") }
    }
}

impl fmt::Display for PatchSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (kind, path, move_to)) in self.changes.iter().enumerate() {
            let letter = match kind {
                ChangeKind::Add => 'A',
                ChangeKind::Update => 'M',
                ChangeKind::Delete => 'D',
            };
            let line_end = if number == 0 { "" } else { "\n" };
            write!(f, "{line_end}{letter} {}", path.display())?;
            if let Some(target) = move_to {
                write!(f, " -> {}", target.display())?;
            }
        }
        Ok(())
    }
}
