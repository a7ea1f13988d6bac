//! Opens trace bundles of any schema version and layout, however damaged they are.
//!
//! A [`Bundle`] yields its raw events as [`Evidence`], in causal order, with a [`Problem`] wherever the log is damaged
//! or surprising, and loads its payload documents through a [`PayloadSource`]. Nothing here interprets an event.
//!
//! Payloads are separate files, records of one pack file, or records of compressed shards (schema 3), and a whole
//! bundle may be packed into one archive. All forms are read in the same way. [`convert`], [`pack()`] and [`unpack`]
//! turn one form into another; [`convert_to_schema_3`] turns a bundle of schema 2 into one that Codex 0.171.0 reads.

#![forbid(unsafe_code)]

mod ahead;
mod archive;
mod contained;
mod decode;
mod discover;
mod events;
mod lenient_json;
mod line;
mod manifest;
mod moving;
mod open;
mod packed;
mod packing;
mod passed;
mod payload_files;
mod payloads;
mod sequencer;
mod shards;
mod spent;
mod version;

pub use contained::{BundleFile, open_file_in};
pub use discover::{FoundBundle, find_bundles, walk_bundles};
pub use events::Events;
pub use moving::{
    ARCHIVE_SUFFIX, BundleWriter, ConvertError, Converted, Existing, Loss, NewDocument, Packed, StagedFile, convert,
    convert_to_schema_3, pack, remove_unfinished, unpack,
};
pub use open::{Bundle, OpenError, holds_bundle};
pub use packed::PayloadPack;
pub use payload_files::PayloadFiles;
pub use payloads::Payloads;
pub use rollout_trace_evidence::{
    BundleHeader, Evidence, Limits, LocatedEvent, PayloadBuffer, PayloadError, PayloadSource, Problem,
};
pub use rollout_trace_schema::PayloadLayout;
pub use sequencer::{LogLine, Sequencer};
pub use shards::PayloadShards;
