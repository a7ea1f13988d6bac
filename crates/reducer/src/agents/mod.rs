//! What passes between agents.
//!
//! Observations are collected as they come. Edges follow from all of them together: the item that a message arrives as
//! may be seen long after the message was sent, in another thread.

mod interactions;
mod mail;
mod observations;

pub(crate) use interactions::Interactions;
pub(crate) use observations::{Agents, reaches_agents};
