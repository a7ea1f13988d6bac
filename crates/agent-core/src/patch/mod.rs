//! Patches in the format that models write, and their application to files.
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
//! [`Patch::parse`] parses the text, [`Patch::prepare`] computes the changes to a folder, and [`PreparedPatch::write`]
//! makes them. Nothing is written unless the whole patch applies. [`Patches`] applies the patches of several agents one
//! after another.

mod document;
mod edit;
mod error;
mod folder;
mod lookalike;
#[cfg(test)]
mod model_tests;
mod parser;
mod patches;
mod pending;
mod prepared;
mod replace;
#[cfg(test)]
mod tests;

pub use document::Patch;
pub use error::PatchError;
pub(crate) use patches::Patches;
pub use prepared::{ChangeKind, PatchSummary, PreparedChange, PreparedPatch};
