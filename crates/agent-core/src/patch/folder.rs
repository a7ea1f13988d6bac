//! The folder that a patch may touch.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::PatchError;

/// A folder, outside which nothing is read or written.
#[derive(Debug)]
pub(crate) struct Folder {
    /// The path of the folder, without symbolic links.
    root: PathBuf,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Self, PatchError> {
        let source = |source| PatchError::Read { path: root.to_owned(), source };
        Ok(Self { root: fs::canonicalize(root).map_err(source)? })
    }

    /// Returns the path of an existing or new file, with symbolic links resolved.
    pub(crate) fn locate(&self, path: &Path) -> Result<PathBuf, PatchError> {
        let full = self.root.join(path);
        // A new file is located below the nearest folder that exists.
        for existing in full.ancestors() {
            if fs::symlink_metadata(existing).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                continue;
            }
            let real =
                fs::canonicalize(existing).map_err(|source| PatchError::Read { path: path.to_owned(), source })?;
            if !real.starts_with(&self.root) {
                return Err(PatchError::LeadsOut { path: path.to_owned() });
            }
            let missing = full.strip_prefix(existing).unwrap_or(Path::new(""));
            return Ok(if missing.as_os_str().is_empty() { real } else { real.join(missing) });
        }
        Err(PatchError::Missing { path: path.to_owned() })
    }

    /// Returns the path of a file in the folder, which may be a symbolic link.
    pub(crate) fn name(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }
}

/// Reads a file. Returns `None` if it does not exist.
pub(crate) fn read(path: &Path, real: &Path) -> Result<Option<Vec<u8>>, PatchError> {
    match fs::metadata(real) {
        // Reading a pipe might block forever.
        Ok(metadata) if !metadata.is_file() => return Err(PatchError::NotAFile { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PatchError::Read { path: path.to_owned(), source }),
    }
    fs::read(real).map(Some).map_err(|source| PatchError::Read { path: path.to_owned(), source })
}

/// Writes a temporary file and renames it, so that nobody sees a partial file. The permissions of an existing file are
/// kept.
pub(crate) fn write(real: &Path, content: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let parent = real.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    // The system applies the process's umask to these permissions.
    let all_permissions = fs::Permissions::from_mode(0o666);
    let file = tempfile::Builder::new().prefix(".patch-").permissions(all_permissions).tempfile_in(parent)?;
    fs::write(file.path(), content)?;
    if let Ok(old) = fs::metadata(real) {
        fs::set_permissions(file.path(), old.permissions())?;
    }
    file.persist(real)?;
    Ok(())
}
