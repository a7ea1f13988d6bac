//! Sessions of any length as Codex writes them: schema 2, one pretty-printed file per payload.

mod agent;
mod item;
mod session;
mod writer;

use std::path::Path;

use session::Session;

/// How large a session is and what happens in it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Round trips to the model by the root agent. Each is a request with the full history; some of them make a turn.
    pub trips: usize,
    /// Tool calls that a response asks for.
    pub tools: usize,
    /// A compaction takes place after so many trips.
    pub compact_every: Option<usize>,
    /// A child agent is spawned after so many trips.
    pub child_every: Option<usize>,
    /// Where chance begins.
    pub seed: u64,
}

impl Shape {
    /// Returns a session with one tool call a trip, which comes to about 1 GB of payloads at 600 trips.
    pub fn of_trips(trips: usize) -> Self {
        Self { trips, tools: 1, compact_every: None, child_every: Some(50), seed: 1 }
    }

    /// Returns the same with a compaction after so many trips.
    pub fn compacted_every(self, trips: usize) -> Self {
        Self { compact_every: Some(trips), ..self }
    }

    /// Writes the bundle into an empty folder.
    ///
    /// # Panics
    ///
    /// Panics if the folder cannot be written to.
    pub fn write(&self, folder: &Path) {
        Session::new(*self, folder).run();
    }
}
