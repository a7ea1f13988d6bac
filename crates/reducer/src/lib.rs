//! Replays a trace bundle into the graph of what happened.
//!
//! [`reduce_bundle`] gives the graph of a whole bundle. [`Reducer`] takes its evidence piece by piece and can give the graph
//! at any time. Both end in the same graph, and the same bundle always gives the same bytes.
//!
//! The invariant above all others: the conversation is what model-facing payloads prove the model saw; runtime objects
//! explain how it came about; neither rewrites the other.
//!
//! Nothing in a bundle stops the reducer. What surprises it is a [`Diagnostic`](rollout_trace_model::Diagnostic) of the
//! graph, and whatever the rest proves is in the graph.

#![forbid(unsafe_code)]

mod agents;
mod ahead;
mod at;
mod calls;
mod code_cell;
mod compaction;
mod conversation;
mod documents;
mod durations;
mod fingerprint;
mod finish;
mod inference;
mod item;
mod json;
mod marker;
mod reducer;
mod report;
mod request;
mod rollout;
mod terminal;
mod tool_call;

pub use reducer::{Reducer, reduce_bundle};
