//! Model items, made comparable.

mod body;
mod message;
mod normalise;
mod sighting;

pub(crate) use body::{merged_reasoning, refresh_raw_identity};
pub(crate) use message::{MessageBetweenAgents, message_between_agents};
pub(crate) use normalise::{item_text, normalise, output_text};
pub(crate) use sighting::{Identity, Sighting};
