//! What a call asks of a terminal.

use std::{path::PathBuf, time::Duration};

/// Starts a command on a terminal of its own.
#[derive(Clone, Debug)]
pub struct ExecRequest {
    /// The caller's name for this command, repeated in its events.
    pub call_id: String,
    /// The program and its arguments; [`TerminalSettings::shell_command`](crate::TerminalSettings::shell_command) makes them from a line of shell.
    pub command: Vec<String>,
    /// The working directory, relative to that of the settings; that one if there is none.
    pub cwd: Option<PathBuf>,
    /// Variables for this command alone, over those of the settings.
    pub env: Vec<(String, String)>,
    /// How long the call waits for the end.
    pub yield_time: Option<Duration>,
    /// How much of the output the call gives.
    pub max_output_tokens: Option<usize>,
    /// How long the command may run before it is killed.
    pub time_limit: Option<Duration>,
    /// Whether dropping the call's future before it is done kills the command. Otherwise the command goes on, under the session id
    /// of its [`CommandBegan`](crate::CommandBegan).
    pub kill_if_dropped: bool,
}

impl ExecRequest {
    /// Asks for a command with everything else as the settings have it; it is killed if the call is dropped.
    pub fn new(call_id: impl Into<String>, command: Vec<String>) -> Self {
        Self {
            call_id: call_id.into(),
            command,
            cwd: None,
            env: Vec::new(),
            yield_time: None,
            max_output_tokens: None,
            time_limit: None,
            kill_if_dropped: true,
        }
    }
}

/// Types into the terminal of a running command, or only looks at it.
#[derive(Clone, Debug, Default)]
pub struct WriteStdinRequest {
    /// The session, as the call that started the command gave it.
    pub session_id: i32,
    /// What to type; `"\u{3}"` interrupts and `"\u{4}"` ends the input, as on any terminal. Empty to only look.
    pub chars: String,
    /// How long the call waits for the end.
    pub yield_time: Option<Duration>,
    /// How much of the output the call gives.
    pub max_output_tokens: Option<usize>,
}
