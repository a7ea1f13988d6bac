//! How a server is started.

use std::{path::PathBuf, time::Duration};

/// A server's program, and how long it may take.
#[derive(Clone, Debug)]
pub struct McpServerConfig {
    /// What errors call it.
    pub name: String,
    /// The program.
    pub command: String,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Variables, over those of the host's environment.
    pub env: Vec<(String, String)>,
    /// Variables of the host's environment that the server does not see.
    pub hidden_env: Vec<String>,
    /// Where it runs; where the host runs, if there is none.
    pub cwd: Option<PathBuf>,
    /// How long it may take from its start until its tools are known.
    pub start_limit: Duration,
    /// How long a call may take.
    pub call_limit: Duration,
}

impl McpServerConfig {
    /// Gives a server that has ten seconds to start and a minute for each call.
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
