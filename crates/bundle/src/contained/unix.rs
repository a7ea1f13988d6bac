//! Opening by names relative to the descriptors of folders.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};

use super::{Kind, Refusal};

/// An open folder.
pub(super) type Folder = OwnedFd;

/// Opens the folder at a path that the user named, which may contain links.
pub(super) fn open_root(path: &Path) -> io::Result<Folder> {
    Ok(openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a file at a path that the user named, which may contain links. A pipe is not waited for.
pub(super) fn open_named_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Opens a folder in a folder.
pub(super) fn open_folder(folder: &Folder, name: &OsStr) -> Result<Folder, Refusal> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map_err(|error| refusal(folder, name, error))
}

/// Opens a file in a folder. The result may be anything but a link.
pub(super) fn open_file(folder: &Folder, name: &OsStr) -> Result<File, Refusal> {
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        // A socket, or a device without a driver.
        Err(Errno::NXIO | Errno::NODEV) => Err(Refusal::NotAFile),
        Err(error) => Err(refusal(folder, name, error)),
    }
}

/// Returns what a folder contains, without `.` and `..`.
pub(super) fn entries(folder: &Folder) -> io::Result<Vec<(OsString, Kind)>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            // Not every file system reports the kinds of entries.
            FileType::Unknown => kind_of(folder, name),
            known => known,
        };
        entries.push((name.to_owned(), kind_from(kind)));
    }
    Ok(entries)
}

/// Systems report a link that is not followed by different errors, so its kind is looked up.
fn refusal(folder: &Folder, name: &OsStr, error: Errno) -> Refusal {
    // What does not exist is no link, and is asked for often.
    if error != Errno::NOENT && kind_of(folder, name) == FileType::Symlink {
        Refusal::Link
    } else {
        Refusal::Io(error.into())
    }
}

fn kind_of(folder: &Folder, name: &OsStr) -> FileType {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
}

fn kind_from(kind: FileType) -> Kind {
    match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    }
}
