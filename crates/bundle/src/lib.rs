//! Opens trace bundles, whatever wrote them and whatever happened to them.
//!
//! A [`Bundle`] gives its raw events as [`Evidence`], in causal order and with a [`Problem`] wherever the log surprises,
//! and its payload documents through a [`PayloadSource`]. Nothing here interprets an event.

#![forbid(unsafe_code)]

mod contained;
mod decode;
mod discover;
mod events;
mod evidence;
mod header;
mod lenient_json;
mod limits;
mod line;
mod manifest;
mod open;
mod pack_file;
mod packed_payloads;
mod passed;
mod payload;
mod payload_files;
mod payloads;
mod problem;
mod sequencer;

pub use discover::{FoundBundle, find_bundles};
pub use events::Events;
pub use evidence::{Evidence, LocatedEvent};
pub use header::BundleHeader;
pub use lenient_json::pair_surrogates;
pub use limits::Limits;
pub use open::{Bundle, OpenError};
pub use packed_payloads::PackedPayloads;
pub use payload::{PayloadBuffer, PayloadError, PayloadSource};
pub use payload_files::PayloadFiles;
pub use payloads::BundlePayloads;
pub use problem::Problem;
pub use sequencer::{LogLine, Sequencer};
