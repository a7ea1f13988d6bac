//! Where and within which limits commands run.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Where commands run, and how much time, memory and company they get.
///
/// The floors keep a model from asking in a busy loop, the ceilings from blocking a turn.
#[derive(Clone, Debug)]
pub struct TerminalSettings {
    /// The working directory of commands that name none, and what relative ones are relative to.
    pub cwd: PathBuf,
    /// The shell that [`shell_command`](Self::shell_command) uses.
    pub shell: PathBuf,
    /// Variables set for every command, over those of the host's environment.
    pub env: Vec<(String, String)>,
    /// Variables of the host's environment that commands do not see, such as the one that holds the key of the model's server.
    pub hidden_env: Vec<String>,
    /// How long a call that starts a command waits for its end, unless it says otherwise.
    pub exec_yield: Duration,
    /// How long a call that writes waits for the end, unless it says otherwise.
    pub write_yield: Duration,
    /// The shortest wait of a call that starts a command or writes.
    pub min_yield: Duration,
    /// The longest wait of a call that starts a command or writes.
    pub max_yield: Duration,
    /// The shortest wait of a call that writes nothing and only looks; also its default if longer than `write_yield`.
    pub min_poll: Duration,
    /// The longest wait of a call that writes nothing and only looks.
    pub max_poll: Duration,
    /// How many tokens of output a call gives, unless it says otherwise.
    pub max_output_tokens: usize,
    /// The most sessions at a time, including ended ones whose last output nobody has fetched.
    pub max_sessions: usize,
    /// The most bytes of output kept for a session, once for the next call and once for the event of its end.
    pub max_buffered_bytes: usize,
    /// How long a command may run before it is killed, unless it says otherwise.
    pub time_limit: Option<Duration>,
}

impl TerminalSettings {
    /// Gives the defaults for a working directory: ten seconds before a call yields, 10,000 tokens of output, 64 sessions, no time limit.
    ///
    /// Commands are told that nobody can page, look at colours or answer an editor.
    pub fn new(cwd: impl Into<PathBuf>) -> Self {
        let env = [
            ("TERM", "dumb"),
            ("NO_COLOR", "1"),
            ("PAGER", "cat"),
            ("GIT_PAGER", "cat"),
            ("GH_PAGER", "cat"),
            ("MANPAGER", "cat"),
            ("GIT_EDITOR", "true"),
        ];
        Self {
            cwd: cwd.into(),
            shell: default_shell(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            hidden_env: Vec::new(),
            exec_yield: Duration::from_secs(10),
            write_yield: Duration::from_millis(250),
            min_yield: Duration::from_millis(250),
            max_yield: Duration::from_secs(30),
            min_poll: Duration::from_secs(5),
            max_poll: Duration::from_secs(300),
            max_output_tokens: 10_000,
            max_sessions: 64,
            max_buffered_bytes: 1 << 20,
            time_limit: None,
        }
    }

    /// Gives the arguments that run a line of shell: the shell, as a login shell, so that the user's path is there.
    pub fn shell_command(&self, line: &str) -> Vec<String> {
        vec![self.shell.to_string_lossy().into_owned(), "-lc".to_owned(), line.to_owned()]
    }
}

fn default_shell() -> PathBuf {
    let bash = Path::new("/bin/bash");
    if bash.exists() { bash } else { Path::new("/bin/sh") }.to_owned()
}
