//! The changes that a patch makes to existing files.

use std::{
    collections::HashMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{
    Patch, PatchError,
    document::Action,
    edit::edit,
    folder::{self, Folder},
};

/// A patch that applies to its files, before anything is written.
#[derive(Debug)]
pub struct PreparedPatch {
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
    /// The content before the change, empty for a new file. If a deleted file is not UTF-8, the invalid bytes are
    /// replaced.
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
        let folder = Folder::open(cwd)?;
        // The files as earlier sections leave them, since later sections may change them again.
        let mut pending: HashMap<PathBuf, Option<Vec<u8>>> = HashMap::new();
        let (mut changes, mut targets) = (Vec::new(), Vec::new());
        for section in &self.sections {
            let path = &section.path;
            let real = folder.locate(path)?;
            let look = |pending: &HashMap<PathBuf, Option<Vec<u8>>>, path: &Path, real: &Path| match pending.get(real) {
                Some(content) => Ok(content.clone()),
                None => folder::read(path, real),
            };
            let old = look(&pending, path, &real)?;
            let (kind, old, new, move_to) = match (&section.action, old) {
                (Action::Add(_), Some(_)) => return Err(PatchError::Exists { path: path.clone() }),
                (Action::Add(content), None) => (ChangeKind::Add, String::new(), content.clone(), None),
                (_, None) => return Err(PatchError::Missing { path: path.clone() }),
                (Action::Delete, Some(old)) => {
                    (ChangeKind::Delete, String::from_utf8_lossy(&old).into_owned(), String::new(), None)
                }
                (Action::Update { move_to, hunks }, Some(old)) => {
                    let old = String::from_utf8(old).map_err(|_| PatchError::NotText { path: path.clone() })?;
                    let new = edit(path, &old, hunks)?;
                    (ChangeKind::Update, old, new, move_to.clone().filter(|target| target != path))
                }
            };
            let gone = kind == ChangeKind::Delete || move_to.is_some();
            pending.insert(real.clone(), (!gone).then(|| new.clone().into_bytes()));
            let mut content = real;
            if let Some(target) = &move_to {
                content = folder.locate(target)?;
                if look(&pending, target, &content)?.is_some() {
                    return Err(PatchError::Exists { path: target.clone() });
                }
                pending.insert(content.clone(), Some(new.clone().into_bytes()));
            }
            targets.push(Target { name: folder.name(path), content });
            changes.push(PreparedChange { path: path.clone(), kind, move_to, old, new });
        }
        Ok(PreparedPatch { changes, targets })
    }
}

impl PreparedPatch {
    /// Returns the changes in order.
    pub fn changes(&self) -> &[PreparedChange] {
        &self.changes
    }

    /// Makes the changes, each file atomically.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written. The error lists the changes that have been made before.
    pub fn write(self) -> Result<PatchSummary, PatchError> {
        let mut done = PatchSummary::default();
        for (change, target) in self.changes.into_iter().zip(self.targets) {
            if let Err(source) = target.write(&change) {
                return Err(PatchError::Write { path: change.path, done, source });
            }
            done.changes.push((change.kind, change.path, change.move_to));
        }
        Ok(done)
    }
}

/// The paths that a change affects.
#[derive(Debug)]
struct Target {
    /// The path that is removed if the file is deleted or moved. It may be a symbolic link.
    name: PathBuf,
    /// The path that the content is written to.
    content: PathBuf,
}

impl Target {
    fn write(&self, change: &PreparedChange) -> io::Result<()> {
        if change.kind != ChangeKind::Delete {
            folder::write(&self.content, &change.new)?;
        }
        if change.kind == ChangeKind::Delete || change.move_to.is_some() {
            fs::remove_file(&self.name)?;
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
