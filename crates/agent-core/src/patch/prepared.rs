//! What a patch does to the files that are there.

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

/// A patch that fits the files it is for. Nothing is written yet.
#[derive(Debug)]
pub struct PreparedPatch {
    changes: Vec<PreparedChange>,
    /// One for each change.
    places: Vec<Place>,
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedChange {
    /// The file, relative to the working directory.
    pub path: PathBuf,
    /// What happens to it.
    pub kind: ChangeKind,
    /// Its new name, if it gets one; relative too.
    pub move_to: Option<PathBuf>,
    /// The content before; empty for a new file. Of a deleted file that is not text, what text there is in it.
    pub old: String,
    /// The content after; empty for a deleted file.
    pub new: String,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file is new.
    Add,
    /// The file gets another content, or another name, or both.
    Update,
    /// The file goes.
    Delete,
}

impl Patch {
    /// Finds out what the patch does to a folder, and changes nothing.
    ///
    /// # Errors
    /// When a file is missing, is there already, or does not have the lines that the patch speaks of.
    pub fn prepare(&self, cwd: &Path) -> Result<PreparedPatch, PatchError> {
        let folder = Folder::open(cwd)?;
        // What earlier sections leave of files that later ones speak of again.
        let mut left: HashMap<PathBuf, Option<Vec<u8>>> = HashMap::new();
        let (mut changes, mut places) = (Vec::new(), Vec::new());
        for section in &self.sections {
            let path = &section.path;
            let real = folder.locate(path)?;
            let look = |left: &HashMap<PathBuf, Option<Vec<u8>>>, path: &Path, real: &Path| match left.get(real) {
                Some(content) => Ok(content.clone()),
                None => folder::read(path, real),
            };
            let old = look(&left, path, &real)?;
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
            left.insert(real.clone(), (!gone).then(|| new.clone().into_bytes()));
            let mut content = real;
            if let Some(target) = &move_to {
                content = folder.locate(target)?;
                if look(&left, target, &content)?.is_some() {
                    return Err(PatchError::Exists { path: target.clone() });
                }
                left.insert(content.clone(), Some(new.clone().into_bytes()));
            }
            places.push(Place { name: folder.name(path), content });
            changes.push(PreparedChange { path: path.clone(), kind, move_to, old, new });
        }
        Ok(PreparedPatch { changes, places })
    }
}

impl PreparedPatch {
    /// Lists the changes in their order.
    pub fn changes(&self) -> &[PreparedChange] {
        &self.changes
    }

    /// Writes the changes, each file at once.
    ///
    /// # Errors
    /// When the system refuses; the error tells which files are changed already.
    pub fn write(self) -> Result<PatchSummary, PatchError> {
        let mut done = PatchSummary::default();
        for (change, place) in self.changes.into_iter().zip(self.places) {
            if let Err(source) = place.write(&change) {
                return Err(PatchError::Write { path: change.path, done, source });
            }
            done.changes.push((change.kind, change.path, change.move_to));
        }
        Ok(done)
    }
}

/// Where a change happens.
#[derive(Debug)]
struct Place {
    /// The name that goes when the file is deleted or gets another; may be a symbolic link.
    name: PathBuf,
    /// Where the content goes.
    content: PathBuf,
}

impl Place {
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

/// What a patch has done: a line for each file, with `A` for an added, `M` for a changed and `D` for a deleted one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchSummary {
    changes: Vec<(ChangeKind, PathBuf, Option<PathBuf>)>,
}

impl PatchSummary {
    /// Tells an error's reader what has been done before it.
    pub(crate) fn aside(&self) -> String {
        if self.changes.is_empty() { String::new() } else { format!("; these changes are made already:\n{self}") }
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
