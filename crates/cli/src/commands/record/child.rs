//! The recorded command as a child process: signals and exit statuses pass through.

use std::{
    ffi::{OsStr, OsString},
    io,
    process::{Child, Command, ExitStatus},
};

use rollout_trace_capture::Recipe;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Exited(i32),
    Signaled(i32),
    /// There was no command, and a person stopped the recording.
    Stopped,
}

/// Runs a command until its end.
pub(super) fn run(program: &OsStr, arguments: &[OsString], recipe: &Recipe) -> io::Result<Ended> {
    let mut command = Command::new(program);
    command.args(&recipe.arguments).args(arguments);
    command.envs(recipe.variables.iter().map(|(name, value)| (name, value)));
    // From before the command runs, so that no signal ends the recording alone.
    let signals = Forwarded::begin()?;
    let mut child = command.spawn()?;
    raise_file_limit();
    signals.to(&child);
    let status = child.wait()?;
    Ok(ended(status))
}

#[cfg(unix)]
fn ended(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;

    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, Some(signal)) => Ended::Signaled(signal),
        (None, None) => Ended::Exited(1),
    }
}

#[cfg(not(unix))]
fn ended(status: ExitStatus) -> Ended {
    Ended::Exited(status.code().unwrap_or(1))
}

/// Lets this process have as many connections as it may. The command, which runs already, keeps its own limit.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    // If the system refuses, there are fewer connections.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(not(unix))]
fn raise_file_limit() {}

/// The signals that this process passes on to the command instead of ending.
#[cfg(unix)]
struct Forwarded(signal_hook::iterator::Signals);

#[cfg(unix)]
impl Forwarded {
    fn begin() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

        signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]).map(Self)
    }

    fn to(mut self, child: &Child) {
        use rustix::process::{Pid, Signal, kill_process};
        use signal_hook::consts::{SIGINT, SIGQUIT};

        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
        let forward = move || {
            for signal in self.0.forever() {
                // The terminal sends these to the command as well, which would get them twice.
                if matches!(signal, SIGINT | SIGQUIT) && is_in_foreground() {
                    continue;
                }
                if let Some(signal) = Signal::from_named_raw(signal) {
                    // The command may have ended already.
                    let _ = kill_process(pid, signal);
                }
            }
        };
        // Without the thread, signals end nothing, and the command is unaffected.
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(forward);
    }
}

/// Returns whether the terminal sends what is typed to this process and the command.
#[cfg(unix)]
fn is_in_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
struct Forwarded;

#[cfg(not(unix))]
impl Forwarded {
    fn begin() -> io::Result<Self> {
        Ok(Self)
    }

    fn to(self, _child: &Child) {}
}

/// Waits until a person stops the program.
#[cfg(unix)]
pub(super) fn wait_for_signal() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    signals.forever().next();
    Ok(())
}

/// Waits until the end of the input, because Ctrl-C would end the program.
#[cfg(not(unix))]
pub(super) fn wait_for_signal() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}

/// Ends the program by the signal that ended the command, as the caller would have seen it without the recording.
#[cfg(unix)]
pub(super) fn die_by(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(not(unix))]
pub(super) fn die_by(_signal: i32) {}
