//! From documents to the bytes of shards.

use std::{fmt, io};

use thiserror::Error;

use super::{
    LEVEL,
    frame::{END_BYTES, Frame},
    record::RecordHeader,
};

/// The decompressed size up to which a shard is filled. Only a single larger document makes a larger shard.
///
/// Source: bundle 3, section 1.2.
pub const SHARD_BYTES: u64 = 8 << 20;

/// How many bytes end a shard. If files have a maximum length, a sink keeps this many free at the end of each file.
pub const SHARD_END_BYTES: u64 = END_BYTES as u64;

/// Where the bytes of shards go.
pub trait ShardSink {
    /// Appends all of `bytes` or nothing to the file of a shard ([`shard_path`](crate::shard_path)), and creates the
    /// file if it does not exist. Shards are written in the order of their numbers.
    ///
    /// # Errors
    ///
    /// Nothing was appended.
    fn append(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()>;

    /// Appends the bytes that end a shard, [`SHARD_END_BYTES`]. Nothing will be appended to it after that.
    ///
    /// # Errors
    ///
    /// Nothing was appended. The writer tries again later.
    fn end(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        self.append(shard, bytes)
    }
}

/// Encodes documents as the records of shards, one frame per shard with a checksum and a window of 8 MiB.
///
/// Every record is flushed: once [`write()`](Self::write) has returned, the document can be read, even if the process
/// is killed. A shard is ended before the first record of the next one is written.
pub struct ShardWriter {
    level: i32,
    /// The number of the shard that was begun last; 0 before the first.
    shard: u64,
    /// The frame of that shard. It is kept after its end for its compressor.
    frame: Option<Frame>,
    state: FrameState,
    output: Vec<u8>,
}

/// The state of the last shard's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameState {
    /// It has ended, or was never begun.
    Ended,
    /// It takes more records.
    Open {
        /// The length of its records.
        bytes: u64,
    },
    /// A record could not be written, so the frame takes no more records. It still has to be ended.
    Broken,
}

/// Why a document is not in a shard.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The id of the payload is too long for a record.
    #[error("the id of a payload has {bytes} bytes, and a record of a shard holds at most {}", u16::MAX)]
    Id {
        /// The length of the id.
        bytes: usize,
    },
    /// The document could not be compressed.
    #[error("cannot compress a document for shard {shard}")]
    Compress {
        /// The number of the shard.
        shard: u64,
        /// The error of Zstandard.
        source: io::Error,
    },
    /// The sink failed.
    #[error("cannot write to shard {shard}")]
    Write {
        /// The number of the shard.
        shard: u64,
        /// Why the sink failed.
        source: io::Error,
    },
}

impl ShardWriter {
    /// Begins with shard 1.
    pub fn new() -> Self {
        Self { level: LEVEL, shard: 0, frame: None, state: FrameState::Ended, output: Vec::new() }
    }

    /// Sets the Zstandard level, from 1 to 22. The default is 3. The window is the same at all levels, so Codex can
    /// read all of them.
    #[must_use]
    pub fn level(mut self, level: i32) -> Self {
        self.level = level;
        self
    }

    /// Writes a document and returns the number of the shard that has it. No two documents of a shard may have the same
    /// id.
    ///
    /// If the bytes cannot be appended, a new shard is tried, because the file may have reached a maximum length.
    ///
    /// # Errors
    ///
    /// The document is in no shard. The writer can still take other documents.
    pub fn write(&mut self, sink: &mut impl ShardSink, id: &str, document: &[u8]) -> Result<u64, ShardError> {
        let header = RecordHeader::new(id, document)?;
        let record = header.record(id, document);
        let len = record.iter().map(|text| text.len() as u64).sum::<u64>();
        if let FrameState::Open { bytes } = self.state
            && bytes + len <= SHARD_BYTES
        {
            let shard = self.shard;
            match self.append(sink, shard, &record) {
                Ok(()) => {
                    self.state = FrameState::Open { bytes: bytes + len };
                    return Ok(shard);
                }
                Err(_) => self.state = FrameState::Broken,
            }
        }
        self.end(sink)?;
        let shard = self.shard + 1;
        self.restart(shard)?;
        self.append(sink, shard, &record)?;
        self.shard = shard;
        self.state = FrameState::Open { bytes: len };
        Ok(shard)
    }

    /// Ends the last shard, unless it has ended already. A later document begins a new one.
    ///
    /// # Errors
    ///
    /// The shard was not ended.
    pub fn end(&mut self, sink: &mut impl ShardSink) -> Result<(), ShardError> {
        if self.state != FrameState::Ended
            && let Some(frame) = &self.frame
        {
            let shard = self.shard;
            sink.end(shard, &frame.end()).map_err(|source| ShardError::Write { shard, source })?;
            self.state = FrameState::Ended;
        }
        Ok(())
    }

    /// Begins the frame of a shard.
    fn restart(&mut self, shard: u64) -> Result<(), ShardError> {
        let failed = |source| ShardError::Compress { shard, source };
        match &mut self.frame {
            Some(frame) => frame.restart().map_err(failed),
            None => {
                self.frame = Some(Frame::new(self.level).map_err(failed)?);
                Ok(())
            }
        }
    }

    /// Appends a record to the frame.
    fn append(&mut self, sink: &mut impl ShardSink, shard: u64, record: &[&[u8]]) -> Result<(), ShardError> {
        let frame = self.frame.as_mut().expect("made by restart, which precedes the first record");
        let output = &mut self.output;
        output.clear();
        frame.compress(record, output).map_err(|source| ShardError::Compress { shard, source })?;
        sink.append(shard, output).map_err(|source| ShardError::Write { shard, source })?;
        frame.note_written();
        Ok(())
    }
}

impl Default for ShardWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ShardWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardWriter")
            .field("level", &self.level)
            .field("shard", &self.shard)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
