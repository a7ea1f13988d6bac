//! The payload source for one file per payload.

use std::{
    io::{self, ErrorKind, Read},
    path::PathBuf,
};

use rollout_trace_schema::PayloadRef;

use crate::{Limits, PayloadBuffer, PayloadError, PayloadSource, contained::ContainedFolder};

/// Reads payload documents from the files of a bundle, and never from outside of it.
#[derive(Debug)]
pub struct PayloadFiles {
    folder: ContainedFolder,
    limit: usize,
    /// Begins with the document that was read last.
    scratch: Vec<u8>,
}

impl PayloadFiles {
    /// Reads payloads of the bundle in `folder`.
    pub fn new(folder: impl Into<PathBuf>, limits: &Limits) -> Self {
        Self::open_in(ContainedFolder::new(folder.into()), limits)
    }

    pub(crate) fn open_in(folder: ContainedFolder, limits: &Limits) -> Self {
        Self { folder, limit: limits.max_payload_bytes, scratch: Vec::new() }
    }
}

impl PayloadSource for PayloadFiles {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let path = reference.path().ok_or_else(|| PayloadError::NoPlace { payload: reference.to_string() })?;
        let (file, size) = self.folder.open(path)?;
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(PayloadError::TooLarge { path: path.to_owned(), bytes: size, limit: self.limit });
        }
        if let Some(held) = file.held() {
            buffer.replace_with(&reference.raw_payload_id, held);
            return Ok(());
        }
        let document = read_exactly(file, length, &mut self.scratch)
            .map_err(|source| PayloadError::Read { path: self.folder.path().join(path), source })?;
        buffer.replace_with(&reference.raw_payload_id, document);
        Ok(())
    }
}

/// Reads the file's first `length` bytes, or fewer if the file has been truncated since, into the beginning of `scratch`.
///
/// The scratch never becomes shorter, so that its memory is filled with zeros only once.
pub(crate) fn read_exactly(mut file: impl Read, length: usize, scratch: &mut Vec<u8>) -> io::Result<&[u8]> {
    if scratch.len() < length {
        scratch.resize(length, 0);
    }
    let mut filled = 0;
    while filled < length {
        match file.read(&mut scratch[filled..length]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&scratch[..filled])
}
