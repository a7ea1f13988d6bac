//! The readers of requests, within a bound of memory.

use std::collections::BTreeSet;

use rollout_trace_schema::{Seq, ThreadId};

use crate::{map::HashMap, request::RequestReader};

/// The memory that the last requests of all threads may take together before the least recently used are freed.
const REQUEST_MEMORY: usize = 96 << 20;

/// A reader for each thread, which keeps the thread's last request to compare the next one with.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    readers: HashMap<ThreadId, Used>,
    /// The readers that hold a request, by the event that last used them.
    by_use: BTreeSet<(Seq, ThreadId)>,
    /// The memory that all requests take.
    bytes: usize,
}

/// A reader and when it was last used.
#[derive(Debug, Default)]
struct Used {
    reader: RequestReader,
    last_used: Seq,
    bytes: usize,
}

impl Readers {
    /// Returns the reader of a thread's requests.
    pub(crate) fn reader(&mut self, thread: &ThreadId) -> &mut RequestReader {
        if !self.readers.contains_key(thread) {
            self.readers.insert(thread.clone(), Used::default());
        }
        &mut self.readers.get_mut(thread).expect("inserted above if it was missing").reader
    }

    /// Remembers that this event used the thread's reader, and frees the least recently used requests if all together
    /// take too much memory.
    pub(crate) fn note_use(&mut self, thread: &ThreadId, seq: Seq) {
        self.account(thread, Some(seq));
        while self.bytes > REQUEST_MEMORY {
            let Some((_, oldest)) = self.by_use.iter().find(|(_, other)| other != thread) else { return };
            self.forget(&oldest.clone());
        }
    }

    /// Frees the memory of a thread's last request. The next one is read from its start.
    pub(crate) fn forget(&mut self, thread: &ThreadId) {
        if let Some(used) = self.readers.get_mut(thread) {
            used.reader.forget();
            self.account(thread, None);
        }
    }

    /// Updates the totals with what a reader holds.
    fn account(&mut self, thread: &ThreadId, used_at: Option<Seq>) {
        let Some(used) = self.readers.get_mut(thread) else { return };
        self.by_use.remove(&(used.last_used, thread.clone()));
        self.bytes -= used.bytes;
        used.bytes = used.reader.bytes();
        used.last_used = used_at.unwrap_or(used.last_used);
        self.bytes += used.bytes;
        if used.bytes > 0 {
            self.by_use.insert((used.last_used, thread.clone()));
        }
    }
}
