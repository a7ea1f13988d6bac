//! Opens the trace bundles of coding agents, reduces them to the graph of what happened, and draws it.
//!
//! ```
//! use rollout_trace::{Bundle, Drawing, reduce_bundle};
//!
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
//! let graph = reduce_bundle(&Bundle::open("docs/sample-bundle")?);
//! println!("{}", Drawing::new(&graph));
//! # assert_eq!((graph.threads.len(), graph.diagnostics.len()), (2, 0));
//! # Ok::<(), rollout_trace::OpenError>(())
//! ```
//!
//! [`Bundle::open`] takes the path of a bundle's folder, of a file in it, or of an archive. Damage is not an error: the
//! readable part is in the graph, and its [diagnostics](RolloutTrace::diagnostics) report the damage that was found.
//!
//! The graph is plain data. This lists the tools that the model called, by the thread that called them:
//!
//! ```
//! # use rollout_trace::{Bundle, reduce_bundle};
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
//! # let graph = reduce_bundle(&Bundle::open("docs/sample-bundle")?);
//! for call in graph.tool_calls.values() {
//!     let thread = &graph.threads[&call.thread_id];
//!     println!("{} called {:?}: {:?}", thread.agent_path, call.kind, call.execution.status);
//! }
//! # Ok::<(), rollout_trace::OpenError>(())
//! ```
//!
//! To follow a rollout while it runs, or to reduce evidence from elsewhere, feed a [`Reducer`] piece by piece.
//!
//! The root module has the names that most programs need. The layers below are re-exported in full: [`schema`] (raw
//! events), [`evidence`] (what every source of events yields), [`bundle`] (reading and converting bundles), [`model`]
//! (the graph), [`reducer`], and [`answers`] (questions about a graph). [`outline`] says in a few words what a
//! bundle holds, without reducing it. To record a rollout, an agent core depends on
//! `rollout-trace-recorder` instead.

#![forbid(unsafe_code)]

mod cache;
mod convert;
mod library;
pub mod outline;
mod reduce;
mod shelf;

pub use cache::cache_folder;
pub use convert::convert_to_schema_3;
pub use library::{Book, FindError, Library};
pub use reduce::{reduce_and_see, reduce_bundle, reduce_bundle_watched, reduce_with_facts, reduce_with_facts_watched};
pub use rollout_trace_answers as answers;
pub use rollout_trace_bundle::{self as bundle, Bundle, FoundBundle, OpenError, find_bundles, walk_bundles};
pub use rollout_trace_evidence::{self as evidence, Evidence, Limits};
pub use rollout_trace_import as import;
pub use rollout_trace_model::{self as model, Diagnostic, Drawing, RolloutTrace, Severity};
pub use rollout_trace_reducer::{self as reducer, Reducer};
pub use rollout_trace_schema as schema;
pub use shelf::{Edition, Shelf, Stamp};
