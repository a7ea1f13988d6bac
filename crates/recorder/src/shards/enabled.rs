//! Writing documents into shards.

use std::io;

use rollout_trace_schema::shards::{SHARD_END_BYTES, ShardError, ShardSink, ShardWriter};

use crate::sink::{Appender, Sink};

/// The shards of a bundle, of which only the last one is open.
///
/// Documents are compressed under the writer's lock, because each is compressed against the ones before it.
pub(crate) struct Shards {
    writer: ShardWriter,
    open: Option<(u64, Appender)>,
    /// How many bytes all shards have.
    bytes: u64,
}

struct Files<'a> {
    sink: &'a Sink,
    open: &'a mut Option<(u64, Appender)>,
    bytes: &'a mut u64,
}

impl Shards {
    /// Begins without any shard.
    pub(crate) fn begin() -> Option<Self> {
        Some(Self { writer: ShardWriter::new(), open: None, bytes: 0 })
    }

    /// Writes a document, and returns the number of its shard. A reader can see the document when the call returns.
    pub(crate) fn write(&mut self, sink: &Sink, id: &str, document: &[u8]) -> io::Result<u64> {
        let Self { writer, open, bytes } = self;
        writer.write(&mut Files { sink, open, bytes }, id, document).map_err(io_error)
    }

    /// Ends the last shard.
    pub(crate) fn end(&mut self, sink: &Sink) -> io::Result<()> {
        let Self { writer, open, bytes } = self;
        writer.end(&mut Files { sink, open, bytes }).map_err(io_error)
    }

    /// Returns how many bytes all shards have.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn io_error(error: ShardError) -> io::Error {
    match error {
        ShardError::Compress { source, .. } | ShardError::Write { source, .. } => source,
        error => io::Error::other(error),
    }
}

impl Files<'_> {
    fn appender(&mut self, shard: u64) -> io::Result<&mut Appender> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != shard) {
            *self.open = Some((shard, self.sink.shard(shard)?));
        }
        Ok(&mut self.open.as_mut().expect("opened above").1)
    }
}

impl ShardSink for Files<'_> {
    fn append(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        let appender = self.appender(shard)?;
        appender.check_limit(bytes.len() as u64 + SHARD_END_BYTES)?;
        if appender.is_torn() {
            // Nothing that follows the remains of a failed write can be read.
            return Err(io::ErrorKind::InvalidData.into());
        }
        appender.append(bytes)?;
        *self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn end(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        let appender = self.appender(shard)?;
        if !appender.is_torn() {
            appender.append(bytes)?;
            *self.bytes += bytes.len() as u64;
        }
        // What precedes the remains of a failed write can be read without an end, and a new shard takes what follows.
        Ok(())
    }
}
