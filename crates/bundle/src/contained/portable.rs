//! Opening files by their paths, on systems where names cannot be opened relative to an open folder.
//!
//! A path is checked for links before it is opened. A folder that is replaced by a link between the check and the
//! opening is followed. On Windows, where only privileged users can create links, the last name of a path is never
//! followed.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, FileType, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::{Kind, Refusal};

/// The path of a folder.
pub(super) type Folder = PathBuf;

/// Opens a link itself instead of following it.
#[cfg(windows)]
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

pub(super) fn open_root(path: &Path) -> io::Result<Folder> {
    fs::metadata(path)?;
    Ok(path.to_owned())
}

pub(super) fn open_named_file(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() { File::open(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

pub(super) fn open_folder(folder: &Folder, name: &OsStr) -> Result<Folder, Refusal> {
    let path = folder.join(name);
    match kind_from(fs::symlink_metadata(&path)?.file_type()) {
        Kind::Folder => Ok(path),
        Kind::Link => Err(Refusal::Link),
        Kind::File | Kind::Other => Err(Refusal::Io(io::ErrorKind::NotADirectory.into())),
    }
}

pub(super) fn open_file(folder: &Folder, name: &OsStr) -> Result<File, Refusal> {
    let path = folder.join(name);
    match kind_from(fs::symlink_metadata(&path)?.file_type()) {
        Kind::File => {}
        Kind::Link => return Err(Refusal::Link),
        Kind::Folder | Kind::Other => return Err(Refusal::NotAFile),
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, FILE_FLAG_OPEN_REPARSE_POINT);
    Ok(options.open(path)?)
}

pub(super) fn entries(folder: &Folder) -> io::Result<Vec<(OsString, Kind)>> {
    fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), kind_from(entry.file_type()?)))
        })
        .collect()
}

fn kind_from(kind: FileType) -> Kind {
    if kind.is_symlink() {
        Kind::Link
    } else if kind.is_dir() {
        Kind::Folder
    } else if kind.is_file() {
        Kind::File
    } else {
        Kind::Other
    }
}
