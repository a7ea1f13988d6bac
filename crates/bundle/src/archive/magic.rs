//! Recognizing archives by their first bytes.

use std::{fs::File, io::Read, path::Path};

use crate::{contained::open_named_file, moving::ConvertError};

/// The first bytes of a zstd frame.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The bytes after the first one of a skippable frame, and the range of the first one.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
const SKIPPABLE_FIRST: std::ops::RangeInclusive<u8> = 0x50..=0x5f;

/// Returns whether a file is compressed like an archive.
pub(crate) fn is_archive(path: &Path) -> bool {
    open_named_file(path).is_ok_and(|mut file| starts_like_an_archive(&mut file).is_ok())
}

/// Opens an archive, unless its first bytes show that it is not an archive.
pub(super) fn open_archive(path: &Path) -> Result<File, ConvertError> {
    let not_an_archive = |reason: &str| ConvertError::NotAnArchive { path: path.to_owned(), reason: reason.to_owned() };
    if !path.metadata().map_err(ConvertError::read(path))?.is_file() {
        return Err(not_an_archive("it is not a file"));
    }
    let mut file = open_named_file(path).map_err(ConvertError::read(path))?;
    starts_like_an_archive(&mut file).map_err(not_an_archive)?;
    open_named_file(path).map_err(ConvertError::read(path))
}

fn starts_like_an_archive(file: &mut File) -> Result<(), &'static str> {
    let mut start = Vec::new();
    match file.take(FRAME.len() as u64).read_to_end(&mut start) {
        Ok(0) => return Err("it is empty"),
        Ok(_) => {}
        Err(_) => return Err("it cannot be read"),
    }
    let is_skippable =
        matches!(start.as_slice(), [first, rest @ ..] if SKIPPABLE_FIRST.contains(first) && *rest == SKIPPABLE);
    if start == FRAME || is_skippable { Ok(()) } else { Err("it is not compressed by zstd") }
}
