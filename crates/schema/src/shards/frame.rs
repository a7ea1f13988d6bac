//! One Zstandard frame that grows record by record.

use std::{hash::Hasher, io};

use twox_hash::XxHash64;
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

/// The window as a power of two: 8 MiB, which is the most that the official reducer accepts, and as much as a shard
/// holds.
const WINDOW_LOG: u32 = 23;

/// The bytes that begin every frame: the magic number, then that there is a checksum and no content size, then the window.
pub(super) const FRAME_HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x04, ((WINDOW_LOG - 10) << 3) as u8];

/// An empty block that is the last one of its frame.
const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// The bytes that end a frame: its last block and its checksum.
pub(super) const END_BYTES: usize = LAST_BLOCK.len() + 4;

/// Compresses records into one frame, and keeps what is needed to end it.
///
/// If bytes that the compressor returned could not be written, it cannot continue, because what follows would refer to
/// them. The frame can still be ended, because its end depends only on the records that were written.
pub(super) struct Frame {
    encoder: Encoder<'static>,
    /// The checksum of the records that were written.
    written: XxHash64,
    /// The same, including the record that was compressed last.
    compressed: XxHash64,
}

impl Frame {
    pub(super) fn new(level: i32) -> io::Result<Self> {
        let mut encoder = Encoder::new(level)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        // A request repeats most of the one before it, which may begin megabytes back.
        encoder.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        encoder.set_parameter(CParameter::ContentSizeFlag(false))?;
        Ok(Self { encoder, written: XxHash64::with_seed(0), compressed: XxHash64::with_seed(0) })
    }

    /// Begins another frame with the same compressor.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.encoder.reinit()?;
        self.written = XxHash64::with_seed(0);
        self.compressed = XxHash64::with_seed(0);
        Ok(())
    }

    /// Compresses the record that consists of `texts`, and appends all of its bytes to `output`.
    pub(super) fn compress(&mut self, texts: &[&[u8]], output: &mut Vec<u8>) -> io::Result<()> {
        self.compressed = self.written.clone();
        for text in texts {
            self.compressed.write(text);
            let mut input = InBuffer::around(text);
            while input.pos() < text.len() {
                output.reserve(zstd::zstd_safe::CCtx::out_size());
                let end = output.len();
                self.encoder.run(&mut input, &mut OutBuffer::around_pos(output, end))?;
            }
        }
        loop {
            output.reserve(zstd::zstd_safe::CCtx::out_size());
            let end = output.len();
            if self.encoder.flush(&mut OutBuffer::around_pos(output, end))? == 0 {
                return Ok(());
            }
        }
    }

    /// Notes that the record that was compressed last was written.
    pub(super) fn note_written(&mut self) {
        self.written = self.compressed.clone();
    }

    /// Returns the bytes that end the frame after the records that were written.
    pub(super) fn end(&self) -> [u8; END_BYTES] {
        let [a, b, c, d, ..] = self.written.finish().to_le_bytes();
        let [x, y, z] = LAST_BLOCK;
        [x, y, z, a, b, c, d]
    }
}
