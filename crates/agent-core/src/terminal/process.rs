//! A process on a pseudo-terminal, which never outlives its owner and is never left a zombie.

use std::{
    collections::HashSet,
    ffi::OsString,
    io,
    os::{
        fd::{AsRawFd, RawFd},
        unix::process::ExitStatusExt,
    },
    path::Path,
    process::{Child, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use filedescriptor::FileDescriptor;
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::net::unix::pipe;

use super::TerminalError;

/// Wide enough for tables and listings, which programs fit to their terminal.
const SIZE: PtySize = PtySize { rows: 24, cols: 120, pixel_width: 0, pixel_height: 0 };

/// A child that leads its own session and process group.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    /// Locked while the child is reaped or killed. Before a child is reaped, its id cannot refer to another process.
    child: Mutex<Child>,
}

/// The command to start.
pub(crate) struct Launch<'a> {
    pub(crate) command: &'a [String],
    pub(crate) cwd: &'a Path,
    /// Environment variables, of which later entries override earlier ones.
    pub(crate) env: Vec<&'a (String, String)>,
    pub(crate) hidden_env: &'a [String],
}

impl Launch<'_> {
    /// Starts the process.
    pub(crate) fn start(self) -> Result<(Process, Terminal), TerminalError> {
        let program = self.command.first().filter(|program| !program.is_empty()).ok_or(TerminalError::EmptyCommand)?;
        let pair = native_pty_system()
            .openpty(SIZE)
            .map_err(|error| TerminalError::NoTerminal(io::Error::other(format!("{error:#}"))))?;
        let terminal = Terminal::of(&*pair.master).map_err(TerminalError::NoTerminal)?;

        let mut builder = CommandBuilder::from_argv(self.command.iter().map(OsString::from).collect());
        builder.cwd(self.cwd);
        for name in self.hidden_env {
            builder.env_remove(name);
        }
        for (name, value) in self.env {
            builder.env(name, value);
        }
        let child: Box<dyn portable_pty::Child> = pair
            .slave
            .spawn_command(builder)
            .map_err(|error| TerminalError::NoStart { program: program.clone(), reason: format!("{error:#}") })?;
        let child = child.downcast::<Child>().expect("on Unix, the child is a standard child process");
        Ok((Process { pid: child.id(), child: Mutex::new(*child) }, terminal))
    }
}

/// The host's end of a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) output: pipe::Receiver,
    pub(crate) input: pipe::Sender,
}

impl Terminal {
    /// Duplicates the descriptor so that the runtime can poll it; the library's own reader and writer would each block
    /// a thread. The runtime treats every descriptor that can be polled as a pipe.
    fn of(master: &dyn MasterPty) -> io::Result<Self> {
        let raw = master.as_raw_fd().ok_or(io::ErrorKind::Unsupported)?;
        let mut descriptor = FileDescriptor::dup(&Raw(raw)).map_err(io::Error::other)?;
        descriptor.set_non_blocking(true).map_err(io::Error::other)?;
        let file = || descriptor.as_file().map_err(io::Error::other);
        let output = pipe::Receiver::from_file_unchecked(file()?)?;
        let input = pipe::Sender::from_file_unchecked(file()?)?;
        Ok(Self { output, input })
    }
}

struct Raw(RawFd);

impl AsRawFd for Raw {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the process has ended, and reaps it if so.
    pub(crate) fn has_ended(&self) -> bool {
        // An error means that the child has already been reaped.
        !matches!(self.child().try_wait(), Ok(None))
    }

    /// Kills the process and everything in its session. Returns whether the process was still running.
    pub(crate) fn kill(&self) -> bool {
        let mut child = self.child();
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        let leader = Pid::from_raw(self.pid.cast_signed());
        // A shell with job control starts children in process groups of their own, so killing one group is not enough.
        let mut killed = HashSet::new();
        loop {
            let found: Vec<Pid> = session_members(self.pid).into_iter().filter(|pid| killed.insert(*pid)).collect();
            for pid in &found {
                // An error means that the process has ended, or that it belongs to another user.
                let _ = kill(*pid, Signal::SIGKILL);
            }
            if found.is_empty() {
                break;
            }
        }
        let _ = killpg(leader, Signal::SIGKILL);
        let _ = child.kill();
        true
    }

    /// Waits for the end of the process, which should be near, and returns the exit code: 128 plus the signal's number
    /// if a signal ended the process. Returns `None` if the process does not end, which is possible if it belongs to
    /// another user.
    pub(crate) fn exit_code(&self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        loop {
            match self.child().try_wait() {
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
                Ok(status) => return status.as_ref().map(exit_code),
                Err(_) => return None,
            }
        }
    }
}

fn exit_code(status: &ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Lists the running processes of a session. Returns an empty list on systems other than Linux, where only the process
/// group is killed.
fn session_members(leader: u32) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|pid| session_of(*pid) == Some(leader)).map(|pid| Pid::from_raw(pid.cast_signed())).collect()
}

/// Returns the session of a process, or `None` if the process has ended or is a zombie.
fn session_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain any characters. State, parent, group and session follow it.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let session = fields.nth(2)?.parse().ok()?;
    (state != "Z").then_some(session)
}
