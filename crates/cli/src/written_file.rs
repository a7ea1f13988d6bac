//! Files that appear whole.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::Path,
};

use rollout_trace::bundle::{Existing, StagedFile};

use crate::failure::Failure;

/// Writes the user's file, and atomically replaces the previous one.
pub(crate) fn save_as<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, Failure> {
    let written = match path.metadata() {
        // A pipe or device is written to instead of replaced.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            fs::OpenOptions::new().write(true).open(path).and_then(|file| write_all(file, write)).map(|(_, done)| done)
        }
        Ok(_) => path.canonicalize().and_then(|path| replace(&path, write)),
        Err(_) => replace(path, write),
    };
    written.map_err(|error| {
        let hint = "the previous file is unchanged; use another FILE, or -o - for stdout";
        Failure::io("cannot write", path, &error, hint)
    })
}

/// Writes a temporary file next to the path, readable only by its owner, and renames it when it is complete.
pub(crate) fn replace<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
    let mut staged = StagedFile::beside(path)?;
    let (file, done) = write_all(staged.as_file_mut(), write)?;
    file.sync_all()?;
    staged.publish(Existing::Replace)?;
    Ok(done)
}

fn write_all<F: Write, T>(file: F, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<(F, T)> {
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let done = write(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((file, done))
}
