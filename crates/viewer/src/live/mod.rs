//! Following a rollout while it is recorded.
//!
//! [`Growing`] reads what is new in a bundle's log, and makes the rows of what changed. Its cost follows what is new: the
//! reducer says what changed, [`Memory`] knows of the rest what rows need, and `part` is a graph of only what the rows
//! look at, on which the same code makes rows as on a whole graph. A few columns look further than that: where an item
//! comes from can depend on any older item of another agent. What the rows of a part say of these is corrected when the
//! page takes everything anew, which happens whenever the rollout has grown by an eighth, and at its end.

mod followed;
mod growing;
mod grown;
mod memory;
mod pace;
mod part;

pub use grown::{Grown, GrownRows};

pub(crate) use followed::Followed;
pub(crate) use memory::Memory;
pub(crate) use pace::Push;
