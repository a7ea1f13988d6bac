//! Why a terminal did not do what was asked.

use std::{io, path::PathBuf};

/// Why a call failed, in words that a model can act on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// The command has no program.
    #[error("the command is empty; name a program to run")]
    EmptyCommand,
    /// The working directory is not there, or is no directory.
    #[error("{} is not a directory; name an existing one to run the command in", path.display())]
    NoDirectory {
        /// What was asked for.
        path: PathBuf,
    },
    /// The system gives no pseudo-terminal.
    #[error("there is no terminal to run the command on")]
    NoTerminal(#[source] io::Error),
    /// The program does not start.
    #[error("{program} does not start: {reason}")]
    NoStart {
        /// The program.
        program: String,
        /// What the system says.
        reason: String,
    },
    /// All sessions are in use.
    #[error(
        "{limit} commands are running, and no more may; end one first, such as session {oldest}, the longest unused, by writing \"\\u0003\" to it"
    )]
    TooManySessions {
        /// How many there may be.
        limit: usize,
        /// The session that no call has used for the longest time.
        oldest: i32,
    },
    /// The session is over.
    #[error("session {session_id} has ended and can't be used any more; start a new command instead")]
    SessionEnded {
        /// What was asked for.
        session_id: i32,
    },
    /// There never was such a session.
    #[error("there is no session {session_id}; use the session id that a running command gave")]
    NoSession {
        /// What was asked for.
        session_id: i32,
    },
    /// The process does not read what is written to it.
    #[error(
        "the command of session {session_id} does not read its input, and {waiting} bytes already wait for it; nothing was written"
    )]
    InputFull {
        /// The session.
        session_id: i32,
        /// How many bytes it has not read.
        waiting: usize,
    },
    /// Everything was shut down.
    #[error("terminals are shut down; no command can be started any more")]
    ShutDown,
}
