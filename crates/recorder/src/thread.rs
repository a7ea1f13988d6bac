//! A thread's handle: how recording begins and ends.

use std::{
    env,
    io::{self, Write},
    path::{self, Path, PathBuf},
    sync::{Arc, Mutex, Once},
};

use rollout_trace_schema::{
    ExecutionStatus, PayloadKind, RolloutEnded, RuntimeCellId, ThreadEnded, ThreadId, ThreadResumed, ThreadStarted,
    document::{AbandonedHandle, RecorderReport},
    visible::visible_line,
};
use serde::Serialize;
use tracing::subscriber::NoSubscriber;

use crate::{
    RecordingOutcome, StartError, TRACING_TARGET, ThreadStartedTraceMetadata, TraceOptions,
    caller::guarded,
    code_cell::OpenCells,
    compare_slot::CompareSlot,
    ended_turns::EndedTurns,
    event_line::Context,
    losses::{warn, with_causes},
    misuse::Misuse,
    recorder::Recorder,
    threads::BeforeEntry,
    walk::WalkError,
};

/// The environment variable that names the folder for traces. If it is unset or empty, tracing is off.
pub const TRACE_ROOT_ENV: &str = "CODEX_ROLLOUT_TRACE_ROOT";

/// Records what one agent thread does. Clones are the same handle.
///
/// With tracing off, every method is a branch. With tracing on, a method returns when a reader of the bundle can see
/// what it recorded; a process that is killed in the next instant loses nothing of it. No method ever fails, and none
/// blocks for longer than two writes to a file take.
///
/// A thread whose last handle is dropped before [`record_ended`](Self::record_ended) is recorded as abandoned. When the
/// last handle of all threads of a rollout is gone, the recording is complete.
///
/// ```
/// use rollout_trace_recorder::{ExecutionStatus, SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext};
///
/// let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"));
/// let trace = ThreadTraceContext::start_root_or_disabled(metadata);
/// trace.record_codex_turn_started("turn-1");
/// trace.record_codex_turn_ended("turn-1", ExecutionStatus::Completed);
/// trace.record_ended(ExecutionStatus::Completed);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a thread whose last handle is dropped without an end is recorded as aborted"]
pub struct ThreadTraceContext(pub(crate) Option<Arc<ThreadInner>>);

/// The state that all clones of a thread's handle share.
pub(crate) struct ThreadInner {
    recorder: Arc<Recorder>,
    pub(crate) thread_id: ThreadId,
    pub(crate) compare: CompareSlot,
    pub(crate) cells: Mutex<OpenCells>,
    pub(crate) ended_turns: EndedTurns,
}

impl std::fmt::Debug for ThreadInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadTraceContext").field("thread_id", &self.thread_id).finish_non_exhaustive()
    }
}

impl ThreadTraceContext {
    /// Returns a handle that records nothing.
    ///
    /// ```
    /// let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_codex_turn_started("turn-1");
    /// assert!(!trace.is_enabled());
    /// ```
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Begins a rollout with its root thread in the folder that [`TRACE_ROOT_ENV`] names. Returns a disabled handle if
    /// tracing is off, or, after a warning, if the bundle cannot be made.
    ///
    /// ```
    /// use rollout_trace_recorder::{SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext};
    ///
    /// let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"));
    /// let trace = ThreadTraceContext::start_root_or_disabled(metadata);
    /// ```
    pub fn start_root_or_disabled<S: Serialize>(metadata: ThreadStartedTraceMetadata<S>) -> Self {
        match env::var_os(TRACE_ROOT_ENV).filter(|root| !root.is_empty()) {
            Some(root) => Self::start_root_in_or_disabled(&PathBuf::from(root), metadata, TraceOptions::default()),
            None => Self::disabled(),
        }
    }

    /// Begins a rollout in a given folder. Returns a disabled handle, after a warning, if the bundle cannot be made.
    ///
    /// If the agent has no `tracing` subscriber, the first warning of a process is one line on stderr.
    ///
    /// ```
    /// use std::path::Path;
    /// use rollout_trace_recorder::{SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext, TraceOptions};
    ///
    /// let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"));
    /// let root = Path::new("/dev/null/no/such/folder");
    /// let trace = ThreadTraceContext::start_root_in_or_disabled(root, metadata, TraceOptions::new());
    /// assert!(!trace.is_enabled());
    /// ```
    pub fn start_root_in_or_disabled<S: Serialize>(
        root: &Path,
        metadata: ThreadStartedTraceMetadata<S>,
        options: TraceOptions,
    ) -> Self {
        Self::start_root(root, metadata, options).unwrap_or_else(|error| {
            warn_untraced(&error);
            Self::disabled()
        })
    }

