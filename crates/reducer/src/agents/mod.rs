//! What passes between agents.
//!
//! Observations are collected as they come. Edges follow from all of them together: the item as which a message arrives
//! may be seen in another thread, long after the message was sent.
//!
//! Source: reduction, section 12.

mod inferred;
mod interactions;
mod mail;
mod observations;
mod plain;

pub(crate) use inferred::infer_edges;
pub(crate) use interactions::Interactions;
pub(crate) use observations::{Agents, reaches_agents};
