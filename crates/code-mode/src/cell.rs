//! A cell as both of its sides see it: the session that waits for it, and the thread that runs it.

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

use crate::{CellId, ContentItem, RuntimeToolCallId, thread::CellThread};

/// What the session tells the thread.
pub(crate) enum Command {
    /// A tool call is answered.
    Answer(RuntimeToolCallId, Result<Value, String>),
    /// The thread shall look at [`Cell::halted`].
    Wake,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Terminated,
    Finished { stored_values: Map<String, Value>, error_text: Option<String> },
}

/// What waits to be handed out.
pub(crate) enum Progress {
    Working,
    Ended(Outcome),
    /// The end has been handed out to somebody else.
    Gone,
}

pub(crate) struct Cell {
    pub(crate) id: CellId,
    commands: Mutex<Sender<Command>>,
    /// Set from either side, seen by the engine's interrupt handler: nothing of the script runs any more.
    halt: AtomicBool,
    /// Whether it is the session that set `halt`.
    terminated: AtomicBool,
    outside: Mutex<Outside>,
    changed: Notify,
    pub(crate) thread: CellThread,
}

#[derive(Default)]
struct Outside {
    content: Vec<ContentItem>,
    content_bytes: usize,
    yield_requested: bool,
    outcome: Option<Outcome>,
    /// The end has been handed out, perhaps without waiting for the thread: what it still produces is for nobody.
    gone: bool,
}

impl Cell {
    pub(crate) fn new(id: CellId, commands: Sender<Command>) -> Self {
        Self {
            id,
            commands: Mutex::new(commands),
            halt: AtomicBool::new(false),
            terminated: AtomicBool::new(false),
            outside: Mutex::default(),
            changed: Notify::new(),
            thread: CellThread::default(),
        }
    }

    /// Stops the script from outside.
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

    /// Gives whether the thread is still there to hear it.
    pub(crate) fn send(&self, command: Command) -> bool {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).send(command).is_ok()
    }

    /// Adds output; gives it back where more than `limit` bytes would wait to be handed out.
    pub(crate) fn push(&self, item: ContentItem, limit: usize) -> Result<(), ContentItem> {
        // An item costs memory of its own, however short it is.
        let bytes = item.bytes() + mem::size_of::<ContentItem>();
        let mut outside = self.outside();
        if outside.content_bytes + bytes > limit {
            return Err(item);
        }
        if !outside.gone {
            outside.content_bytes += bytes;
            outside.content.push(item);
        }
        Ok(())
    }

    pub(crate) fn request_yield(&self) {
        self.outside().yield_requested = true;
        self.changed.notify_waiters();
    }

    /// Says how the cell ended; only the first one counts.
    pub(crate) fn end(&self, outcome: Outcome) {
        let mut outside = self.outside();
        if !outside.gone {
            outside.outcome.get_or_insert(outcome);
        }
        drop(outside);
        self.changed.notify_waiters();
    }

    /// Waits until there is something to hand out.
    pub(crate) async fn changed(&self) {
        self.until(|outside| outside.yield_requested || outside.outcome.is_some() || outside.gone).await;
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) {
        self.until(|outside| outside.outcome.is_some() || outside.gone).await;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.outside().outcome.is_some()
    }

    async fn until(&self, holds: impl Fn(&Outside) -> bool) {
        loop {
            let mut notified = pin!(self.changed.notified());
            // Listening begins before looking, so that no change falls between the two.
            notified.as_mut().enable();
            if holds(&self.outside()) {
                return;
            }
            notified.await;
        }
    }

    /// Hands out the output so far, once, and the end, once.
    pub(crate) fn take(&self) -> (Vec<ContentItem>, Progress) {
        let mut outside = self.outside();
        outside.yield_requested = false;
        outside.content_bytes = 0;
        let content = mem::take(&mut outside.content);
        let progress = match outside.outcome.take() {
            Some(outcome) => Progress::Ended(outcome),
            None if outside.gone => Progress::Gone,
            None => Progress::Working,
        };
        outside.gone |= matches!(progress, Progress::Ended(_));
        (content, progress)
    }

    /// Hands out the output of a terminated cell whose thread is not waited for.
    pub(crate) fn abandon(&self) -> Vec<ContentItem> {
        let content = {
            let mut outside = self.outside();
            outside.gone = true;
            mem::take(&mut outside.content)
        };
        self.changed.notify_waiters();
        content
    }

    fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
