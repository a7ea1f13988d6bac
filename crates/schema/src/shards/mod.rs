//! Writing the shards of schema 3 (feature `shards`).
//!
//! A shard is a file of Zstandard data that decompresses to records, one for each payload. [`ShardWriter`] turns
//! documents into the bytes of these files, and a [`ShardSink`] puts the bytes where they belong; nothing here does
//! I/O.
//!
//! ```
//! use std::{collections::BTreeMap, io};
//!
//! use rollout_trace_schema::shards::{ShardSink, ShardWriter};
//!
//! #[derive(Default)]
//! struct Memory(BTreeMap<u64, Vec<u8>>);
//!
//! impl ShardSink for Memory {
//!     fn append(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
//!         self.0.entry(shard).or_default().extend_from_slice(bytes);
//!         Ok(())
//!     }
//! }
//!
//! let (mut shards, mut files) = (ShardWriter::new(), Memory::default());
//! let shard = shards.write(&mut files, "raw_payload:1", b"[]")?;
//! assert_eq!(shard, 1);
//! // From here on an event may refer to `raw_payload:1` in shard 1.
//! shards.end(&mut files)?;
//! assert!(files.0[&1].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
//! # Ok::<(), rollout_trace_schema::shards::ShardError>(())
//! ```
//!
//! Source: bundle 3, sections 1.1 and 7.

mod frame;
mod record;
mod shard_encoder;
mod shard_writer;

pub use shard_encoder::ShardEncoder;
pub use shard_writer::{SHARD_BYTES, SHARD_END_BYTES, ShardError, ShardSink, ShardWriter};

/// The default level of compression.
const LEVEL: i32 = 3;
