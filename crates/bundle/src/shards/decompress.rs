//! From the bytes of a shard's file to its records.

use std::{fmt, io};

use zstd::{
    bulk,
    stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer},
    zstd_safe::find_frame_compressed_size,
};

/// The largest window that is read, as a power of two: 128 MiB. Codex reads windows of up to 8 MiB.
const MAX_WINDOW_LOG: u32 = 27;

/// The longest block of a frame, decompressed.
const BLOCK_BYTES: usize = 128 << 10;

/// The length of a block's header. Together with each block, the decoder asks for the header of the next one.
const BLOCK_HEADER_BYTES: usize = 3;

/// A shard of the usual size, decompressed. A frame that is decompressed at once is not copied out of a window.
const USUAL_BYTES: usize = (8 << 20) + BLOCK_BYTES;

/// The largest memory that is kept to be used again.
const MAX_SPARE_BYTES: usize = 16 << 20;

/// What a shard decompresses to, and how it ends.
#[derive(Debug)]
pub(super) struct Decompressed {
    pub(super) bytes: Vec<u8>,
    pub(super) end: FrameEnd,
}

/// How the frames of a shard end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FrameEnd {
    /// The last frame is whole.
    Whole,
    /// The last frame does not end within the file.
    Open,
    /// The bytes are damaged. Everything before the damage was decompressed.
    Damaged(String),
}

/// Decompresses shards, one after the other.
///
/// The memory that a shard of 8 MiB and its window take costs as much as decompressing into it, so it is used again.
#[derive(Default)]
pub(crate) struct Decompressor {
    decoder: Option<Decoder<'static>>,
    at_once: Option<bulk::Decompressor<'static>>,
    spare: Vec<u8>,
    /// The bytes of the last shard's file.
    pub(super) compressed: Vec<u8>,
}

impl Decompressor {
    /// Takes the bytes of a shard that is no longer needed.
    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.capacity() < bytes.capacity() && bytes.capacity() <= MAX_SPARE_BYTES {
            self.spare = bytes;
        }
    }

    /// Decompresses the frames of a shard. Damage costs only what comes after it.
    pub(super) fn decompress(&mut self, compressed: &[u8], limit: usize) -> Decompressed {
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        if is_one_frame(compressed) {
            bytes.reserve(USUAL_BYTES);
            if bytes.capacity() <= limit && self.decompress_at_once(compressed, &mut bytes).is_ok() {
                return Decompressed { bytes, end: FrameEnd::Whole };
            }
            // It is longer, or damaged: block by block, all that can be read is read.
            bytes.clear();
        }
        let end = match self.decoder() {
            Ok(decoder) => decompress_into(&mut bytes, decoder, compressed, limit),
            Err(error) => FrameEnd::Damaged(error.to_string()),
        };
        Decompressed { bytes, end }
    }

    /// Decompresses a frame that is whole, sound and not longer than `bytes` has room for.
    fn decompress_at_once(&mut self, compressed: &[u8], bytes: &mut Vec<u8>) -> io::Result<usize> {
        let decompressor = match &mut self.at_once {
            Some(decompressor) => decompressor,
            none => none.insert(bulk::Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(compressed, bytes)
    }

    /// Returns the decoder, at the beginning of a frame.
    fn decoder(&mut self) -> io::Result<&mut Decoder<'static>> {
        match &mut self.decoder {
            Some(decoder) => {
                decoder.reinit()?;
                Ok(decoder)
            }
            none => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
                Ok(none.insert(decoder))
            }
        }
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("spare", &self.spare.capacity()).finish_non_exhaustive()
    }
}

/// Returns whether the bytes are one frame, as far as its headers tell, with a window that is read.
///
/// Source: RFC 8878, section 3.1.1.
fn is_one_frame(compressed: &[u8]) -> bool {
    const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let [m0, m1, m2, m3, descriptor, window, ..] = *compressed else { return false };
    let window_log = u32::from(window >> 3) + 10;
    let is_read = descriptor & SINGLE_SEGMENT != 0 || window_log < MAX_WINDOW_LOG;
    [m0, m1, m2, m3] == MAGIC && is_read && find_frame_compressed_size(compressed) == Ok(compressed.len())
}

fn decompress_into(bytes: &mut Vec<u8>, decoder: &mut Decoder<'_>, compressed: &[u8], limit: usize) -> FrameEnd {
    let damaged = |error: io::Error| FrameEnd::Damaged(error.to_string());
    // The decoder says how many bytes it needs next. If it gets no more than one block at a time, an error in a block
    // does not cost the blocks before it.
    let (mut at, mut wanted, mut in_frame) = (0, 1, false);
    loop {
        let feed = &compressed[at..compressed.len().min(at + wanted)];
        if feed.is_empty() && !in_frame {
            return FrameEnd::Whole;
        }
        bytes.reserve(BLOCK_BYTES);
        let filled = bytes.len();
        let room_before = bytes.capacity() - filled;
        let mut input = InBuffer::around(feed);
        let hint = decoder.run(&mut input, &mut OutBuffer::around_pos(bytes, filled));
        at += input.pos();
        let produced = bytes.len() - filled;
        match hint {
            Err(error) => return damaged(error),
            Ok(0) => (wanted, in_frame) = (1, false),
            Ok(hint) => {
                (wanted, in_frame) =
                    (hint.checked_sub(BLOCK_HEADER_BYTES).filter(|wanted| *wanted > 0).unwrap_or(hint), true)
            }
        }
        if bytes.len() > limit {
            bytes.truncate(limit);
            return FrameEnd::Damaged(format!("it decompresses to more than the limit of {limit} bytes"));
        }
        // With room left and nothing to read, the decoder has nothing more to write.
        if feed.is_empty() && in_frame && produced < room_before {
            return FrameEnd::Open;
        }
    }
}
