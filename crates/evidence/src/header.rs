//! What is known about a rollout before its first event.

use rollout_trace_schema::{ImportEvidence, Observed, RolloutId, SchemaVersion, ThreadId, TraceId, UnixMillis};

/// The identity of a bundle, as far as its manifest states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHeader {
    /// The schema version by which the events are interpreted.
    pub schema_version: SchemaVersion,
    /// The schema version that the source states, known or not; `None` if it states none.
    pub stated_schema: Option<u32>,
    /// Names the bundle.
    pub trace_id: Option<TraceId>,
    /// Names the session.
    pub rollout_id: Option<RolloutId>,
    /// The thread with which the rollout began.
    pub root_thread_id: Option<ThreadId>,
    /// When recording began.
    pub started_at_unix_ms: Option<UnixMillis>,
    /// What the producer observed, if it says so.
    pub observed: Option<Observed>,
    /// Of an import, what its evidence is. `None` in a recording.
    pub evidence: Option<ImportEvidence>,
}

impl BundleHeader {
    /// Returns the stated schema version if it is newer than the newest known one, whose rules may not apply then.
    pub fn newer_schema(&self) -> Option<u32> {
        self.stated_schema.filter(|stated| *stated > SchemaVersion::NEWEST.number())
    }
}
