//! Model items, made comparable.

mod body;
mod normalise;
mod sighting;

pub(crate) use body::{merge_reasoning, refresh_raw_identity};
pub(crate) use normalise::{item_text, normalise, output_text};
pub(crate) use sighting::{Identity, Sighting};
