//! Patches as models write them: their text, and what applying them does to files.
//!
//! ```text
//! *** Begin Patch
//! *** Add File: notes.txt
//! +a line
//! *** Update File: src/old.rs
//! *** Move to: src/new.rs
//! @@ fn heading() {
//!  context
//! -removed
//! +added
//! *** End of File
//! *** Delete File: gone.txt
//! *** End Patch
//! ```
//!
//! [`Patch::parse`] reads the text, [`Patch::prepare`] finds out what it does to a folder, [`PreparedPatch::write`] does it. Nothing is
//! written unless all of it fits.

mod document;
mod edit;
mod error;
mod folder;
mod parser;
mod prepared;
#[cfg(test)]
mod tests;

pub use document::Patch;
pub use error::PatchError;
pub use prepared::{ChangeKind, PatchSummary, PreparedChange, PreparedPatch};
