//! The payloads of schema 3: records in compressed shards, and documents assembled from them.
//!
//! Source: bundle 3, section 1.

mod assembly;
mod decompress;
mod facts;
mod next_shard;
mod packed_shards;
mod shard;
mod shard_files;
mod shard_records;

pub use assembly::PayloadShards;
pub(crate) use packed_shards::{Holding, PackedShards};
pub(crate) use shard::{Shard, ShardState};
pub(crate) use shard_files::read_shard;
