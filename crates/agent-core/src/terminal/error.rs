//! Errors of calls to terminals.

use std::{io, path::PathBuf};

/// Why a call failed, worded so that a model can correct it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// The command has no program.
    #[error("the command is empty; name a program to run")]
    EmptyCommand,
    /// The working directory does not exist, or is not a directory.
    #[error("{} is not an existing directory; name a directory to run the command in", path.display())]
    NoDirectory {
        /// The requested directory.
        path: PathBuf,
    },
    /// The system does not provide a pseudo-terminal.
    #[error("cannot open a pseudo-terminal for the command")]
    NoTerminal(#[source] io::Error),
    /// The program does not start.
    #[error("{program} does not start: {reason}")]
    NoStart {
        /// The program.
        program: String,
        /// The error of the operating system.
        reason: String,
    },
    /// All sessions are in use.
    #[error(
        "{limit} commands are running, which is the limit; end one first, such as session {oldest}, which has been unused for the \
         longest time, by writing \"\\u0003\" to it"
    )]
    TooManySessions {
        /// The limit.
        limit: usize,
        /// The session that has been unused for the longest time.
        oldest: i32,
    },
    /// The session has ended.
    #[error("session {session_id} has ended; start a new command instead")]
    SessionEnded {
        /// The requested session.
        session_id: i32,
    },
    /// The session never existed.
    #[error("session {session_id} does not exist; use the session id of a running command")]
    NoSession {
        /// The requested session.
        session_id: i32,
    },
    /// The process does not read its input.
    #[error(
        "the command of session {session_id} does not read its input, and {waiting} bytes are already waiting; nothing was written"
    )]
    InputFull {
        /// The session.
        session_id: i32,
        /// The number of bytes that the command has not read.
        waiting: usize,
    },
    /// A fault in this program has ended the command.
    #[error("the command was ended: {reason}")]
    Fault {
        /// The fault.
        reason: String,
    },
    /// The terminals were shut down.
    #[error("the terminals have been shut down; no command can be started")]
    ShutDown,
}
