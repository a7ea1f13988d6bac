//! The process of a server, which never outlives its owner.

use std::{
    collections::VecDeque,
    io,
    process::Stdio,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::McpServerConfig;
use crate::lock::lock;

/// The most bytes kept of the standard error, to be shown in errors.
const STDERR_BYTES: usize = 2048;

/// How long a server may take to end after its input was closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait, after the end of the output, for the end of the process and of its standard error.
const LAST_GASP: Duration = Duration::from_secs(2);

/// How often to check whether the process has ended. Waiting for the process would reap it, and its group's id could
/// then be reused.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A server's process, the leader of a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Group,
    stderr: Tail,
    stderr_reader: JoinHandle<()>,
    /// When it was first noticed that the output or the input is closed.
    seen_ending: OnceLock<Instant>,
}

/// The last bytes of a stream.
type Tail = Arc<Mutex<VecDeque<u8>>>;

/// The process group of a server.
#[derive(Clone, Debug)]
pub(crate) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    /// Kills the group, unless its leader has been reaped: another group may have the id by then.
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = *lock(&self.0) {
            // An error means that no process is left in the group.
            let _ = killpg(group, signal);
        }
    }

    /// Reaps the processes of the group that this process has adopted.
    fn reap(leader: Pid) {
        let group = Pid::from_raw(-leader.as_raw());
        while waitpid(group, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status != WaitStatus::StillAlive) {}
    }
}

impl Process {
    /// Starts the server. Its standard error is read continuously, so that it neither blocks nor appears on the host's
    /// terminal.
    pub(crate) fn start(config: &McpServerConfig) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        let mut command = Command::new(&config.command);
        for name in &config.hidden_env {
            command.env_remove(name);
        }
        command.args(&config.args).envs(config.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &config.cwd {
            // The system's own error would seem to be about the program.
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
        let group = Group(Arc::new(Mutex::new(child.id().map(|pid| Pid::from_raw(pid.cast_signed())))));
        Ok((Self { child, group, stderr: tail, stderr_reader, seen_ending: OnceLock::new() }, stdin, stdout))
    }

    pub(crate) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Returns the end of the server's standard error as a suffix for an error message, or an empty text if there is
    /// none.
    pub(crate) fn stderr_suffix(&self) -> String {
        let bytes: Vec<u8> = lock(&self.stderr).iter().copied().collect();
        match String::from_utf8_lossy(&bytes).trim() {
            "" => String::new(),
            text => format!("; its standard error ends with: {text}"),
        }
    }

    /// Describes how the process ended, or if it did not, says `otherwise`.
    pub(crate) async fn describe_end(&self, otherwise: &str) -> String {
        // Of many calls, only the first one waits so long.
        let deadline = *self.seen_ending.get_or_init(Instant::now) + LAST_GASP;
        while !(self.has_ended() && self.stderr_reader.is_finished()) && Instant::now() < deadline {
            sleep(POLL_INTERVAL).await;
        }
        let how = match self.status() {
            Some(WaitStatus::Exited(_, code)) => format!("it ended with exit code {code}"),
            Some(WaitStatus::Signaled(_, signal, _)) => format!("it was killed by {signal}"),
            _ => otherwise.to_owned(),
        };
        how + &self.stderr_suffix()
    }

    /// Ends the process, whose input is already closed: waits, then sends SIGTERM, then kills it.
    pub(crate) async fn end(self) {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let deadline = Instant::now() + GRACE;
            while !self.has_ended() && Instant::now() < deadline {
                sleep(POLL_INTERVAL).await;
            }
            if !self.has_ended() {
                self.group.signal(signal);
            }
        }
        // Also kills processes that the server has left behind.
        self.kill().await;
    }

    /// Kills the process, and waits until it has ended, but not for long.
    pub(crate) async fn kill(mut self) {
        self.group.kill();
        // A process that is blocked in the kernel ends at any time, or never.
        if timeout(GRACE, self.child.wait()).await.is_ok() {
            let leader = lock(&self.group.0).take();
            leader.into_iter().for_each(Group::reap);
        }
    }

    /// Returns the state of the child without reaping it.
    fn status(&self) -> Option<WaitStatus> {
        let pid = Pid::from_raw(self.child.id()?.cast_signed());
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG).ok()
    }

    fn has_ended(&self) -> bool {
        self.status().is_none_or(|status| status != WaitStatus::StillAlive)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
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
