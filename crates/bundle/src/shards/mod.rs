//! The payloads of schema 3: records in compressed shards, and documents assembled from them.
//!
//! Source: bundle 3, section 1.

mod assembly;
mod decompress;
mod facts;
mod shard;
mod shard_files;

pub use assembly::PayloadShards;
