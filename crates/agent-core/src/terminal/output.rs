//! The output of a call.

use std::time::Duration;

use super::BackgroundProcess;

/// The output of a command since the last call, and whether the command has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// A short random name for this piece of output.
    pub chunk_id: String,
    /// How long the call took.
    pub wall_time: Duration,
    /// The session for further calls, while the command runs.
    pub session_id: Option<i32>,
    /// The exit code, once the command has ended: 128 plus the signal's number if a signal ended it, 124 if the time
    /// limit did.
    pub exit_code: Option<i32>,
    /// Whether the command was killed at its time limit.
    pub timed_out: bool,
    /// The approximate number of tokens in the output before it was cut.
    pub original_token_count: usize,
    /// The output. If it was too long, a mark in the middle says how much is missing.
    pub output: String,
    /// The process id of the command.
    pub process_id: u32,
    /// The processes that the command has left in the background, once it has ended. Empty on other systems than Linux.
    pub background: Vec<BackgroundProcess>,
}
