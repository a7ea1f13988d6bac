//! A rollout whose root thread is not known.

use std::{
    path::{self, Path, PathBuf},
    sync::Arc,
};

use rollout_trace_schema::{ExecutionStatus, PayloadKind, ProtocolEventObserved, RolloutEnded, RolloutId, ThreadId};
use serde::Serialize;

use crate::{
    RecordingOutcome, StartError, ThreadStartedTraceMetadata, ThreadTraceContext, TraceOptions, event_line::Context,
    recorder::Recorder,
};

/// Records a rollout for a program that watches agents from outside, and does not know which of their threads is the
/// root. An agent core begins with [`ThreadTraceContext::start_root`] instead.
///
/// The rollout has an id of its own that names no thread; readers find the root.
///
/// ```
/// use std::path::Path;
/// use rollout_trace_recorder::{
///     ExecutionStatus, MemorySink, RolloutTraceContext, SessionSource, ThreadStartedTraceMetadata, TraceOptions,
/// };
///
/// let sink = MemorySink::new();
/// let rollout = RolloutTraceContext::start(Path::new("unused"), "rollout-1", TraceOptions::new().memory_sink(&sink))?;
/// let source = SessionSource::program("watcher");
/// let thread = rollout.start_thread(ThreadStartedTraceMetadata::new("thread-1", "/root", source));
/// thread.record_ended(ExecutionStatus::Completed);
/// rollout.record_ended(ExecutionStatus::Completed);
/// rollout.finish();
/// assert_eq!(sink.event_log().lines().count(), 5);
/// # Ok::<(), rollout_trace_recorder::StartError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is recorded but by this handle and those of its threads"]
pub struct RolloutTraceContext(Arc<Recorder>);

impl std::fmt::Debug for RolloutTraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RolloutTraceContext").field("folder", &self.0.folder()).finish_non_exhaustive()
    }
}

impl RolloutTraceContext {
    /// Begins a rollout in a given folder, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be made.
    pub fn start(root: &Path, rollout_id: impl Into<RolloutId>, options: TraceOptions) -> Result<Self, StartError> {
        let root = path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let names_no_thread = ThreadId::from(rollout_id.into().as_str());
        Recorder::start(root, &names_no_thread, options).map(|recorder| Self(Arc::new(recorder)))
    }

    /// Begins a thread. A thread with the id of the rollout is not recorded.
    pub fn start_thread<S: Serialize>(&self, metadata: ThreadStartedTraceMetadata<S>) -> ThreadTraceContext {
        ThreadTraceContext::start_in(&self.0, metadata)
    }

    /// Records an event that belongs to no thread.
    pub fn record_protocol_event<T: Serialize + ?Sized>(&self, event_type: &str, event: &T) {
        if self.0.is_in_its_process() {
            let payload = self.0.prepare(PayloadKind::ProtocolEvent, event);
            let event = ProtocolEventObserved { event_type: event_type.to_owned(), event_payload: payload.reference() };
            self.0.append_with(Context::default(), payload, event);
        }
    }

    /// Records that the rollout ended.
    pub fn record_ended(&self, status: ExecutionStatus) {
        if self.0.is_in_its_process() {
            self.0.append(Context::default(), RolloutEnded { status });
        }
    }

    /// Ends the recording for all handles of the rollout: writes the end marker, after which nothing is recorded.
    pub fn finish(&self) {
        self.0.close();
    }

    /// Returns the folder of the bundle, or `None` if it is in memory.
    pub fn bundle_folder(&self) -> Option<PathBuf> {
        self.0.folder().map(Path::to_owned)
    }

    /// Returns what the recording amounts to so far.
    pub fn outcome(&self) -> RecordingOutcome {
        self.0.outcome()
    }
}
