//! The state of a command that is shared by calls and its supervisor.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{BackgroundProcess, EndReason, TerminalError, head_tail::HeadTail, process::Process};

/// The most bytes of input that wait to be read by the command.
const MAX_WAITING_INPUT: usize = 1 << 20;

/// A command that is running, or whose last output has not been returned yet.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: i32,
    pub(crate) process: Process,
    state: Mutex<State>,
    /// Notifies the supervisor of input or of a kill.
    pub(crate) changed: Notify,
    /// Becomes true once `State::end` is set.
    pub(crate) ended: watch::Sender<bool>,
}

/// The mutable state of a command.
#[derive(Debug)]
pub(crate) struct State {
    /// Output that no call has returned yet.
    pub(crate) fresh: HeadTail,
    /// Input that has not been written to the terminal yet.
    pub(crate) input: VecDeque<u8>,
    /// The fault of this program that ended the command, if one did, until a call returns it.
    pub(crate) fault: Option<String>,
    /// Why the command was killed, if it was.
    pub(crate) killed: Option<EndReason>,
    pub(crate) end: Option<End>,
    /// The processes that the command has left behind, until a call returns them.
    pub(crate) background: Vec<BackgroundProcess>,
    /// When a call last used the session.
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
            fault: None,
            killed: None,
            end: None,
            background: Vec::new(),
            last_used: Instant::now(),
        };
        let (ended, _) = watch::channel(false);
        Self { id, process, state: Mutex::new(state), changed: Notify::new(), ended }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues input for the supervisor: all of it, or none if it does not fit or if the command has ended.
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

    /// Kills the command. Returns whether it was still running. Its supervisor records the end.
    pub(crate) fn kill(&self, reason: EndReason) -> bool {
        let mut state = self.state();
        let was_running = self.process.kill();
        if was_running {
            state.killed.get_or_insert(reason);
            self.changed.notify_one();
        }
        was_running
    }

    /// Waits until the command has ended.
    pub(crate) async fn wait(&self) {
        // An error is impossible: `self` holds the sender.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}
