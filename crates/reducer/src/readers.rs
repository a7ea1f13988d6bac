//! The readers of requests, within a bound of memory.

use std::collections::{BTreeSet, HashMap};

use rollout_trace_schema::{Seq, ThreadId};

use crate::request::RequestReader;

/// The memory that the last requests of all threads may take together before those of the least used are freed.
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

/// A reader and what is known of its use.
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

    /// Remembers that the thread's reader was used by this event, and frees the memory of those that were used least if
    /// all together take too much.
    pub(crate) fn note_use(&mut self, thread: &ThreadId, seq: Seq) {
        self.account(thread, Some(seq));
        while self.bytes > REQUEST_MEMORY {
            let Some((_, oldest)) = self.by_use.iter().find(|(_, other)| other != thread) else { return };
            self.forget(&oldest.clone());
        }
    }

    /// Frees the memory of a thread's last request. The next one is read whole.
    pub(crate) fn forget(&mut self, thread: &ThreadId) {
        if let Some(used) = self.readers.get_mut(thread) {
            used.reader.forget();
            self.account(thread, None);
        }
    }

    /// Brings the books up to date with what a reader holds.
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
