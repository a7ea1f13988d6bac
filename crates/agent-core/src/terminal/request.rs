//! Requests to terminals.

use std::{path::PathBuf, time::Duration};

/// Starts a command on a terminal of its own.
#[derive(Clone, Debug)]
pub struct ExecRequest {
    /// The caller's id for this command, which its events contain.
    pub call_id: String,
    /// The program and its arguments. [`TerminalSettings::shell_command`](crate::TerminalSettings::shell_command)
    /// creates them from a shell command.
    pub command: Vec<String>,
    /// The working directory, relative to that of the settings; `None` means that of the settings.
    pub cwd: Option<PathBuf>,
    /// Variables for this command, which override those of the settings.
    pub env: Vec<(String, String)>,
    /// How long the call waits for the command to end.
    pub yield_time: Option<Duration>,
    /// The most output that the call returns, in tokens.
    pub max_output_tokens: Option<usize>,
    /// How long the command may run before it is killed.
    pub time_limit: Option<Duration>,
    /// Whether dropping the call's future early kills the command. Otherwise the command keeps running, with the
    /// session id of its [`CommandBegan`](crate::CommandBegan).
    pub kill_if_dropped: bool,
}

impl ExecRequest {
    /// Creates a request with the defaults of the settings. The command is killed if the call is dropped.
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

/// Writes to the terminal of a running command, or only reads its output.
#[derive(Clone, Debug, Default)]
pub struct WriteStdinRequest {
    /// The session, from the call that started the command.
    pub session_id: i32,
    /// The characters to write; `"\u{3}"` interrupts and `"\u{4}"` ends the input, as on any terminal. Empty to only
    /// read.
    pub chars: String,
    /// How long the call waits for the command to end.
    pub yield_time: Option<Duration>,
    /// The most output that the call returns, in tokens.
    pub max_output_tokens: Option<usize>,
}
