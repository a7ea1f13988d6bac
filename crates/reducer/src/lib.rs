//! Reduces the evidence about a rollout to the graph of what happened.
//!
//! [`Reducer`] takes evidence piece by piece and returns the graph at any time. The same evidence always ends in the same
//! graph, byte for byte, however often the graph was asked for.
//!
//! The invariant above all others: the conversation is what model-facing payloads prove the model saw; runtime objects
//! explain how it came about; neither rewrites the other.
//!
//! Nothing in a bundle stops the reducer. What surprises it is a [`Diagnostic`](rollout_trace_model::Diagnostic) of the
//! graph, and whatever the rest proves is in the graph.

#![forbid(unsafe_code)]

mod agents;
mod at;
mod calls;
mod cells;
mod changes;
mod compactions;
mod context;
mod conversation;
mod documents;
mod durations;
mod fingerprint;
mod finish;
mod graph;
mod inference;
mod invocation;
mod item;
mod json;
mod links;
mod markers;
mod origin;
mod readers;
mod reducer;
mod report;
mod request;
mod rollout;
mod schema_check;
mod terminals;
mod threads;
mod tools;
mod turns;
mod usage;

pub use reducer::Reducer;
