//! Reads the session files that coding agents leave behind, as they are, as the events of a trace.
//!
//! A [`Session`] is a source of events like the reader of a bundle: it yields events of schema 2 in causal order, with
//! the documents that they refer to, and builds no graph. Each event says which line of which file says so, and how well
//! that proves it. What a format cannot know is left out.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use rollout_trace_import::{Limits, Session, write_bundle};
//!
//! let session = Session::open(Path::new("rollout-2026-11-29T01-04-24-7f71.jsonl"), Limits::default())?;
//! write_bundle(session, "a-bundle")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A file is recognized by its content. No more files are opened than it and those of the same store that the store's
//! layout names; a path out of a record is never opened, and links are not followed.
//!
//! The rules are those of `docs/spec/imports.md`.

#![forbid(unsafe_code)]

mod claude_code;
mod codex;
mod detect;
mod document;
mod document_records;
mod draft;
mod find;
mod following;
mod gemini;
mod linear;
mod lines;
mod merge;
mod object;
mod opencode;
mod pi;
mod problem;
mod session;
mod sources;
mod spawn;
mod time;
mod write;
mod writer;

pub use detect::{Format, detect, first_record};
pub use document::{DocumentTexts, ImportedDocument};
pub use find::{FoundSession, SessionOutline, find_sessions, session_at, session_stores};
pub use merge::ImportedEvent;
pub use opencode::{store_of, write_ahead_log};
pub use problem::{HISTORY_EVENT, PROBLEM_EVENT, Problem, ProblemCode};
pub use rollout_trace_evidence::Limits;
pub use session::{ImportError, Session};
pub use write::write_bundle;
