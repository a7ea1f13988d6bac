//! Writes data to stdout, and everything else to stderr.

use std::{
    env,
    fmt::Display,
    io::{self, BufWriter, IsTerminal, StdoutLock, Write},
};

use clap::ColorChoice;

use crate::failure::Failure;

/// Writes data to stdout and remarks to stderr.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: BufWriter<StdoutLock<'static>>,
    color: bool,
}

impl Output {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let stdout = io::stdout().lock();
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
                stdout.is_terminal() && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { stdout: BufWriter::new(stdout), color }
    }

    /// Returns whether stdout is colored.
    pub(crate) fn color(&self) -> bool {
        self.color
    }

    /// Writes data.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        write(&mut self.stdout).map_err(|error| Failure::stdout(&error))
    }

    /// Writes one line of data.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        self.write(|stdout| writeln!(stdout, "{line}"))
    }

    /// Flushes the data written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.write(|stdout| stdout.flush())
    }

    /// Writes a message for people to stderr.
    pub(crate) fn say(&mut self, remark: impl Display) {
        // If stderr is closed, nobody reads the message.
        let _ = writeln!(io::stderr(), "{remark}");
    }
}
