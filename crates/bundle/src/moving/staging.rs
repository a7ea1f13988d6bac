//! Results that appear complete or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    ConvertError,
    unfinished::{PREFIX, Unfinished, making},
};

/// A folder beside the future place of a result. Only its owner can access it, and it is removed unless it becomes the
/// result.
#[derive(Debug)]
pub(super) struct Staging {
    target: PathBuf,
    // Dropped in this order: the folder is removed first.
    folder: TempDir,
    _unfinished: Unfinished,
}

impl Staging {
    pub(super) fn new(target: &Path) -> Result<Self, ConvertError> {
        refuse_existing(target)?;
        let parent = parent(target);
        let made = Unfinished::make(|| private_folder(parent));
        let (folder, unfinished) = made.map_err(|error| ConvertError::write(target)(not_made(target, &error)))?;
        Ok(Self { target: target.to_owned(), folder, _unfinished: unfinished })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the folder, or a folder inside it, the result.
    pub(super) fn publish(self, result: &Path) -> Result<(), ConvertError> {
        let _making = making();
        refuse_existing(&self.target)?;
        fs::rename(result, &self.target).map_err(ConvertError::write(&self.target))?;
        if result == self.folder.path() {
            // The folder has been moved, so there is nothing to remove.
            let _ = self.folder.keep();
        }
        Ok(())
    }
}

/// Makes a temporary folder that only its owner can list.
fn private_folder(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(parent)
}

/// Returns the folder that contains the last component of a path.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns why nothing temporary can be made beside a result. The original error names the temporary thing, which means
/// nothing to the user.
pub(super) fn not_made(target: &Path, error: &io::Error) -> io::Error {
    let folder = parent(target);
    match error.kind() {
        io::ErrorKind::NotFound if !folder.exists() => {
            io::Error::new(io::ErrorKind::NotFound, format!("the folder {} does not exist", folder.display()))
        }
        kind => kind.into(),
    }
}

fn refuse_existing(path: &Path) -> Result<(), ConvertError> {
    match path.symlink_metadata() {
        Ok(_) => Err(ConvertError::Exists { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ConvertError::write(path)(error)),
    }
}

/// Makes a file that only its owner can read.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _making = making();
    options.open(path)
}

/// Makes a folder and its missing parents. Only their owner can list them.
pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let _making = making();
    builder.create(path)
}
