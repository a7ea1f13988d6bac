//! What the models saw: one item for all sightings of it.

mod accept;
mod facts;
mod items;
mod pass;
mod snapshot;
mod state;

pub(crate) use state::Conversations;
