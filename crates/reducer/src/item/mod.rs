//! Model items, made comparable.

mod arguments;
mod block;
mod body;
mod message;
mod normalize;
mod shown;
mod sighting;

pub(crate) use arguments::{Arguments, Errand, task_fingerprint};
pub(crate) use block::{Block, BlockFacts};
pub(crate) use body::{Comparing, identity_of_item, identity_with, merged_reasoning};
pub(crate) use message::message_between_agents;
pub(crate) use normalize::{item_text, normalize, output_text, sightings};
pub(crate) use shown::Shown;
pub(crate) use sighting::{Identity, Sighting};
