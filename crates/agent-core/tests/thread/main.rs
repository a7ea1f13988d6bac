//! Tests of a thread through its public interface, with a scripted model.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agents;
mod answers;
mod compaction;
mod compressed;
mod plain;
mod quirks;
mod raw_server;
mod support;
mod tools;
mod turns;
