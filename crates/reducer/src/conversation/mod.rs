//! What the models saw: one item for all sightings of it.

mod accept;
mod items;
mod reconcile;
mod snapshot;
mod state;

pub(crate) use items::Origin;
pub(crate) use snapshot::Snapshot;
pub(crate) use state::Conversations;
