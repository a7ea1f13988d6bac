//! The threads that a bundle knows.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rollout_trace_schema::ThreadId;

/// Tracks which threads of a rollout began, run and ended.
#[derive(Debug, Default)]
pub(crate) struct Threads(Mutex<HashMap<ThreadId, ThreadState>>);

#[derive(Debug, Default)]
struct ThreadState {
    ended: bool,
    /// How many handles of the thread exist. Clones of a handle count as one.
    handles: usize,
}

/// What a bundle knew about a thread before the thread got another handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeforeEntry {
    /// Nothing: the thread begins.
    Unknown,
    Running,
    Ended,
}

impl Threads {
    /// Records that a thread got a new handle.
    pub(crate) fn enter(&self, thread_id: &ThreadId) -> BeforeEntry {
        let mut threads = self.lock();
        let before = match threads.get(thread_id) {
            None => BeforeEntry::Unknown,
            Some(ThreadState { ended: false, .. }) => BeforeEntry::Running,
            Some(ThreadState { ended: true, .. }) => BeforeEntry::Ended,
        };
        let thread = threads.entry(thread_id.clone()).or_default();
        thread.handles += 1;
        thread.ended = false;
        before
    }

    /// Records that a thread ended. Returns whether it was running.
    pub(crate) fn end(&self, thread_id: &ThreadId) -> bool {
        match self.lock().get_mut(thread_id) {
            Some(thread) if !thread.ended => {
                thread.ended = true;
                true
            }
            _ => false,
        }
    }

    /// Records that a handle of a thread was dropped. Returns whether it was the last one and the thread still runs.
    pub(crate) fn leave(&self, thread_id: &ThreadId) -> bool {
        self.lock().get_mut(thread_id).is_some_and(|thread| {
            thread.handles -= 1;
            thread.handles == 0 && !thread.ended
        })
    }

    /// Returns whether a thread has begun.
    pub(crate) fn knows(&self, thread_id: &str) -> bool {
        self.lock().contains_key(thread_id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ThreadId, ThreadState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
