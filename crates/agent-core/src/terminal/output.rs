//! What a call gives back.

use std::time::Duration;

/// What a command put on its terminal since the last call, and whether it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// A short random name for this piece of output.
    pub chunk_id: String,
    /// How long the call took.
    pub wall_time: Duration,
    /// The session to go on with, while the command runs.
    pub session_id: Option<i32>,
    /// The exit code, once the command has ended: 128 and the signal's number if a signal ended it, 124 if the time limit did.
    pub exit_code: Option<i32>,
    /// Whether the command was killed because its time was up.
    pub timed_out: bool,
    /// How many tokens the output had before it was cut, about.
    pub original_token_count: usize,
    /// The output; where it was too long, a mark in the middle says how much is missing.
    pub output: String,
    /// The process id of the command.
    pub process_id: u32,
}
