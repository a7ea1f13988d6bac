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
use terminal_size::{Width, terminal_size_of};

use crate::{failure::Failure, pager::Pager, visible_json::VisibleJson};

/// Writes data to stdout and remarks to stderr.
#[derive(Debug)]
pub(crate) struct Output {
    /// Not locked, since a server on stdout is another writer.
    stdout: BufWriter<Stdout>,
    /// What is written to in place of stdout.
    pager: Option<Pager>,
    /// Remarks that wait until the pager is closed.
    held: Vec<Line>,
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
        Self { stdout: BufWriter::new(stdout), pager: None, held: Vec::new(), is_terminal, color }
    }

    /// Shows everything from now on in a pager, if stdout is a terminal.
    pub(crate) fn page(&mut self) {
        if self.is_terminal && self.pager.is_none() {
            self.pager = Pager::start();
        }
    }

    /// Returns whether text for people is colored.
    pub(crate) fn has_color(&self) -> bool {
        self.color
    }

    /// Returns the width of the terminal, if stdout is one and its width is known.
    pub(crate) fn columns(&self) -> Option<usize> {
        let size = if self.is_terminal { terminal_size_of(io::stdout()) } else { None };
        size.map(|(Width(columns), _)| columns.into()).filter(|columns| *columns > 0)
    }

    /// Waits until the pager is closed. Call it once everything has been written.
    pub(crate) fn finish(&mut self) {
        if let Some(pager) = self.pager.take() {
            pager.close();
        }
        let held = std::mem::take(&mut self.held);
        self.say_all(held);
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: impl Into<Line>) -> Result<(), Failure> {
        let line = line.into();
        let line = if self.color { line } else { line.plain() };
        self.write(|stdout| writeln!(stdout, "{}", line.visible()))
    }

    /// Writes one line, broken where it is longer than `width` columns, with the rest indented by `hanging` columns.
    pub(crate) fn wrapped_line(&mut self, line: Line, width: Option<usize>, hanging: usize) -> Result<(), Failure> {
        let Some(width) = width else { return self.line(line) };
        let line = if self.color { line } else { line.plain() };
        self.write(|stdout| writeln!(stdout, "{}", line.wrapped(width, hanging)))
    }

    /// Writes a drawing. Returns whether there was anything to draw.
    pub(crate) fn drawing(&mut self, drawing: Drawing<'_>) -> Result<bool, Failure> {
        let drawing = drawing.color(self.color);
        let mut is_empty = true;
        self.write(|stdout| write!(Noting { writer: stdout, is_empty: &mut is_empty }, "{drawing}"))?;
        Ok(!is_empty)
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
        let result = match &mut self.pager {
            Some(pager) => write(pager.input()),
            None => write(&mut self.stdout),
        };
        result.map_err(|error| Failure::stdout(&error))
    }

    /// Writes a message for people to stderr, which is one line.
    pub(crate) fn say(&mut self, remark: impl Into<Line>) {
        let remark = remark.into();
        if self.pager.is_some() {
            self.held.push(remark);
            return;
        }
        // If stderr is closed, nobody reads the message.
        let _ = writeln!(io::stderr(), "{}", remark.plain().visible());
    }

    /// Writes a message of several lines to stderr.
    pub(crate) fn say_all(&mut self, lines: impl IntoIterator<Item: Into<Line>>) {
        lines.into_iter().for_each(|line| self.say(line));
    }
}

/// Notes whether anything but line ends is written.
struct Noting<'a> {
    writer: &'a mut dyn Write,
    is_empty: &'a mut bool,
}

impl Write for Noting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.is_empty &= bytes.iter().all(|byte| *byte == b'\n');
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
