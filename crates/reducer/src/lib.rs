//! Reduces the evidence about a rollout to the graph of what happened.
//!
//! [`Reducer`] takes evidence one piece at a time. The same evidence always results in the same graph, byte for byte,
//! however often the graph was looked at meanwhile.
//!
//! The invariant above all others: the conversation is what model-facing payloads prove the model saw; runtime objects
//! explain how it came about; neither rewrites the other.
//!
//! Nothing in a bundle stops the reducer. Each surprise becomes a [`Diagnostic`](rollout_trace_model::Diagnostic) of
//! the graph, and whatever the rest of the evidence proves is in the graph.
//!
//! # A live graph
//!
//! [`Reducer::graph`] returns the graph at any time, and [`Reducer::changed_since`] the objects that changed. The cost
//! of both is in proportion to what has changed since the last look, however large the graph is. A live graph has every
//! object and every link that it would have if the evidence ended here. It differs only in this:
//!
//! * `cut_off`, `undelivered_messages` and `plain_deliveries` are empty, because a running object may still end and a
//!   message may still arrive.
//! * Where agents are not observed (`observed` of the manifest), the edges and origins that follow from texts are missing.
//! * The diagnostics that only the end of the evidence decides are missing:
//!   `trace_stops_early`, `running_at_end`, `code_cell_without_source`, `undelivered_message`,
//!   `delivered_as_user_message`, `agent_activity_mismatch` and, for results of agents, `unknown_thread`.
//!
//! So a tool call may name a code cell that is not in the graph yet, because no response has shown the cell's source,
//! without a diagnostic that says so.
//!
//! # Two ends
//!
//! If a turn ends twice, the later end counts, as in the official reducer: given a turn that ends first as completed
//! and then as failed, Codex 0.169.0 shows it as failed, with the time and the `seq` of the second end, and vice versa.
//! The same holds for a rollout, a thread and a tool call. An inference call keeps its first end.
//!
//! # The files
//!
//! Each family of events has a type that owns what it remembers beyond the graph, and a function for each event. The
//! match in `reducer` calls them with a `Context`: where the event happens, the graph, the report and the documents.
//! Files depend on one another in one direction only, from the top of this list to its bottom:
//!
//! 1. `reducer`: the match, and what one event does to several families.
//! 2. `derived`, `finish`: what follows from the objects, and what only the end decides.
//! 3. `rollout`, `tools`, `inference`, `compactions`, `markers`, `schema_check`: families that no other family calls;
//!    `inference` above `conversation_tools` and `client_compactions`. `auxiliary` says what threads are for.
//! 4. `terminals` above `invocation`, for tools; `readers` above `request`, and `wire` above `usage`, for
//!    inference.
//! 5. `agents` and `durations`: what passes between agents, and how long work took.
//! 6. `conversation`: which sightings are one item; above `sightings`: which calls showed an item first and last.
//! 7. `links`, that is `cells` above `calls`: what joins items with tool calls and code cells, whichever comes first.
//! 8. `turns` above `threads`.
//! 9. `context` above `documents` above `growth`; these, `payload_lists` and `references` above `graph` and `report`,
//!    and these above `changes` and `at`.
//! 10. `origin`, and `item` above `fingerprint` and `json`, which know no graph; `observer` above `json`; `rules`:
//!     where the schema versions differ.

#![forbid(unsafe_code)]

mod agents;
mod at;
mod auxiliary;
mod calls;
mod cells;
mod changes;
mod client_compactions;
mod compactions;
mod context;
mod conversation;
mod conversation_tools;
mod derived;
mod documents;
mod durations;
mod fingerprint;
mod finish;
mod graph;
mod growth;
mod inference;
mod invocation;
mod item;
mod json;
mod links;
mod markers;
mod observer;
mod origin;
mod payload_lists;
mod readers;
mod reducer;
mod references;
mod report;
mod request;
mod rollout;
mod rules;
mod schema_check;
mod sightings;
mod terminals;
mod threads;
mod tools;
mod turns;
mod usage;
mod wire;

use rollout_trace_model::map;

pub use fingerprint::{Fingerprint, Fingerprinter};
pub use json::{Fields, Json};
pub use observer::{Observer, ReadRequest};
pub use reducer::Reducer;
