//! The events of a bundle, in order.

use std::io::{BufRead, BufReader};

use crate::{
    BundleHeader, Evidence, Limits, LogLine, Problem, Sequencer,
    contained::BundleFile,
    decode::EventDecoder,
    line::{Line, LineReader},
};

const BUFFER_BYTES: usize = 256 << 10;

/// The evidence in the event log of a bundle, one piece at a time and in causal order.
///
/// Takes no more memory than a few lines, however long the log is.
#[derive(Debug)]
pub struct Events {
    /// `None` once everything has been read.
    log: Option<Log<BufReader<BundleFile>>>,
    sequencer: Sequencer,
    limits: Limits,
    problems: u64,
    /// The number of bytes that were read from a log that has been dropped.
    bytes_read: u64,
    done: bool,
    /// Whether the end of the log may be none.
    grows: bool,
}

impl Events {
    pub(crate) fn new(log: Option<BundleFile>, header: &BundleHeader, limits: Limits) -> Self {
        Self {
            log: log.map(|file| Log::new(BufReader::with_capacity(BUFFER_BYTES, file), header, limits)),
            sequencer: Sequencer::new(header.schema_version),
            limits,
            problems: 0,
            bytes_read: 0,
            done: false,
            grows: false,
        }
    }

    /// Returns how many bytes of the log have been read. The difference between two calls approximates the memory of
    /// the events that were returned in between.
    pub fn bytes_read(&self) -> u64 {
        self.log.as_ref().map_or(self.bytes_read, |log| log.lines.offset())
    }

    /// Makes a log be followed that is still being written. The iterator then returns `None` where the log ends for now,
    /// and goes on when it has grown. A line counts once its newline is written.
    #[must_use]
    pub fn growing(mut self) -> Self {
        if let Some(log) = &mut self.log {
            log.lines.set_growing(true);
        }
        self.grows = true;
        self
    }

    /// Ends following: what comes next is the rest of the log, as if it were read from a file that grows no more.
    pub fn stop_growing(&mut self) {
        if let Some(log) = &mut self.log {
            log.lines.set_growing(false);
        }
        self.grows = false;
    }

    /// Counts problems. Returns whether this evidence is within the limit. What changes the worth of the whole log always
    /// is.
    fn is_reported(&mut self, evidence: &Evidence) -> bool {
        match evidence {
            Evidence::Event(_)
            | Evidence::Problem(
                Problem::AfterEndMarker { .. } | Problem::TooManyEvents { .. } | Problem::TooManyDamagedLines { .. },
            ) => true,
            Evidence::Problem(_) => {
                self.problems += 1;
                self.problems <= self.limits.max_problems
            }
        }
    }
}

impl Iterator for Events {
    type Item = Evidence;

    fn next(&mut self) -> Option<Evidence> {
        loop {
            while let Some(evidence) = self.sequencer.pop() {
                if self.is_reported(&evidence) {
                    return Some(evidence);
                }
            }
            if self.done {
                let left_out = self.problems.saturating_sub(self.limits.max_problems);
                self.problems = 0;
                let limit = self.limits.max_problems;
                return (left_out > 0).then_some(Evidence::Problem(Problem::TooManyProblems { limit, left_out }));
            }
            let sequencer = &mut self.sequencer;
            let more = self.log.as_mut().is_some_and(|log| log.read_line(|line| sequencer.push(line)));
            if !more && self.grows && self.log.as_ref().is_some_and(|log| !log.is_stopped) {
                return None;
            }
            if !more {
                self.bytes_read = self.bytes_read();
                self.log = None;
                self.done = true;
                self.sequencer.finish();
            }
        }
    }
}

/// An event log in the order of its lines.
#[derive(Debug)]
pub(crate) struct Log<R> {
    lines: LineReader<R>,
    decoder: EventDecoder,
    limits: Limits,
    events: u64,
    /// The number of lines without an event.
    damaged_lines: u64,
    /// Whether a limit or the system ended the reading.
    is_stopped: bool,
}

impl<R: BufRead> Log<R> {
    pub(crate) fn new(input: R, header: &BundleHeader, limits: Limits) -> Self {
        Self {
            lines: LineReader::new(input, limits.max_line_bytes),
            decoder: EventDecoder::new(header, &limits),
            limits,
            events: 0,
            damaged_lines: 0,
            is_stopped: false,
        }
    }

    /// Reads one line. Returns whether there may be more.
    pub(crate) fn read_line(&mut self, mut push: impl FnMut(LogLine)) -> bool {
        let line = match self.lines.next_line() {
            Ok(None) => return false,
            Ok(Some(line)) => line,
            Err(error) => {
                push(LogLine::Problem(Problem::LogUnreadable { reason: error.to_string() }));
                self.is_stopped = true;
                return false;
            }
        };
        if self.events >= self.limits.max_events {
            let Line { number: line, .. } = line;
            push(LogLine::Problem(Problem::TooManyEvents { line, limit: self.limits.max_events }));
            self.is_stopped = true;
            return false;
        }
        let before = self.events;
        let events = &mut self.events;
        self.decoder.decode(&line, self.limits.max_line_bytes, |read| {
            *events += u64::from(matches!(read, LogLine::Event { .. }));
            push(read);
        });
        self.damaged_lines += u64::from(self.events == before);
        let (line, limit) = (line.number, self.limits.max_damaged_lines);
        if self.damaged_lines > limit {
            push(LogLine::Problem(Problem::TooManyDamagedLines { line, limit }));
            self.is_stopped = true;
            return false;
        }
        true
    }
}
