//! What the models saw, as conversation items.
//!
//! Each payload is reconciled in a pass: each of its sightings claims an item that is known already, or creates one.
//! Example: the request `["a", "b"]` creates the items 1 and 2, which become the live snapshot of the thread. The next
//! request, `["a", "b", "c"]`, claims 1 and 2 and creates 3.
//!
//! Source: reduction, sections 5 and 6.

mod accept;
mod bearers;
mod bucket;
mod call_ids;
mod facts;
mod items;
mod order;
mod pass;
mod snapshot;
mod state;

pub(crate) use pass::{Before, Prefix};
pub(crate) use state::Conversations;
