//! The files of new shards.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use rollout_trace_schema::{shard_path, shards::ShardSink};

use crate::moving::staging::create_file;

/// Writes shards into the folder of a result, which is thrown away if a write fails.
#[derive(Debug)]
pub(super) struct ShardFolder {
    folder: PathBuf,
    open: Option<(u64, File)>,
    /// The first error. A file may have the beginning of what could not be written, so nothing follows it.
    failed: Option<io::ErrorKind>,
}

impl ShardFolder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, open: None, failed: None }
    }

    /// Returns the path of a shard.
    pub(super) fn path(&self, shard: u64) -> PathBuf {
        self.folder.join(shard_path(shard))
    }

    fn write(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != shard) {
            self.open = Some((shard, create_file(&self.path(shard))?));
        }
        let (_, file) = self.open.as_mut().expect("opened above");
        file.write_all(bytes)
    }
}

impl ShardSink for ShardFolder {
    fn append(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let written = self.write(shard, bytes);
        self.failed = written.as_ref().err().map(io::Error::kind);
        written
    }
}
