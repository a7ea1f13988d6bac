//! Reading payloads that lie in one file, by the layout that [`rollout_trace_schema::packed`] describes.

mod blocks;
mod header;
mod holes;
mod index;
mod layout;
mod payload_pack;
mod records;

pub(crate) use blocks::Blocks;
pub(crate) use header::{Header, read_header};
pub(crate) use layout::{Segment, push, slice};
pub use payload_pack::PayloadPack;
pub(crate) use payload_pack::document_number;
