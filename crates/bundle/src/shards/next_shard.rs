//! Reading the next shard ahead of its use.

use std::thread::{self, JoinHandle};

use super::{decompress::Decompressor, shard::Shard, shard_files};
use crate::{PayloadError, contained::ContainedFolder};

/// The longest shard that is read ahead, compressed and decompressed. Nothing may refer to the shard, so it must not cost
/// much; a longer one is read when it is needed.
const MAX_BYTES: usize = 16 << 20;

/// A shard that another OS thread reads, because the one before it has just been used.
///
/// Decompressing is more than half of the work of reducing a bundle with shards, and is independent of the rest.
#[derive(Debug)]
pub(super) struct NextShard {
    number: u64,
    thread: JoinHandle<Outcome>,
}

/// The decompressor, to be used again, and what [`shard_files::read`] returned.
type Outcome = (Decompressor, Result<(u64, Shard), PayloadError>);

impl NextShard {
    /// Starts to read a shard. Returns `None` if there is no OS thread for it.
    pub(super) fn start(
        number: u64,
        mut folder: ContainedFolder,
        mut decompressor: Decompressor,
        limit: usize,
    ) -> Option<Self> {
        let read = move || {
            let read = shard_files::read(&mut folder, number, (&mut decompressor, limit.min(MAX_BYTES)));
            (decompressor, read)
        };
        let thread = thread::Builder::new().name("rollout-trace-shard".to_owned()).spawn(read).ok()?;
        Some(Self { number, thread })
    }

    pub(super) fn is(&self, number: u64) -> bool {
        self.number == number
    }

    /// Waits for the shard. Returns `None` if it could not be read whole, and so must be read again.
    pub(super) fn wait(self) -> Option<(Decompressor, (u64, Shard))> {
        let (decompressor, read) = self.thread.join().ok()?;
        let (file_len, shard) = read.ok().filter(|(_, shard)| shard.state.damage.is_none())?;
        Some((decompressor, (file_len, shard)))
    }
}
