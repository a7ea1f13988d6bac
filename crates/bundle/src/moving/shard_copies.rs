//! Writing shards with given records.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use rollout_trace_schema::{
    shard_path,
    shards::{ShardEncoder, ShardError},
};

use super::{ConvertError, staging::create_file};

/// Writes shards into the folder of a result.
pub(super) struct ShardCopies {
    folder: PathBuf,
    encoder: ShardEncoder,
    bytes: Vec<u8>,
}

/// A shard that is being written.
pub(super) struct ShardCopy<'a> {
    path: PathBuf,
    file: BufWriter<File>,
    encoder: &'a mut ShardEncoder,
    bytes: &'a mut Vec<u8>,
}

impl ShardCopies {
    pub(super) fn new(folder: &Path) -> Result<Self, ConvertError> {
        let encoder = ShardEncoder::new().map_err(|error| failed(folder, error))?;
        Ok(Self { folder: folder.to_owned(), encoder, bytes: Vec::new() })
    }

    pub(super) fn begin(&mut self, shard: u64) -> Result<ShardCopy<'_>, ConvertError> {
        let path = self.folder.join(shard_path(shard));
        let file = create_file(&path).map_err(ConvertError::write(&path))?;
        self.encoder.begin(shard).map_err(|error| failed(&path, error))?;
        Ok(ShardCopy { path, file: BufWriter::new(file), encoder: &mut self.encoder, bytes: &mut self.bytes })
    }
}

impl ShardCopy<'_> {
    /// Writes a record. Returns `false` if no record can have the id, because it is too long.
    pub(super) fn add(&mut self, id: &str, document: &[u8]) -> Result<bool, ConvertError> {
        match self.encoder.record(id, document, self.bytes) {
            Ok(()) => self.write().map(|()| true),
            Err(ShardError::Id { .. }) => Ok(false),
            Err(error) => Err(failed(&self.path, error)),
        }
    }

    /// Ends the shard.
    pub(super) fn end(mut self) -> Result<(), ConvertError> {
        self.encoder.end(self.bytes);
        self.finish()
    }

    /// Leaves the shard without an end.
    pub(super) fn leave_open(mut self) -> Result<(), ConvertError> {
        self.encoder.leave_open(self.bytes);
        self.finish()
    }

    fn finish(&mut self) -> Result<(), ConvertError> {
        self.write()?;
        self.file.flush().map_err(ConvertError::write(&self.path))
    }

    fn write(&mut self) -> Result<(), ConvertError> {
        let written = self.file.write_all(self.bytes);
        self.bytes.clear();
        written.map_err(ConvertError::write(&self.path))
    }
}

fn failed(path: &Path, error: ShardError) -> ConvertError {
    ConvertError::write(path)(io::Error::other(error))
}
