//! Realistic bundles of any size, the same for the same shape.

mod agent;
mod item;
mod prose;
mod session;
mod writer;

use std::path::Path;

use session::Session;

/// How large a session is and what happens in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Round trips to the model by the root agent. Each is a request with the full history; some of them make a turn.
    pub(crate) trips: usize,
    /// Tool calls that a response asks for.
    pub(crate) tools: usize,
    /// A compaction takes place after so many trips.
    pub(crate) compact_every: Option<usize>,
    /// A child agent is spawned after so many trips.
    pub(crate) child_every: Option<usize>,
    /// Where chance begins.
    pub(crate) seed: u64,
}

impl Shape {
    /// A session with one tool call a trip, which comes to about 1 GB of payloads at 600 trips.
    pub(crate) fn of_trips(trips: usize) -> Self {
        Self { trips, tools: 1, compact_every: None, child_every: Some(50), seed: 1 }
    }

    /// The same with a compaction after so many trips.
    pub(crate) fn compacted_every(self, trips: usize) -> Self {
        Self { compact_every: Some(trips), ..self }
    }

    /// Writes the bundle into a folder that exists.
    pub(crate) fn write(&self, folder: &Path) {
        Session::new(*self, folder).run();
    }
}
