//! A process on a pseudo-terminal, which never outlives its owner and is never left a zombie.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs,
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::Path,
    process::{Child, ExitStatus},
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use pty_process::{Size, blocking};
use tempfile::TempPath;
use tokio::{net::unix::pipe, signal::unix as signals};

use super::{TerminalError, background::session_members};

/// Wide enough for tables and listings, which programs fit to their terminal.
const ROWS: u16 = 24;
const COLUMNS: u16 = 120;

/// How often a kill looks for further processes. A program that starts them faster than they are killed would keep it going
/// forever.
const KILL_ROUNDS: usize = 64;

/// The longest argument that Linux passes to a program, without the zero byte that ends it.
const MAX_ARGUMENT_BYTES: usize = (128 << 10) - 1;

/// A child that leads its own session and process group.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    /// Locked while the child is reaped or killed. Before a child is reaped, its id cannot refer to another process.
    child: Mutex<Child>,
    /// The file that the process runs, if its script is too long for an argument.
    _script: Option<TempPath>,
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
        let no_start = |reason: String| TerminalError::NoStart { program: program.clone(), reason };
        let no_terminal = |error| match error {
            pty_process::Error::Io(error) => TerminalError::NoTerminal(error),
            other => TerminalError::NoTerminal(io::Error::other(other)),
        };
        let (host, end) = blocking::open().map_err(no_terminal)?;
        // Until a terminal has an end, setting its size fails on some systems.
        host.resize(Size::new(ROWS, COLUMNS)).map_err(no_terminal)?;
        let terminal = Terminal::of(host.into()).map_err(TerminalError::NoTerminal)?;
        let (command, script) = fitting(self.command).map_err(|error| {
            no_start(format!("its script is too long for an argument, and cannot be stored: {error}"))
        })?;
        if let Some((number, argument)) =
            command.iter().enumerate().find(|(_, argument)| argument.len() > MAX_ARGUMENT_BYTES)
        {
            let length = argument.len();
            return Err(no_start(format!(
                "its argument {number} has {length} bytes, but the system takes {MAX_ARGUMENT_BYTES}; write it to a file first"
            )));
        }
        restore_signals();
        let mut builder = blocking::Command::new(program).args(&command[1..]).current_dir(self.cwd);
        for name in self.hidden_env {
            builder = builder.env_remove(name);
        }
        let child = builder.envs(self.env.into_iter().map(|(name, value)| (name, value))).spawn(end);
        let child = child.map_err(|error| match error {
            pty_process::Error::Io(error) => no_start(reason(&error, &self.cwd.join(program))),
            other => no_start(other.to_string()),
        })?;
        Ok((Process { pid: child.id(), child: Mutex::new(child), _script: script }, terminal))
    }
}

/// Returns the command in a form that the system can pass on. A shell that is given a script too long for an argument
/// runs it from a private file, which is removed with the process. Everything else stays as it is.
fn fitting(command: &[String]) -> io::Result<(Cow<'_, [String]>, Option<TempPath>)> {
    let [shell, options, script, rest @ ..] = command else { return Ok((command.into(), None)) };
    let is_script = options.starts_with('-') && !options.starts_with("--") && options.ends_with('c');
    if !is_script || script.len() <= MAX_ARGUMENT_BYTES {
        return Ok((command.into(), None));
    }
    let mut file = tempfile::Builder::new().prefix("command-").suffix(".sh").tempfile()?;
    file.write_all(script.as_bytes())?;
    let path = file.into_temp_path();
    let mut command = vec![shell.clone()];
    command.extend(Some(&options[..options.len() - 1]).filter(|options| *options != "-").map(str::to_owned));
    command.push(path.to_string_lossy().into_owned());
    // The first argument after a script is its name, which is now that of the file.
    command.extend(rest.iter().skip(1).cloned());
    Ok((command.into(), Some(path)))
}

/// Describes why a program did not start.
fn reason(error: &io::Error, program: &Path) -> String {
    match error.kind() {
        io::ErrorKind::NotFound if program.is_file() => {
            format!("the interpreter that its first line names does not exist ({error})")
        }
        io::ErrorKind::NotFound => format!("it does not exist ({error})"),
        io::ErrorKind::PermissionDenied => format!("it is not executable ({error})"),
        io::ErrorKind::ArgumentListTooLong => {
            format!(
                "its arguments and environment are longer than the system takes ({error}); write long data to files"
            )
        }
        _ => error.to_string(),
    }
}

/// Makes signals that this process ignores, since its parent did, stop commands nevertheless. A program inherits what is
/// ignored, but not what is handled, so they are handled by doing nothing.
fn restore_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored =
            status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
        for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGALRM] {
            if ignored.unwrap_or_default() >> (signal as u32 - 1) & 1 == 1 {
                // An error means that the signal stays ignored.
                drop(signals::signal(signals::SignalKind::from_raw(signal as i32)));
            }
        }
    });
}

/// The host's end of a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) output: pipe::Receiver,
    pub(crate) input: pipe::Sender,
}

impl Terminal {
    /// Prepares the descriptor for the runtime, which treats every descriptor that can be polled as a pipe.
    fn of(host: OwnedFd) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&host)?;
        rustix::fs::fcntl_setfl(&host, flags | rustix::fs::OFlags::NONBLOCK)?;
        let output = pipe::Receiver::from_owned_fd_unchecked(host.as_fd().try_clone_to_owned()?)?;
        let input = pipe::Sender::from_owned_fd_unchecked(host)?;
        Ok(Self { output, input })
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
        for _ in 0..KILL_ROUNDS {
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
