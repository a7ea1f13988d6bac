//! Writing a pack file from documents that are there as a whole.

mod draft;
mod pack_writer;
mod stored;
mod units;

pub(crate) use pack_writer::{Follows, PackWriter};
