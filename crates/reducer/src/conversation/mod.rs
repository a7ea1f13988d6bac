//! What the models saw, with one item for all sightings of it.
//!
//! Source: reduction, sections 5 and 6.

mod accept;
mod facts;
mod items;
mod order;
mod pass;
mod snapshot;
mod state;

pub(crate) use pass::Prefix;
pub(crate) use state::Conversations;
