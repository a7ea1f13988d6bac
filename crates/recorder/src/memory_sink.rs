//! A bundle in memory.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rollout_trace_schema::Manifest;

/// Keeps the files of a bundle in memory, for tests and benches. Clones share the files.
///
/// ```
/// use std::path::Path;
/// use rollout_trace_recorder::{
///     MemorySink, SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext, TraceOptions,
/// };
///
/// let sink = MemorySink::new();
/// let metadata = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"));
/// let trace = ThreadTraceContext::start_root(Path::new("unused"), metadata, TraceOptions::new().memory_sink(&sink))?;
/// trace.record_codex_turn_started("turn-1");
/// assert!(sink.event_log().contains("codex_turn_started"));
/// assert!(sink.files().contains_key("manifest.json"));
/// # Ok::<(), rollout_trace_recorder::StartError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a sink records nothing until it is passed to `TraceOptions::memory_sink`"]
pub struct MemorySink {
    store: Arc<MemoryStore>,
}

impl MemorySink {
    /// Makes an empty sink. It takes one bundle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the bundle's files so far, by their paths inside the bundle.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.store.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the event log so far.
    pub fn event_log(&self) -> String {
        String::from_utf8_lossy(&self.files().remove(Manifest::RAW_EVENT_LOG).unwrap_or_default()).into_owned()
    }

    /// Writes the bundle's files into a folder, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if a file or folder cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for (path, bytes) in self.files() {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, bytes)?;
        }
        Ok(())
    }

    pub(crate) fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryStore {
    pub(crate) fn put_file(&self, path: String, bytes: Vec<u8>) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path, bytes);
    }

    pub(crate) fn append(&self, path: &str, bytes: &[u8]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get_mut(path) {
            file.extend_from_slice(bytes);
        }
    }
}
