//! Sessions of any length, in the forms in which recorders write them.

mod agent;
mod item;
mod session;

use std::path::Path;

use session::Session;

/// How large a session is and what happens in it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Round trips to the model by the root agent. Each is a request with the full history; some of them make a turn.
    pub trips: usize,
    /// Tool calls that a response asks for.
    pub tools: usize,
    /// The number of trips between compactions.
    pub compact_every: Option<usize>,
    /// The number of trips between child agents.
    pub child_every: Option<usize>,
    /// The seed of all random values.
    pub seed: u64,
}

/// How a session is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Schema 2, one pretty-printed file per payload, as Codex 0.169.0 writes it.
    Files,
    /// Schema 3 with every document in one piece and one prompt, `{"input": []}`, for all requests.
    Shards,
    /// Schema 3 as Codex 0.171.0 writes it: each request comes with its prompt, whose items are parts which the prompts
    /// share.
    ShardsOfCodex,
}

impl Shape {
    /// Returns a session with one tool call per trip. At 600 trips it has about 1 GB of payloads.
    pub fn of_trips(trips: usize) -> Self {
        Self { trips, tools: 1, compact_every: None, child_every: Some(50), seed: 1 }
    }

    /// Returns the same session with a compaction every `trips` trips.
    pub fn compacted_every(self, trips: usize) -> Self {
        Self { compact_every: Some(trips), ..self }
    }

    /// Writes the bundle into an empty folder.
    ///
    /// # Panics
    ///
    /// Panics if the folder cannot be written to.
    pub fn write(&self, form: Form, folder: &Path) {
        Session::new(*self, form, folder).run();
    }
}
