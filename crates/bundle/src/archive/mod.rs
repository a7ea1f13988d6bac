//! Reading archives that cannot be trusted.

mod entries;
mod found;
mod held;
mod magic;
mod tree;

pub(crate) use entries::{ArchivedFile, Sink, Stop, read_archive};
pub(crate) use held::{HeldFiles, Wanted, hold, peek_manifest};
pub(crate) use magic::is_archive;
pub(crate) use tree::TOO_LONG;
