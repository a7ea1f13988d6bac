//! Writes data to stdout, and everything else to stderr.
//!
//! Everything that the program prints passes here. What people read is a [`Line`] or a [`Drawing`], which make text
//! from bundles harmless, or consists of the program's own words.

use std::{
    env,
    io::{self, BufWriter, IsTerminal, Stdout, Write},
};

use clap::ColorChoice;
use rollout_trace::{Drawing, model::Line};

use crate::{failure::Failure, visible_json::VisibleJson};

/// Writes data to stdout and remarks to stderr.
#[derive(Debug)]
pub(crate) struct Output {
    /// Not locked, since a server on stdout is another writer.
    stdout: BufWriter<Stdout>,
    is_terminal: bool,
    color: bool,
}

impl Output {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
                is_terminal && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { stdout: BufWriter::new(stdout), is_terminal, color }
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: impl Into<Line>) -> Result<(), Failure> {
        let line = line.into();
        let line = if self.color { line } else { line.plain() };
        self.write(|stdout| writeln!(stdout, "{}", line.visible()))
    }

    /// Writes a drawing.
    pub(crate) fn drawing(&mut self, drawing: Drawing<'_>) -> Result<(), Failure> {
        let drawing = drawing.color(self.color);
        self.write(|stdout| write!(stdout, "{drawing}"))
    }

    /// Writes JSON: exactly these bytes or, to a terminal, the same JSON with everything in it visible.
    pub(crate) fn json(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        if !self.is_terminal {
            return self.write(write);
        }
        self.write(|stdout| {
            let mut visible = VisibleJson::new(stdout);
            write(&mut visible)?;
            visible.finish()
        })
    }

    /// Writes text that consists of the program's own words.
    pub(crate) fn own_words(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.write(write)
    }

    /// Flushes the data written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.write(|stdout| stdout.flush())
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        write(&mut self.stdout).map_err(|error| Failure::stdout(&error))
    }

    /// Writes a message for people to stderr, which is one line.
    pub(crate) fn say(&mut self, remark: impl Into<Line>) {
        // If stderr is closed, nobody reads the message.
        let _ = writeln!(io::stderr(), "{}", remark.into().plain().visible());
    }

    /// Writes a message of several lines to stderr.
    pub(crate) fn say_all(&mut self, lines: impl IntoIterator<Item: Into<Line>>) {
        lines.into_iter().for_each(|line| self.say(line));
    }
}
