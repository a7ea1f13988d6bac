//! Model items, made comparable.

mod body;
mod message;
mod normalize;
mod sighting;

pub(crate) use body::{merged_reasoning, refresh_raw_identity};
pub(crate) use message::message_between_agents;
pub(crate) use normalize::{item_text, normalize, output_text};
pub(crate) use sighting::{Identity, Sighting};
