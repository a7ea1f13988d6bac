//! The environment and limits of commands.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The environment of commands, and their limits.
///
/// The shortest waits keep a model from polling in a busy loop, and the longest waits from blocking a turn.
#[derive(Clone, Debug)]
pub struct TerminalSettings {
    /// The default working directory of commands, and the base of relative ones.
    pub cwd: PathBuf,
    /// The shell that [`shell_command`](Self::shell_command) uses.
    pub shell: PathBuf,
    /// Variables for every command, which override those of the host's environment.
    pub env: Vec<(String, String)>,
    /// Variables of the host's environment that are hidden from commands, such as the one with the API key.
    pub hidden_env: Vec<String>,
    /// The default wait of a call that starts a command.
    pub exec_yield: Duration,
    /// The default wait of a call that writes.
    pub write_yield: Duration,
    /// The shortest wait of a call that starts a command or writes.
    pub min_yield: Duration,
    /// The longest wait of a call that starts a command or writes.
    pub max_yield: Duration,
    /// The shortest wait of a call that only reads, which is also its default if it is longer than `write_yield`.
    pub min_poll: Duration,
    /// The longest wait of a call that only reads.
    pub max_poll: Duration,
    /// The default limit of a call's output, in tokens.
    pub max_output_tokens: usize,
    /// The number of sessions at one time, including ended ones whose last output has not been returned.
    pub max_sessions: usize,
    /// The most bytes of output kept for a session, once for the next call and once for the event of the command's end.
    pub max_buffered_bytes: usize,
    /// The default time limit of a command, at which it is killed.
    pub time_limit: Option<Duration>,
    /// How long the processes that a command leaves behind may take to end after it, since its terminal is hung up. Those
    /// that ignore this, or have left the terminal, are not waited for.
    pub hangup_grace: Duration,
}

impl TerminalSettings {
    /// Returns the default settings for a working directory: ten seconds before a call yields, 10,000 tokens of output,
    /// 64 sessions, and no time limit.
    ///
    /// The environment disables pagers, colors and editors, which a model cannot use.
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
            hangup_grace: Duration::from_secs(2),
        }
    }

    /// Returns the program and arguments that run a shell command in a login shell, which sets the user's path.
    pub fn shell_command(&self, line: &str) -> Vec<String> {
        vec![self.shell.to_string_lossy().into_owned(), "-lc".to_owned(), line.to_owned()]
    }
}

fn default_shell() -> PathBuf {
    let bash = Path::new("/bin/bash");
    if bash.exists() { bash } else { Path::new("/bin/sh") }.to_owned()
}
