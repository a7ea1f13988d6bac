//! Runs the program on copies of the sample bundle.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// Returns the program, isolated from the environment of the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollout-trace"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "CODEX_ROLLOUT_TRACE_ROOT", "HOME"] {
        command.env_remove(name);
    }
    // The sessions of whoever runs the tests are not looked for.
    for name in ["CODEX_HOME", "CLAUDE_CONFIG_DIR", "USERPROFILE"] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC");
    // No index outlives a test, or is shared by two.
    command.env("XDG_CACHE_HOME", "none");
    command
}

/// A trace root with copies of the sample bundle, in which the program runs.
pub(crate) struct Root {
    folder: TempDir,
}

impl Root {
    pub(crate) fn new(bundles: &[&str]) -> Self {
        let root = Self { folder: tempfile::tempdir().unwrap() };
        for name in bundles {
            copy(&sample(), &root.path(name));
        }
        root
    }

    /// Adds a copy of a bundle that the recorder's tests keep, with agents, code cells, MCP, failures and a compaction.
    pub(crate) fn with_recorded(self, name: &str) -> Self {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorder/tests/forms/files"), &self.path(name));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes a file of a bundle.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        fs::write(self.path(name), edit(text)).unwrap();
    }

    /// Runs the program in the root, and draws its output and exit code.
    pub(crate) fn run(&self, arguments: &str) -> String {
        draw(&program().args(arguments.split_whitespace()).current_dir(self.folder.path()).output().unwrap())
    }
}

/// Draws the output on both streams, and the exit code unless it is 0.
pub(crate) fn draw(output: &Output) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    for line in String::from_utf8(output.stderr.clone()).unwrap().lines() {
        text += &format!("stderr: {line}\n");
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => text += &format!("exit code {code}\n"),
        None => text += &format!("{}\n", output.status),
    }
    text
}

pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sample-bundle")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::write(to, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
