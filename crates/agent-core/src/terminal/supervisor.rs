//! The one task that deals with a running command.

use std::{future::pending, io, pin::pin, sync::Arc, time::Duration};

use nix::{errno::Errno, unistd};
use tokio::{
    net::unix::pipe,
    signal::unix::Signal,
    time::{Instant, sleep_until},
};

use super::{
    CommandEnded, EndReason, TerminalEvent,
    decoder::Decoder,
    head_tail::HeadTail,
    process::Terminal,
    session::{End, Session, State},
};
use crate::pause::Pause;

/// How long output may still come after the end while other processes, left behind by the command, hold its terminal open.
/// Without such processes the terminal says itself when it is empty.
const SETTLE: Duration = Duration::from_millis(100);

/// How often to read after that at most; a terminal holds less than this many reads of output.
const LAST_READS: usize = 64;

/// How long a process that was killed may take to end. One that runs as another user is not ours to kill, and ends, if at all, because
/// its terminal is closed.
const GIVE_UP: Duration = Duration::from_secs(2);

/// How long to wait for the end of a process that was killed in the last moment; the thread is blocked meanwhile.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// What a killed process leaves as exit code.
const KILLED: i32 = 128 + 9;

/// By convention, what a time limit leaves as exit code.
const TIMED_OUT: i32 = 124;

/// Where events go.
pub(crate) type OnEvent = Arc<dyn Fn(TerminalEvent) + Send + Sync>;

/// Moves input and output, keeps the time limit, notices the end. Dropping it, at whatever point, is the end of the command: the
/// process is killed if it still runs, reaped, and its end is told.
pub(crate) struct Supervisor {
    pub(crate) session: Arc<Session>,
    pub(crate) call_id: String,
    pub(crate) terminal: Terminal,
    /// Tells that some child of this program changed.
    pub(crate) children: Signal,
    pub(crate) decoder: Decoder,
    /// The output from beginning to end.
    pub(crate) whole: HeadTail,
    pub(crate) on_event: OnEvent,
    pub(crate) started: Instant,
    pub(crate) pause: Pause,
    /// How long the command may run, pauses apart.
    pub(crate) time_limit: Option<Duration>,
}

impl Supervisor {
    /// Goes on until the command has ended and its output is here.
    pub(crate) async fn run(mut self) {
        let mut buffer = vec![0; 1 << 14];
        let mut open = true;
        let (mut settled_at, mut given_up_at) = (None, None);
        let mut time_is_up = pin!(time_limit(self.pause.clone(), self.time_limit));
        let mut is_up = false;
        loop {
            if settled_at.is_none() && self.session.process.has_ended() {
                settled_at = Some(Instant::now() + SETTLE);
            }
            if settled_at.is_some() && !open {
                return self.read_rest(&mut buffer);
            }
            let (input_waits, killed) = {
                let state = self.session.state();
                (!state.input.is_empty(), state.killed.is_some())
            };
            if killed && given_up_at.is_none() {
                given_up_at = Some(Instant::now() + GIVE_UP);
            }
            tokio::select! {
                _ = self.terminal.output.readable(), if open => open = self.read(&mut buffer).is_none_or(|length| length > 0),
                _ = self.terminal.input.writable(), if open && input_waits => {
                    write(&self.terminal.input, &mut self.session.state());
                }
                _ = self.children.recv() => {}
                () = self.session.changed.notified() => {}
                () = &mut time_is_up, if !is_up && settled_at.is_none() => {
                    is_up = true;
                    self.session.kill(EndReason::TimedOut);
                }
                () = until(given_up_at) => return,
                () = until(settled_at) => return self.read_rest(&mut buffer),
            }
        }
    }

    /// Takes the output that is there: nothing yet, or so many bytes, zero at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.terminal.output.try_read(buffer) {
            Ok(length) => {
                self.take(&buffer[..length]);
                Some(length)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
            // Linux calls it an error when nobody has the terminal open any more.
            Err(_) => Some(0),
        }
    }

    /// Takes the output that is left once the process has ended.
    ///
    /// It asks the terminal itself: on a busy machine the runtime hears of output late, and the system may say that nobody has the
    /// terminal open any more while the last output is still on its way. What the command left behind may write for ever.
    fn read_rest(&mut self, buffer: &mut [u8]) {
        for _ in 0..LAST_READS {
            match unistd::read(&self.terminal.output, buffer) {
                Ok(length) if length > 0 => self.take(&buffer[..length]),
                Err(Errno::EINTR) => {}
                _ => return,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let text = self.decoder.push(bytes);
        self.whole.push(&text);
        self.session.state().fresh.push(&text);
    }
}

async fn time_limit(pause: Pause, limit: Option<Duration>) {
    match limit {
        Some(limit) => pause.sleep(limit).await,
        None => pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// Writes as much of the waiting input as the terminal takes now.
fn write(terminal: &pipe::Sender, state: &mut State) {
    match terminal.try_write(state.input.as_slices().0) {
        Ok(length) => drop(state.input.drain(..length)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
        // Reading tells what is wrong with the terminal.
        Err(_) => state.input.clear(),
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let session = &self.session;
        session.kill(EndReason::Killed);
        let reason = session.state().killed.unwrap_or(EndReason::Exited);
        let status = session.process.exit_code(LAST_MOMENT);
        let exit_code = if reason == EndReason::TimedOut { TIMED_OUT } else { status.unwrap_or(KILLED) };
        let rest = self.decoder.finish();
        self.whole.push(rest);
        (self.on_event)(TerminalEvent::Ended(CommandEnded {
            call_id: std::mem::take(&mut self.call_id),
            session_id: session.id,
            process_id: session.process.id(),
            exit_code,
            reason,
            output: self.whole.excerpt(usize::MAX),
            duration: self.started.elapsed(),
        }));
        let mut state = session.state();
        state.fresh.push(rest);
        state.input.clear();
        state.end = Some(End { exit_code, reason });
        drop(state);
        session.ended.send_replace(true);
    }
}
