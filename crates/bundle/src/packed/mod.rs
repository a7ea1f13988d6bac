//! Reading payloads from a pack file, whose layout [`rollout_trace_schema::packed`] specifies.

mod bare_pack;
mod blocks;
mod header;
mod holes;
mod index;
mod layout;
mod pack_file;
mod payload_pack;
mod records;

pub(crate) use bare_pack::{FromBare, write_bare};
pub(crate) use header::FoundHeader;
pub(crate) use pack_file::probe_pack;
pub use payload_pack::PayloadPack;
pub(crate) use payload_pack::{document_number, number_of};
