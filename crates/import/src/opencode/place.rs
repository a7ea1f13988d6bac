//! Where a session of a store is: a file with many sessions, and an id.

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
};

use crate::sources;

/// What is between the path of a store and a name in it.
const SEPARATOR: char = '#';

/// At how many places a path is divided into a store and a name.
const PLACES: usize = 32;

/// How every database of SQLite begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Returns the path of something in a store: `opencode.db#NAME`.
pub(crate) fn within(store: &Path, name: &str) -> PathBuf {
    let mut path = OsString::from(store);
    path.push(format!("{SEPARATOR}{name}"));
    path.into()
}

/// Returns the store that a path is in, and the name in it, if the path has one. Returns `None` if there is no database.
pub(super) fn locate(path: &Path) -> Option<(PathBuf, Option<String>)> {
    if path.exists() {
        return is_database(path).then(|| (path.to_owned(), None));
    }
    let bytes = path.as_os_str().as_encoded_bytes();
    let places = bytes.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR as u8).map(|(place, _)| place);
    places.take(PLACES).find_map(|place| {
        let (store, name) = (before(path, place)?, std::str::from_utf8(&bytes[place + 1..]).ok()?);
        (!name.is_empty() && is_database(&store)).then(|| (store, Some(name.to_owned())))
    })
}

/// Returns as much of a path.
#[cfg(unix)]
fn before(path: &Path, end: usize) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(&path.as_os_str().as_bytes()[..end]).into())
}

/// Returns as much of a path, if it is Unicode.
#[cfg(not(unix))]
fn before(path: &Path, end: usize) -> Option<PathBuf> {
    path.to_str().map(|path| path[..end].into())
}

/// Returns the database that a path means, by itself or as the place of something in it: `opencode.db#NAME`.
pub fn store_of(path: &Path) -> Option<PathBuf> {
    locate(path).map(|(store, _)| store)
}

/// Returns the path of the file in which SQLite keeps what is not yet in a database.
pub fn write_ahead_log(store: &Path) -> PathBuf {
    let mut path = OsString::from(store);
    path.push("-wal");
    path.into()
}

/// Returns whether a file begins like a database of SQLite.
fn is_database(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    sources::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && start == *MAGIC
}
