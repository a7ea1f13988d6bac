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

/// Wide enough for the tables and listings that programs fit to their terminal.
const SIZE: PtySize = PtySize { rows: 24, cols: 120, pixel_width: 0, pixel_height: 0 };

/// A child that leads its own session of processes, and with it their group.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    /// Held while the child is reaped and while it is killed: until it is reaped, its id cannot name anybody else.
    child: Mutex<Child>,
}

/// What to start.
pub(crate) struct Launch<'a> {
    pub(crate) command: &'a [String],
    pub(crate) cwd: &'a Path,
    /// Later entries win.
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
        let child = child.downcast::<Child>().expect("on Unix, a child on a terminal is a child like any other");
        Ok((Process { pid: child.id(), child: Mutex::new(*child) }, terminal))
    }
}

/// Our end of a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) output: pipe::Receiver,
    pub(crate) input: pipe::Sender,
}

impl Terminal {
    /// Takes descriptors of its own: the runtime can wait for them, while those of the library block a thread each. To the runtime
    /// a pipe is whatever can be read or written and polled.
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

    /// Says whether the process has ended, and reaps it.
    pub(crate) fn has_ended(&self) -> bool {
        // An error means that there is no such child any more.
        !matches!(self.child().try_wait(), Ok(None))
    }

    /// Kills the process and everything in its session, and says whether there was something to kill.
    pub(crate) fn kill(&self) -> bool {
        let mut child = self.child();
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        let leader = Pid::from_raw(self.pid.cast_signed());
        // Children that a job-controlling shell started are in groups of their own, so the group is not enough.
        let mut killed = HashSet::new();
        loop {
            let found: Vec<Pid> = session_members(self.pid).into_iter().filter(|pid| killed.insert(*pid)).collect();
            for pid in &found {
                // Failing means that it is gone already, or not ours to kill.
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

    /// Waits for the end, which should be near, and gives the exit code: 128 and the signal's number for one that a signal ended.
    /// A process that belongs to another user may not end.
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

/// Lists the processes of a session that still run. Only Linux tells; elsewhere the process group has to do.
fn session_members(leader: u32) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|pid| session_of(*pid) == Some(leader)).map(|pid| Pid::from_raw(pid.cast_signed())).collect()
}

/// Tells the session of a process that is not a zombie.
fn session_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may itself hold anything; after it come state, parent, group and session.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let session = fields.nth(2)?.parse().ok()?;
    (state != "Z").then_some(session)
}
