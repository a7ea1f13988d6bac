//! What happens to commands, whether or not a call waits for it.

use std::{path::PathBuf, time::Duration};

/// The life of a command. Each that begins ends exactly once, in this order.
#[derive(Clone, Debug)]
pub enum TerminalEvent {
    /// A process was started.
    Began(CommandBegan),
    /// A process ended and was reaped. Delivered before the call that tells its exit code returns.
    Ended(CommandEnded),
}

/// A command began.
#[derive(Clone, Debug)]
pub struct CommandBegan {
    /// The name that the call gave.
    pub call_id: String,
    /// The session of the command.
    pub session_id: i32,
    /// Its process id, which is also the id of its process group and of its session in the sense of the system.
    pub process_id: u32,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
}

/// A command ended.
#[derive(Clone, Debug)]
pub struct CommandEnded {
    /// The name that the call gave.
    pub call_id: String,
    /// The session of the command.
    pub session_id: i32,
    /// The process id that it had.
    pub process_id: u32,
    /// As in [`ExecOutput::exit_code`](crate::ExecOutput::exit_code).
    pub exit_code: i32,
    /// Who ended it.
    pub reason: EndReason,
    /// All that it wrote, with a mark where the middle was too long to keep.
    pub output: String,
    /// How long it ran.
    pub duration: Duration,
}

/// Who ended a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It ended by itself, or by a signal from elsewhere.
    Exited,
    /// Its time was up.
    TimedOut,
    /// A dropped call, [`Terminals::kill`](crate::Terminals::kill) or the end of all terminals killed it.
    Killed,
}
