//! What is known about a rollout before its first event.

use rollout_trace_schema::{RolloutId, SchemaVersion, ThreadId, TraceId, UnixMillis};

/// The identity of a bundle, as far as its manifest states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHeader {
    /// The schema version by which the events are interpreted.
    pub schema_version: SchemaVersion,
    /// Names the bundle.
    pub trace_id: Option<TraceId>,
    /// Names the session.
    pub rollout_id: Option<RolloutId>,
    /// The thread that the rollout belongs to.
    pub root_thread_id: Option<ThreadId>,
    /// When recording began.
    pub started_at_unix_ms: Option<UnixMillis>,
}