    /// Begins a rollout in a given folder, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be made.
    ///
    /// ```
    /// use rollout_trace_recorder::{SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext, TraceOptions};
    ///
    /// # let root = tempfile::tempdir()?;
    /// # let root = root.path();
    /// let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"));
    /// let trace = ThreadTraceContext::start_root(root, metadata, TraceOptions::new())?;
    /// assert!(trace.bundle_folder().is_some_and(|folder| folder.starts_with(root)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_root<S: Serialize>(
        root: &Path,
        metadata: ThreadStartedTraceMetadata<S>,
        options: TraceOptions,
    ) -> Result<Self, StartError> {
        // The root is made absolute, because the agent may change its working directory before the next payload file is
        // made.
        let root = path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let recorder = Recorder::start(root, &metadata.thread_id, options)?;
        let inner = ThreadInner::new(Arc::new(recorder), metadata.thread_id.clone());
        inner.record_started(&metadata);
        Ok(Self(Some(Arc::new(inner))))
    }

    /// Begins a child thread in this thread's rollout, or resumes it if this bundle knows it.
    ///
    /// A child with the id of the root is not recorded; a parent in `session_source` that this bundle does not know is
    /// reported.
    ///
    /// ```
    /// use rollout_trace_recorder::{SessionSource, ThreadSpawn, ThreadStartedTraceMetadata};
    ///
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let spawn = ThreadSpawn::new("thread-1", 1).agent_path("/root/reader");
    /// let metadata = ThreadStartedTraceMetadata::new("thread-2", "/root/reader", SessionSource::from(spawn));
    /// let child = trace.start_child_thread_trace_or_disabled(metadata);
    /// ```
    pub fn start_child_thread_trace_or_disabled<S: Serialize>(&self, metadata: ThreadStartedTraceMetadata<S>) -> Self {
        let Some(parent) = self.inner().filter(|parent| parent.recorder().is_some()) else { return Self::disabled() };
        Self::start_in(&parent.recorder, metadata)
    }

    /// Begins a thread that is not the root, or resumes it if this bundle knows it.
    pub(crate) fn start_in<S: Serialize>(recorder: &Arc<Recorder>, metadata: ThreadStartedTraceMetadata<S>) -> Self {
        let recorder = Arc::clone(recorder);
        if recorder.is_root(&metadata.thread_id) {
            recorder.report_misuse(&Misuse::ChildHasRootId { thread_id: metadata.thread_id });
            return Self::disabled();
        }
        if let Some(parent_thread_id) = parent_of(&metadata.session_source)
            && !recorder.threads.knows(&parent_thread_id)
        {
            recorder.report_misuse(&Misuse::UnknownParent { thread_id: metadata.thread_id.clone(), parent_thread_id });
        }
        let inner = ThreadInner::new(recorder, metadata.thread_id.clone());
        inner.record_started(&metadata);
        Self(Some(Arc::new(inner)))
    }

    /// Opens an ended child thread of this rollout again, or begins it if this bundle does not know it.
    ///
    /// ```
    /// use rollout_trace_recorder::{SessionSource, ThreadSpawn, ThreadStartedTraceMetadata};
    ///
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let spawn = ThreadSpawn::new("thread-1", 1);
    /// let metadata = ThreadStartedTraceMetadata::new("thread-2", "/root/reader", SessionSource::from(spawn));
    /// let child = trace.resume_child_thread_trace_or_disabled(metadata);
    /// ```
    pub fn resume_child_thread_trace_or_disabled<S: Serialize>(&self, metadata: ThreadStartedTraceMetadata<S>) -> Self {
        self.start_child_thread_trace_or_disabled(metadata)
    }

    /// Returns whether anything is recorded. Ask before doing work that only the trace needs.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the folder of the bundle, or `None` if tracing is off or records into memory.
    pub fn bundle_folder(&self) -> Option<PathBuf> {
        self.inner()?.recorder.folder().map(Path::to_owned)
    }

    /// Returns how many events and payload documents could not be recorded so far, in all threads of the rollout.
    pub fn losses(&self) -> u64 {
        self.inner().map_or(0, |inner| inner.recorder.losses())
    }

    /// Returns what the recording of the whole rollout amounts to so far, or `None` if tracing is off.
    pub fn outcome(&self) -> Option<RecordingOutcome> {
        self.inner().map(|inner| inner.recorder.outcome())
    }

    /// Records that the thread ended, and on the root thread's handle that the rollout ended. Only the first call
    /// counts.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_ended(rollout_trace_recorder::ExecutionStatus::Completed);
    /// ```
    pub fn record_ended(&self, status: ExecutionStatus) {
        if let Some(inner) = self.inner().filter(|inner| inner.recorder().is_some()) {
            inner.record_ended(&status);
        }
    }

    /// Ends the recording for all handles of the rollout: writes the end marker, after which nothing is recorded.
    ///
    /// It is needed only if handles outlive the session; otherwise the last handle that is dropped writes the marker.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// trace.record_ended(rollout_trace_recorder::ExecutionStatus::Completed);
    /// trace.finish();
    /// ```
    pub fn finish(&self) {
        if let Some(inner) = self.inner() {
            inner.recorder.close();
        }
    }

    /// Calls `record` if tracing is on. With tracing off, this is a branch in the caller's code.
    #[inline]
    pub(crate) fn if_on(&self, record: impl FnOnce(&Arc<ThreadInner>, &Recorder)) {
        if let Some(inner) = &self.0 {
            inner.record(record);
        }
    }

    /// Returns the state of the handle, or `None` if tracing is off.
    #[inline]
    pub(crate) fn inner(&self) -> Option<&Arc<ThreadInner>> {
        self.0.as_ref()
    }
}

