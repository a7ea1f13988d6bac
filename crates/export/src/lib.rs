//! Writes reduced rollouts in the formats of the tools that people already use.
//!
//! An export is a pure function of a rollout: of its graph, of the payloads of its bundle where texts are asked for, and
//! of nothing else. It adds no interpretation. Nothing here reads files, knows the time or opens a connection, and the same
//! rollout always gives the same bytes. What a format cannot hold is counted in the file itself, and in [`Written`].
//!
//! Each format is a module that writes to any [`Write`](std::io::Write):
//!
//! ```
//! use rollout_trace::{Bundle, answers::Rollout, reduce_with_facts};
//! use rollout_trace_export::{Texts, chrome};
//!
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
//! let bundle = Bundle::open("docs/sample-bundle")?;
//! let (graph, facts) = reduce_with_facts(&bundle);
//! let mut payloads = bundle.payloads();
//! let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
//! let mut trace = Vec::new();
//! let written = chrome::write(&rollout, Texts::default(), &mut trace)?;
//! println!("not in the trace: {}", written.left_out);
//! # assert!(trace.starts_with(b"{\"otherData\":"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without [`Content`], an export holds no text of the rollout, only ids, names, times, counts and codes.

#![forbid(unsafe_code)]

pub mod atif;
pub mod chrome;
mod diagnostics;
pub mod diagram;
pub mod inspect;
mod item_parts;
mod left_out;
mod marks;
mod object;
mod observations;
pub mod otlp;
mod spans;
mod subject;
mod texts;
mod times;
mod tool_texts;

pub use left_out::{LeftOut, Written};
pub use texts::{Content, Texts};
