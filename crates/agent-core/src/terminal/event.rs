//! Events of commands, which are emitted whether or not a call waits.

use std::{path::PathBuf, time::Duration};

/// The start or end of a command. Each command that starts ends exactly once, later.
#[derive(Clone, Debug)]
pub enum TerminalEvent {
    /// A process was started.
    Began(CommandBegan),
    /// A process ended and was reaped. This event is emitted before the call that returns the exit code returns.
    Ended(CommandEnded),
}

/// The start of a command.
#[derive(Clone, Debug)]
pub struct CommandBegan {
    /// The id from the request.
    pub call_id: String,
    /// The session of the command.
    pub session_id: i32,
    /// The process id, which is also the id of the process group and of the operating system's session.
    pub process_id: u32,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The working directory.
    pub cwd: PathBuf,
}

/// The end of a command.
#[derive(Clone, Debug)]
pub struct CommandEnded {
    /// The id from the request.
    pub call_id: String,
    /// The session of the command.
    pub session_id: i32,
    /// The process id that the command had.
    pub process_id: u32,
    /// The exit code, as in [`ExecOutput::exit_code`](crate::ExecOutput::exit_code).
    pub exit_code: i32,
    /// Why the command ended.
    pub reason: EndReason,
    /// The whole output, with a mark in the middle if it was too long to keep.
    pub output: String,
    /// How long the command ran.
    pub duration: Duration,
}

/// Why a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It ended by itself, or by a signal of another program.
    Exited,
    /// It reached its time limit.
    TimedOut,
    /// A dropped call, [`Terminals::kill`](crate::Terminals::kill) or the end of all terminals killed it.
    Killed,
}
