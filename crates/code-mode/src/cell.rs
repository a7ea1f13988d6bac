//! The state of a cell that is shared by the session that waits for it and the thread that runs it.

use std::{
    mem,
    pin::pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
};

use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::{CellId, ContentItem, RuntimeToolCallId, thread::CellThread, tool::ToolAnswer};

/// A message from the session to the thread.
pub(crate) enum Command {
    /// Settles a tool call.
    Answer(RuntimeToolCallId, ToolAnswer),
    /// Makes the thread check [`Cell::halted`].
    Wake,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Terminated,
    Finished { stored_values: Map<String, Value>, error_text: Option<String> },
}

/// How far a cell has come.
pub(crate) enum Progress {
    Working,
    Ended(Outcome),
    /// The end has already been returned to another caller.
    Gone,
}

pub(crate) struct Cell {
    pub(crate) id: CellId,
    commands: Mutex<Sender<Command>>,
    /// Whether the script must stop. Set by either side, and read by the engine's interrupt handler.
    halt: AtomicBool,
    /// Whether the session has set `halt`.
    terminated: AtomicBool,
    pending: Mutex<Pending>,
    /// What the next response takes.
    changed: Notify,
    pub(crate) thread: CellThread,
}

#[derive(Default)]
struct Pending {
    content: Vec<ContentItem>,
    content_bytes: usize,
    yield_requested: bool,
    outcome: Option<Outcome>,
    /// Whether the end has been returned. The thread may still be running; its output is then discarded.
    gone: bool,
}

impl Pending {
    fn is_over(&self) -> bool {
        self.outcome.is_some() || self.gone
    }
}

impl Cell {
    pub(crate) fn new(id: CellId, commands: Sender<Command>) -> Self {
        Self {
            id,
            commands: Mutex::new(commands),
            halt: AtomicBool::new(false),
            terminated: AtomicBool::new(false),
            pending: Mutex::default(),
            changed: Notify::new(),
            thread: CellThread::default(),
        }
    }

    /// Stops the script on behalf of the session.
    pub(crate) fn terminate(&self) {
        self.terminated.store(true, Ordering::Relaxed);
        self.halt();
        self.send(Command::Wake);
    }

    /// Stops the script.
    pub(crate) fn halt(&self) {
        self.halt.store(true, Ordering::Release);
    }

    pub(crate) fn halted(&self) -> bool {
        self.halt.load(Ordering::Acquire)
    }

    pub(crate) fn terminated(&self) -> bool {
        self.terminated.load(Ordering::Relaxed)
    }

    /// Returns whether the thread is still there to receive the command.
    pub(crate) fn send(&self, command: Command) -> bool {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).send(command).is_ok()
    }

    /// Adds output. Returns the item as an error if more than `limit` bytes would then be pending.
    pub(crate) fn push(&self, item: ContentItem, limit: usize) -> Result<(), ContentItem> {
        // Even an empty item costs memory.
        let bytes = item.bytes() + mem::size_of::<ContentItem>();
        let mut pending = self.pending();
        if pending.content_bytes + bytes > limit {
            return Err(item);
        }
        if !pending.gone {
            pending.content_bytes += bytes;
            pending.content.push(item);
        }
        Ok(())
    }

    pub(crate) fn request_yield(&self) {
        self.pending().yield_requested = true;
        self.changed.notify_waiters();
    }

    /// Records how the cell ended. Only the first call counts.
    pub(crate) fn end(&self, outcome: Outcome) {
        let mut pending = self.pending();
        if !pending.gone {
            pending.outcome.get_or_insert(outcome);
        }
        drop(pending);
        self.changed.notify_waiters();
    }

    /// Waits until the cell yields or ends.
    pub(crate) async fn changed(&self) {
        self.until(|pending| pending.yield_requested || pending.outcome.is_some() || pending.gone).await;
    }

    /// Waits until the cell ends.
    pub(crate) async fn ended(&self) {
        self.until(Pending::is_over).await;
    }

    /// Returns whether the cell has ended, even if its end has already been returned.
    pub(crate) fn is_over(&self) -> bool {
        self.pending().is_over()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.pending().outcome.is_some()
    }

    async fn until(&self, holds: impl Fn(&Pending) -> bool) {
        loop {
            let mut notified = pin!(self.changed.notified());
            // Listening begins before the check, so that no change between the two is missed.
            notified.as_mut().enable();
            if holds(&self.pending()) {
                return;
            }
            notified.await;
        }
    }

    /// Removes and returns the pending output and, once it is there, the end.
    pub(crate) fn take(&self) -> (Vec<ContentItem>, Progress) {
        let mut pending = self.pending();
        pending.yield_requested = false;
        pending.content_bytes = 0;
        let content = mem::take(&mut pending.content);
        let progress = match pending.outcome.take() {
            Some(outcome) => Progress::Ended(outcome),
            None if pending.gone => Progress::Gone,
            None => Progress::Working,
        };
        pending.gone |= matches!(progress, Progress::Ended(_));
        (content, progress)
    }

    /// Removes and returns the output of a terminated cell without waiting for its thread.
    pub(crate) fn abandon(&self) -> Vec<ContentItem> {
        let content = {
            let mut pending = self.pending();
            pending.gone = true;
            mem::take(&mut pending.content)
        };
        self.changed.notify_waiters();
        content
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
