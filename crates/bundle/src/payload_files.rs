//! Payloads that lie in one file each.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::PathBuf,
};

use rollout_trace_schema::PayloadRef;

use crate::{Limits, PayloadBuffer, PayloadError, PayloadSource, contained::ContainedFolder};

/// Reads payload documents from the files of a bundle: each in one go, and none from outside.
#[derive(Debug)]
pub struct PayloadFiles {
    folder: ContainedFolder,
    limit: usize,
    /// The document being read; after that, the one which it replaced.
    scratch: Vec<u8>,
}

impl PayloadFiles {
    /// Reads payloads of the bundle in `folder`.
    pub fn new(folder: impl Into<PathBuf>, limits: &Limits) -> Self {
        Self { folder: ContainedFolder::new(folder.into()), limit: limits.max_payload_bytes, scratch: Vec::new() }
    }
}

impl PayloadSource for PayloadFiles {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let (file, size) = self.folder.open(&reference.path)?;
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(PayloadError::TooLarge { path: reference.path.clone(), bytes: size, limit: self.limit });
        }
        read_exactly(file, length, &mut self.scratch)
            .map_err(|source| PayloadError::Read { path: self.folder.path().join(&reference.path), source })?;
        buffer.replace(&reference.raw_payload_id, &mut self.scratch);
        Ok(())
    }
}

/// Fills `bytes` with the file's first `length` bytes; with fewer if it was cut meanwhile.
pub(crate) fn read_exactly(mut file: File, length: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize(length, 0);
    let mut filled = 0;
    while filled < length {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(())
}
