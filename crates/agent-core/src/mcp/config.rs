//! The configuration of a server.

use std::{path::PathBuf, time::Duration};

/// A server's program and time limits.
#[derive(Clone, Debug)]
pub struct McpServerConfig {
    /// The server's name, which errors contain.
    pub name: String,
    /// The program.
    pub command: String,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Environment variables that add to or replace those of the host.
    pub env: Vec<(String, String)>,
    /// Variables of the host's environment that are hidden from the server.
    pub hidden_env: Vec<String>,
    /// The working folder; `None` means the host's.
    pub cwd: Option<PathBuf>,
    /// How long the server may take from its start until its tools are known.
    pub start_limit: Duration,
    /// How long a call may take.
    pub call_limit: Duration,
}

impl McpServerConfig {
    /// Creates a configuration with a limit of ten seconds for the start and a minute for each call.
    pub fn new(name: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            command: command.into(),
            args: Vec::new(),
            env: Vec::new(),
            hidden_env: Vec::new(),
            cwd: None,
            start_limit: Duration::from_secs(10),
            call_limit: Duration::from_secs(60),
        }
    }
}
