//! The task that supervises a running command.

use std::{future::pending, io, pin::pin, sync::Arc, time::Duration};

use nix::{errno::Errno, unistd};
use rustix::termios::tcgetattr;
use tokio::{
    net::unix::pipe,
    signal::unix::Signal,
    time::{Instant, sleep_until},
};

use super::{
    CommandEnded, EndReason, TerminalEvent,
    background::{BRIEF_GRACE, LeftBehind, Survivors},
    decoder::Decoder,
    head_tail::HeadTail,
    input::{InputLine, Next},
    process::Terminal,
    session::{End, Session, State},
};
use crate::{
    fault,
    guard::{caught, guarded},
    pause::Pause,
};

/// How long to wait for output after the end of the command, if processes that it has left behind keep its terminal
/// open. Otherwise the terminal itself signals the end of the output.
const SETTLE: Duration = Duration::from_millis(100);

/// The most reads after that; a terminal's buffer takes fewer reads.
const LAST_READS: usize = 64;

/// How long a killed process may take to end. A process of another user cannot be killed, and ends only when its
/// terminal is closed, if at all.
const GIVE_UP: Duration = Duration::from_secs(2);

/// How long to wait for the end of a process that is killed when the supervisor is dropped. The wait blocks the thread.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// The exit code of a killed process.
const KILLED: i32 = 128 + 9;

/// The conventional exit code of a command that reached its time limit.
const TIMED_OUT: i32 = 124;

/// The receiver of events.
pub(crate) type OnEvent = Arc<dyn Fn(TerminalEvent) + Send + Sync>;

/// Moves input and output, enforces the time limit, and notices the end. Dropping the supervisor at any point ends the
/// command: the process is killed if it is still running, and reaped, and its end is reported.
pub(crate) struct Supervisor {
    pub(crate) session: Arc<Session>,
    pub(crate) call_id: String,
    pub(crate) terminal: Terminal,
    /// The signal that a child of this program has changed its state.
    pub(crate) children: Signal,
    pub(crate) decoder: Decoder,
    /// The whole output.
    pub(crate) whole: HeadTail,
    pub(crate) on_event: OnEvent,
    pub(crate) started: Instant,
    pub(crate) pause: Pause,
    /// How long the command may run, not counting pauses.
    pub(crate) time_limit: Option<Duration>,
    pub(crate) line: InputLine,
    /// The mark of the command's processes.
    pub(crate) mark: String,
    pub(crate) survivors: Arc<Survivors>,
    pub(crate) hangup_grace: Duration,
    /// What the command has left behind, once that is known.
    pub(crate) left_behind: Option<LeftBehind>,
    /// Whether the process was killed and does not end.
    pub(crate) has_given_up: bool,
}

impl Supervisor {
    /// Runs until the command has ended, its output has been read, and it is known what it has left behind. A panic ends
    /// the command.
    pub(crate) async fn run(mut self) {
        if let Err(panicked) = guarded(self.supervise()).await {
            self.session.state().fault = Some(panicked.to_string());
            self.session.kill(EndReason::Killed);
            return;
        }
        if self.session.process.has_ended() {
            let mut left = self.left_behind(self.hangup_grace);
            left.known().await;
            if self.session.state().killed.is_some() {
                left.kill().await;
            }
            self.left_behind = Some(left);
        } else {
            self.has_given_up = true;
        }
    }

    fn left_behind(&mut self, grace: Duration) -> LeftBehind {
        LeftBehind::of(self.session.process.id(), std::mem::take(&mut self.mark), grace)
    }

    async fn supervise(&mut self) {
        fault::point("command", "");
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
                    write(&self.terminal.input, &mut self.session.state(), &mut self.line);
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

    /// Reads the available output. Returns the number of bytes, which is 0 at the end, or `None` if there is no output
    /// yet.
    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.terminal.output.try_read(buffer) {
            Ok(length) => {
                self.take(&buffer[..length]);
                Some(length)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
            // Linux reports an error when no process has the terminal open any more.
            Err(_) => Some(0),
        }
    }

    /// Reads the remaining output after the end of the process.
    ///
    /// It reads from the terminal directly: on a busy machine the runtime learns of output late, and the system may
    /// report that no process has the terminal open while the last output is still in the buffer. The number of reads
    /// is limited because processes that the command has left behind may write forever.
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
fn write(terminal: &pipe::Sender, state: &mut State, line: &mut InputLine) {
    let input = state.input.as_slices().0;
    // An error means that this is not a terminal any more.
    let settings = tcgetattr(terminal).ok();
    let next = settings.as_ref().map_or(Next::Input(input.len()), |settings| line.next(input, settings));
    let (bytes, is_input) = match &next {
        Next::Input(length) => (&input[..*length], true),
        Next::PassOn(code) => (std::slice::from_ref(code), false),
    };
    match terminal.try_write(bytes) {
        Ok(length) => {
            if let Some(settings) = &settings {
                line.written(&bytes[..length], settings);
            }
            if is_input {
                state.input.drain(..length);
            }
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
        // The next read reports what is wrong with the terminal.
        Err(_) => state.input.clear(),
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let session = Arc::clone(&self.session);
        session.kill(EndReason::Killed);
        let reason = session.state().killed.unwrap_or(EndReason::Exited);
        let limit = if self.has_given_up { Duration::ZERO } else { LAST_MOMENT };
        let status = session.process.exit_code(limit);
        let exit_code = if reason == EndReason::TimedOut { TIMED_OUT } else { status.unwrap_or(KILLED) };
        let was_killed = reason != EndReason::Exited;
        let left = self.left_behind.take().or_else(|| {
            // The runtime has ended, or this program has a fault, or the process was killed and takes its time.
            let mut left = self.left_behind(BRIEF_GRACE);
            status.is_some().then(|| {
                left.wait();
                if was_killed {
                    left.kill_now();
                }
                left
            })
        });
        let background = left.map(|left| left.finish(&self.survivors));
        let rest = self.decoder.finish();
        self.whole.push(rest);
        let ended = TerminalEvent::Ended(CommandEnded {
            call_id: std::mem::take(&mut self.call_id),
            session_id: session.id,
            process_id: session.process.id(),
            exit_code,
            reason,
            output: self.whole.excerpt(usize::MAX),
            duration: self.started.elapsed(),
        });
        // Whoever waits for the end must learn of it even if the receiver of events panics, and a panic here would end the
        // whole program if another one is the reason for the end.
        if let Err(panicked) = caught(|| (self.on_event)(ended)) {
            session.state().fault.get_or_insert(panicked.to_string());
        }
        let mut state = session.state();
        state.fresh.push(rest);
        state.input.clear();
        state.end = Some(End { exit_code, reason });
        state.background = background.unwrap_or_default();
        drop(state);
        session.ended.send_replace(true);
    }
}
