//! Unpacking an archive that cannot be trusted.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{
    ConvertError,
    staging::{Staging, create_file, create_folders},
};
use crate::{
    Limits, Problem,
    archive::{ArchivedFile, Sink, Stop, TOO_LONG, read_archive},
};

/// The inverse of [`pack`](super::pack): writes the bundle in `archive` to the new folder `target`. Returns what was
/// wrong.
///
/// If the archive is damaged, everything before the damage is unpacked. Nothing is written outside the folder, no link
/// is made, and no more is unpacked than [`Limits::max_archive_bytes`] and [`Limits::max_archive_entries`] allow. Nothing
/// is held in memory, so the limits may be far higher than for reading.
///
/// # Errors
///
/// The archive contains no bundle, or more than one; or the result could not be written, and nothing is left of it; or
/// something already exists at `target`, which is untouched.
pub fn unpack(
    archive: impl AsRef<Path>,
    target: impl AsRef<Path>,
    limits: &Limits,
) -> Result<Vec<Problem>, ConvertError> {
    let staging = Staging::new(target.as_ref())?;
    let mut unpacking = Unpacking { folder: staging.path() };
    let (problems, bundle) = read_archive(archive.as_ref(), limits, &mut unpacking)?;
    let folder = staging.path().join(bundle);
    staging.publish(&folder)?;
    Ok(problems)
}

struct Unpacking<'a> {
    folder: &'a Path,
}

impl Sink for Unpacking<'_> {
    fn folder(&mut self, path: &str) -> Result<(), Stop> {
        let target = self.folder.join(path);
        create_folders(&target).map_err(|error| stop(&target, error))
    }

    fn file(&mut self, file: ArchivedFile<'_>) -> Result<(), Stop> {
        let target = self.folder.join(file.path);
        let folder = target.parent().unwrap_or(self.folder);
        let created = create_folders(folder).and_then(|()| create_file(&target));
        let mut created = created.map_err(|error| stop(&target, error))?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match file.bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Archive(error)),
            };
            created.write_all(&buffer[..count]).map_err(|error| stop(&target, error))?;
        }
        if let Some(time) = file.modified {
            // A file with a wrong time is better than none.
            let _ = created.set_modified(time);
        }
        Ok(())
    }

    fn is_done(&mut self, _position: u64) -> bool {
        false
    }
}

/// A name that this file system refuses costs only its entry. What else prevents writing ends the unpacking.
fn stop(target: &Path, error: io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::InvalidFilename => Stop::Entry(TOO_LONG),
        // Two names of the archive are one name for a file system that ignores case.
        io::ErrorKind::AlreadyExists => Stop::Entry("something already exists at its path"),
        _ => Stop::Write(target.to_owned(), error),
    }
}
