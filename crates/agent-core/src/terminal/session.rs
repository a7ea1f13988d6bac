//! A command, as calls and its supervisor share it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{EndReason, TerminalError, head_tail::HeadTail, process::Process};

/// Input that nobody reads is refused beyond this many bytes.
const MAX_WAITING_INPUT: usize = 1 << 20;

/// A command that runs, or whose last output nobody has fetched yet.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: i32,
    pub(crate) process: Process,
    state: Mutex<State>,
    /// Tells the supervisor that there is input, or that it was killed.
    pub(crate) changed: Notify,
    /// Becomes true, once, when `State::end` is there.
    pub(crate) ended: watch::Sender<bool>,
}

/// What changes in the life of a command.
#[derive(Debug)]
pub(crate) struct State {
    /// Output that no call has given yet.
    pub(crate) fresh: HeadTail,
    /// What has been written and not yet reached the terminal.
    pub(crate) input: VecDeque<u8>,
    /// Why it was killed, if it was.
    pub(crate) killed: Option<EndReason>,
    pub(crate) end: Option<End>,
    /// When a call last dealt with it.
    pub(crate) last_used: Instant,
}

/// How a command ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) exit_code: i32,
    pub(crate) reason: EndReason,
}

impl Session {
    pub(crate) fn new(id: i32, process: Process, max_buffered_bytes: usize) -> Self {
        let state = State {
            fresh: HeadTail::new(max_buffered_bytes),
            input: VecDeque::new(),
            killed: None,
            end: None,
            last_used: Instant::now(),
        };
        let (ended, _) = watch::channel(false);
        Self { id, process, state: Mutex::new(state), changed: Notify::new(), ended }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues input for the supervisor. Nothing is queued if not all of it can be, or if the command has ended.
    pub(crate) fn write(&self, chars: &str) -> Result<(), TerminalError> {
        let mut state = self.state();
        let waiting = state.input.len();
        if waiting > 0 && waiting + chars.len() > MAX_WAITING_INPUT {
            return Err(TerminalError::InputFull { session_id: self.id, waiting });
        }
        if state.end.is_none() {
            state.input.extend(chars.as_bytes());
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Kills the command, if it still runs. Its supervisor does the rest.
    pub(crate) fn kill(&self, reason: EndReason) -> bool {
        let mut state = self.state();
        let hit = self.process.kill();
        if hit {
            state.killed.get_or_insert(reason);
            self.changed.notify_one();
        }
        hit
    }

    /// Waits for the end.
    pub(crate) async fn wait(&self) {
        // The sender lives as long as `self`.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}
