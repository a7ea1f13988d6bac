//! From given records to the bytes of a shard.

use std::{fmt, io};

use super::{
    ShardError,
    frame::{FRAME_HEADER, Frame},
    record::RecordHeader,
};

/// Encodes a shard whose records are given, however long they are.
///
/// It is for a shard that already exists in another form. A recorder uses [`ShardWriter`](super::ShardWriter), which
/// decides which records make up a shard, and has the same encoding.
///
/// ```
/// use rollout_trace_schema::shards::ShardEncoder;
///
/// let (mut encoder, mut shard) = (ShardEncoder::new()?, Vec::new());
/// encoder.begin(1)?;
/// encoder.record("raw_payload:1", b"[]", &mut shard)?;
/// encoder.end(&mut shard);
/// # Ok::<(), rollout_trace_schema::shards::ShardError>(())
/// ```
///
/// Source: bundle 3, sections 1.1 and 7.
pub struct ShardEncoder {
    shard: u64,
    frame: Frame,
    has_records: bool,
}

impl ShardEncoder {
    /// Begins with no shard.
    ///
    /// # Errors
    ///
    /// The compressor cannot be set up.
    pub fn new() -> Result<Self, ShardError> {
        Ok(Self { shard: 0, frame: Frame::new(super::LEVEL).map_err(failed(0))?, has_records: false })
    }

    /// Begins a shard. Its number appears only in errors.
    ///
    /// # Errors
    ///
    /// The compressor failed.
    pub fn begin(&mut self, shard: u64) -> Result<(), ShardError> {
        (self.shard, self.has_records) = (shard, false);
        self.frame.restart().map_err(failed(shard))
    }

    /// Appends a record to `out`, flushed. No two records of a shard may have the same id.
    ///
    /// # Errors
    ///
    /// The id is too long, and nothing was appended; or the compressor failed.
    pub fn record(&mut self, id: &str, document: &[u8], out: &mut Vec<u8>) -> Result<(), ShardError> {
        let header = RecordHeader::new(id, document)?;
        self.frame.compress(&header.record(id, document), out).map_err(failed(self.shard))?;
        self.frame.note_written();
        self.has_records = true;
        Ok(())
    }

    /// Appends what ends the shard. A shard without records is empty.
    pub fn end(&self, out: &mut Vec<u8>) {
        if self.has_records {
            out.extend(self.frame.end());
        }
    }

    /// Appends what a shard must have that is not ended, as if its recorder had been killed. Only a shard without records
    /// lacks anything.
    pub fn leave_open(&self, out: &mut Vec<u8>) {
        if !self.has_records {
            out.extend(FRAME_HEADER);
        }
    }
}

impl fmt::Debug for ShardEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardEncoder").field("shard", &self.shard).finish_non_exhaustive()
    }
}

fn failed(shard: u64) -> impl Fn(io::Error) -> ShardError {
    move |source| ShardError::Compress { shard, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_with_and_without_records_and_end() {
        let mut encoder = ShardEncoder::new().expect("a compressor");
        for shard in 1..=2 {
            encoder.begin(shard).expect("it compresses");
            let mut bytes = Vec::new();
            encoder.leave_open(&mut bytes);
            assert!(zstd::decode_all(&bytes[..]).is_err(), "a frame that does not end");
            bytes.clear();
            encoder.end(&mut bytes);
            assert_eq!(bytes, b"");

            encoder.record("x", b"1", &mut bytes).expect("it compresses");
            assert!(bytes.starts_with(&FRAME_HEADER), "{bytes:?}");
            let before = bytes.len();
            encoder.leave_open(&mut bytes);
            assert_eq!(bytes.len(), before);
            encoder.end(&mut bytes);
            assert_eq!(zstd::decode_all(&bytes[..]).expect("a frame"), b"\x01\0\x01\0\0\0\0\0\0\0x1");
        }
    }
}
