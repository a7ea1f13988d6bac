//! Writing a pack file from complete documents.

mod content_index;
mod document_writer;
mod pack_writer;
mod units;

pub(crate) use pack_writer::{Follows, PackWriter, Series};