impl ThreadInner {
    fn new(recorder: Arc<Recorder>, thread_id: ThreadId) -> Self {
        Self {
            recorder,
            thread_id,
            compare: CompareSlot::new(),
            cells: Mutex::default(),
            ended_turns: EndedTurns::default(),
        }
    }

    #[cold]
    fn record(self: &Arc<Self>, record: impl FnOnce(&Arc<Self>, &Recorder)) {
        if let Some(recorder) = self.recorder() {
            record(self, recorder);
        }
    }

    /// Returns the recorder, or `None` in a forked child. This is the only way from a handle to a recorder that may
    /// write.
    ///
    /// It asks the system for the process id. A call that records uses it once, and a call that only makes a handle
    /// does not use it.
    #[inline]
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.is_in_its_process().then_some(&*self.recorder)
    }

    /// Mints an id.
    pub(crate) fn mint(&self) -> String {
        self.recorder.mint()
    }

    fn record_started<S: Serialize>(&self, metadata: &ThreadStartedTraceMetadata<S>) {
        match self.recorder.threads.enter(&self.thread_id) {
            BeforeEntry::Unknown => {
                let metadata_payload = self.recorder.prepare(PayloadKind::SessionMetadata, metadata);
                let event = ThreadStarted {
                    thread_id: self.thread_id.clone(),
                    agent_path: metadata.agent_path.clone(),
                    metadata_payload: Some(metadata_payload.reference()),
                };
                self.recorder.append_with(Context::default(), metadata_payload, event);
            }
            BeforeEntry::Ended => {
                self.recorder.append(Context::default(), ThreadResumed { thread_id: self.thread_id.clone() });
            }
            BeforeEntry::Running => {}
        }
    }

    fn record_ended(&self, status: &ExecutionStatus) {
        if !self.recorder.threads.end(&self.thread_id) {
            return;
        }
        self.abandon_open_cells();
        let thread_id = self.thread_id.clone();
        self.recorder.append(Context::default(), ThreadEnded { thread_id, status: status.clone() });
        if self.recorder.is_root(&self.thread_id) {
            self.recorder.append(Context::default(), RolloutEnded { status: status.clone() });
        }
    }

    /// Reports that a handle was dropped before its end was recorded.
    pub(crate) fn report_abandoned(&self, object: &str, id: &str) {
        let Some(recorder) = self.recorder() else { return };
        let abandoned = AbandonedHandle { object: object.to_owned(), id: id.to_owned() };
        recorder.report(RecorderReport::ABANDONED, &abandoned);
    }

    fn abandon_open_cells(&self) {
        let open: Vec<RuntimeCellId> = self.open_cells().take_open();
        for cell in open {
            self.report_abandoned("code_cell", &cell);
        }
    }
}

/// Warns that a session is not traced.
///
/// A person who set the root by hand must learn about it. If the agent has no `tracing` subscriber, the recorder writes
/// one line to stderr, once per process; otherwise the subscriber decides what is shown.
fn warn_untraced(error: &StartError) {
    static SAID: Once = Once::new();
    let text = with_causes(error);
    warn(|| tracing::warn!(target: TRACING_TARGET, "this session is not traced: {text}"));
    if tracing::dispatcher::get_default(|subscriber| subscriber.is::<NoSubscriber>()) {
        SAID.call_once(|| {
            // If stderr cannot be written either, nothing more can be done.
            let _ = writeln!(io::stderr(), "rollout-trace: this session is not traced: {}", visible_line(&text));
        });
    }
}

/// Returns the id of the parent that a child's session source names, if it names one.
fn parent_of(session_source: &impl Serialize) -> Option<String> {
    let source = guarded("serialize a session source", || {
        serde_json::to_value(session_source).map_err(|error| WalkError::Custom(error.to_string()))
    });
    source.ok()?.pointer("/subagent/thread_spawn/parent_thread_id")?.as_str().map(str::to_owned)
}

impl Drop for ThreadInner {
    fn drop(&mut self) {
        // A lock that another thread held while this process was forked is never released in the child.
        if !self.recorder.is_in_its_process() {
            return;
        }
        if self.recorder.threads.leave(&self.thread_id) {
            self.report_abandoned("thread", &self.thread_id);
            self.record_ended(&ExecutionStatus::Aborted);
        }
        self.recorder.forget_compared(&self.compare);
    }
}
