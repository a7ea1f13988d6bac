//! The process of a server, which never outlives its owner.

use std::{
    collections::VecDeque,
    io,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::McpServerConfig;

/// How much of the standard error is kept for errors: some lines.
const STDERR_BYTES: usize = 2048;

/// How long a server may take to end after its input is closed, and again after it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How long the end of a process, and its last words, may stay behind the end of its output.
const LAST_GASP: Duration = Duration::from_millis(500);

/// How often to look whether the process has ended. Waiting for it would reap it, and with it the right to its group's id.
const LOOK: Duration = Duration::from_millis(10);

/// A server's process, the leader of a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stderr: Tail,
    stderr_reader: JoinHandle<()>,
}

/// The last bytes of a stream.
type Tail = Arc<Mutex<VecDeque<u8>>>;

impl Process {
    /// Starts the server. Its standard error is read, so that it neither blocks nor shows on the host's terminal.
    pub(crate) fn start(config: &McpServerConfig) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        let mut command = Command::new(&config.command);
        for name in &config.hidden_env {
            command.env_remove(name);
        }
        command.args(&config.args).envs(config.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &config.cwd {
            // The system's own words for this would seem to be about the program.
            if !cwd.is_dir() {
                let error = format!("{} is not a directory", cwd.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, error));
            }
            command.current_dir(cwd);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let tail = Tail::default();
        let stderr_reader = tokio::spawn(keep_tail(stderr, Arc::clone(&tail)));
        Ok((Self { child, stderr: tail, stderr_reader }, stdin, stdout))
    }

    /// Tells what the server last wrote to its standard error, if anything, to be added to an error.
    pub(crate) fn last_words(&self) -> String {
        let bytes: Vec<u8> = lock(&self.stderr).iter().copied().collect();
        match String::from_utf8_lossy(&bytes).trim() {
            "" => String::new(),
            text => format!("; its last words: {text}"),
        }
    }

    /// Tells how the process ended, or that it runs without output.
    pub(crate) async fn fate(&self) -> String {
        let deadline = Instant::now() + LAST_GASP;
        while !(self.has_ended() && self.stderr_reader.is_finished()) && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        let how = match self.status() {
            Some(WaitStatus::Exited(_, code)) => format!("it ended with exit code {code}"),
            Some(WaitStatus::Signaled(_, signal, _)) => format!("it was ended by {signal}"),
            _ => "it closed its output".to_owned(),
        };
        how + &self.last_words()
    }

    /// Ends the process, which has lost its input already: waits, asks, kills.
    pub(crate) async fn end(self) {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let deadline = Instant::now() + GRACE;
            while !self.has_ended() && Instant::now() < deadline {
                sleep(LOOK).await;
            }
            if !self.has_ended() {
                self.signal(signal);
            }
        }
        // What it started and left behind goes too.
        self.kill().await;
    }

    /// Kills the process and returns when it is gone.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        // An error means that there is nothing to wait for.
        let _ = self.child.wait().await;
    }

    /// Gives the state of the child without reaping it.
    fn status(&self) -> Option<WaitStatus> {
        let pid = Pid::from_raw(self.child.id()?.cast_signed());
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG).ok()
    }

    fn has_ended(&self) -> bool {
        self.status().is_none_or(|status| status != WaitStatus::StillAlive)
    }

    /// Sends a signal to the group. It is still ours: an id is not given away before its process is reaped.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id() {
            // Failing means that nobody is left.
            let _ = killpg(Pid::from_raw(pid.cast_signed()), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.stderr_reader.abort();
    }
}

async fn keep_tail(mut stream: impl AsyncRead + Unpin, tail: Tail) {
    let mut buffer = vec![0; STDERR_BYTES];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let mut tail = lock(&tail);
        tail.extend(&buffer[..length]);
        let excess = tail.len().saturating_sub(STDERR_BYTES);
        tail.drain(..excess);
    }
}

fn lock(tail: &Tail) -> MutexGuard<'_, VecDeque<u8>> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}
