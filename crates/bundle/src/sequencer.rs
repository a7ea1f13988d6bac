//! The ordering pass, which every reader of events goes through.

use std::collections::{BTreeMap, VecDeque};

use rollout_trace_schema::{EventPayload, SchemaVersion, Seq};

use crate::{Evidence, LocatedEvent, Problem, passed::Passed};

/// How many events wait for a missing one before that is given up.
///
/// Writers number and append under one lock, so an untouched log is always in order. The window is for logs that were
/// merged or sorted by hand, and limits how many events wait in memory.
const WINDOW: usize = 64;

/// What a reader found on one line.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every value is an event, and it is moved, not stored")]
pub enum LogLine {
    /// An event.
    Event {
        /// The event. Its `seq` field is only meaningful if `seq` below is present.
        event: LocatedEvent,
        /// The seq that the line has, or `None` if it has no usable one.
        seq: Option<Seq>,
        /// A hash of the line's text, to distinguish a repeated line from another with the same seq.
        fingerprint: u64,
    },
    /// A line that should be an event but is not.
    Lost {
        /// What is wrong with the line.
        problem: Problem,
        /// The seq that the line has, if it can be read.
        seq: Option<Seq>,
    },
    /// Any other problem. A line may have such a problem and an event too.
    Problem(Problem),
}

/// Puts events in the order of their seq, and reports a [`Problem`] for every deviation from what recorders write.
///
/// A missing seq is waited for while up to 64 later events arrive; then it is counted as a gap. An event that arrives
/// even later is not lost but stays where it is. A repeated seq is ignored, except that in schema 1 a second, different
/// event is applied, as the official reducer does. An event whose seq is damaged, so that it belongs to another line or
/// to none, gets the seq that is missing at its place. One damage is reported as one problem if possible: a line that
/// cannot be read and whose seq is missing is not reported as a gap too.
#[derive(Debug)]
pub struct Sequencer {
    version: SchemaVersion,
    /// The lowest seq that has neither been passed on nor been given up.
    next: Seq,
    passed: Passed,
    /// The events beyond a gap, by seq. In schema 1 several may have the same seq.
    waiting: BTreeMap<Seq, Vec<Arrived>>,
    waiting_events: usize,
    /// The lines and seqs of events that filled a gap while others waited, to find out which of them are out of order.
    late: Vec<(u64, Seq)>,
    /// Unreadable lines without a seq that have not been matched with a gap.
    lost_lines: Vec<LostLines>,
    /// Events without a seq of their own. They get the numbers that follow the event before them, unless the event
    /// after them has these numbers.
    unnumbered: VecDeque<Arrived>,
    last_seq: Seq,
    last_arrived_line: u64,
    last_passed_line: u64,
    end_marker: Option<Seq>,
    after_end_reported: bool,
    version_reported: bool,
    ready: VecDeque<Evidence>,
}

#[derive(Debug)]
struct Arrived {
    line: u64,
    /// The seq of the event on the line before.
    after: Seq,
    /// The seq that the event claims, if another event has it.
    claimed: Option<Seq>,
    fingerprint: u64,
    /// `None` for a line of which only the seq can be read.
    event: Option<LocatedEvent>,
}

/// Consecutive lines that cannot be read.
#[derive(Debug)]
struct LostLines {
    line: u64,
    count: u64,
}

impl Sequencer {
    /// Returns a sequencer for a log whose events have this schema version.
    pub fn new(version: SchemaVersion) -> Self {
        Self {
            version,
            next: 1,
            passed: Passed::default(),
            waiting: BTreeMap::new(),
            waiting_events: 0,
            late: Vec::new(),
            lost_lines: Vec::new(),
            unnumbered: VecDeque::new(),
            last_seq: 0,
            last_arrived_line: 0,
            last_passed_line: 0,
            end_marker: None,
            after_end_reported: false,
            version_reported: false,
            ready: VecDeque::new(),
        }
    }

    /// Takes the content of the next line.
    pub fn push(&mut self, line: LogLine) {
        match line {
            LogLine::Problem(problem) => self.report(problem),
            LogLine::Lost { problem, .. } if self.end_marker.is_some() => {
                self.report_after_end(problem.line().unwrap_or_default());
            }
            LogLine::Lost { problem, seq } => {
                let line = problem.line().unwrap_or_default();
                self.report(problem);
                match seq.filter(usable) {
                    Some(seq) if self.is_free(seq) => {
                        self.number_the_unnumbered(seq);
                        let after = self.last_seq;
                        self.place(seq, Arrived { line, after, claimed: None, fingerprint: 0, event: None });
                    }
                    Some(_) => {}
                    None => match self.lost_lines.last_mut().filter(|lost| lost.line > self.last_arrived_line) {
                        Some(adjacent) => adjacent.count += 1,
                        None => self.lost_lines.push(LostLines { line, count: 1 }),
                    },
                }
            }
            LogLine::Event { event, seq, fingerprint } => {
                self.check_version(&event);
                let seq = seq.filter(usable);
                if let Some(seq) = seq {
                    self.number_the_unnumbered(seq);
                }
                let (line, after) = (event.line, self.last_seq);
                let arrived = Arrived { line, after, claimed: None, fingerprint, event: Some(event) };
                match seq {
                    Some(seq) => self.place(seq, arrived),
                    None => self.keep_unnumbered(arrived),
                }
            }
        }
    }

    /// Returns the next piece of evidence that can be applied.
    pub fn pop(&mut self) -> Option<Evidence> {
        self.ready.pop_front()
    }

    /// Ends the log. Events that are still missing will not come.
    pub fn finish(&mut self) {
        self.number_the_unnumbered(0);
        while !self.waiting.is_empty() {
            self.give_up_gap();
        }
    }

    fn report(&mut self, problem: Problem) {
        self.ready.push_back(Evidence::Problem(problem));
    }

    fn report_after_end(&mut self, line: u64) {
        if !self.after_end_reported {
            self.after_end_reported = true;
            self.report(Problem::AfterEndMarker { line });
        }
    }

    /// Reports the first event that has another version. If every event has, one report is enough.
    fn check_version(&mut self, event: &LocatedEvent) {
        let found = event.event.schema_version;
        if found == self.version.number() || self.version_reported {
            return;
        }
        self.version_reported = true;
        self.report(match SchemaVersion::try_from(found) {
            Ok(_) => Problem::VersionMismatch { line: event.line, found, expected: self.version.number() },
            Err(error) => {
                Problem::UnsupportedVersion { what: "event", line: Some(event.line), reason: error.to_string() }
            }
        });
    }

    /// Assigns the only numbers that the events without a seq can have, before the event `following` arrives.
    fn number_the_unnumbered(&mut self, following: Seq) {
        for arrived in std::mem::take(&mut self.unnumbered) {
            let seq = self.last_seq + 1;
            if seq != following && usable(&seq) && self.is_free(seq) {
                self.renumber(seq, arrived);
                continue;
            }
            let line = arrived.line;
            self.report(match arrived.claimed {
                Some(seq) => Problem::RepeatedSeq { line, seq, applied: false },
                None => {
                    let reason = format!("it has no seq, and seq {seq}, which it should have, belongs to another line");
                    Problem::UnparsableLine { line, reason }
                }
            });
        }
    }

    fn keep_unnumbered(&mut self, arrived: Arrived) {
        self.unnumbered.push_back(arrived);
        if self.unnumbered.len() > WINDOW {
            self.number_the_unnumbered(0);
        }
    }

    /// Places an event at a seq that differs from the one that it claims, if it claims one.
    fn renumber(&mut self, seq: Seq, mut arrived: Arrived) {
        if let Some(claimed) = arrived.claimed {
            let reason = format!("its seq {claimed} cannot be right; it was read as seq {seq}, which is missing here");
            self.report(Problem::EnvelopeField { line: arrived.line, reason });
        }
        if let Some(event) = &mut arrived.event {
            event.event.seq = seq;
        }
        self.place(seq, arrived);
    }

    /// Returns whether no event has had this seq yet.
    fn is_free(&self, seq: Seq) -> bool {
        if seq < self.next {
            return self.passed.is_missing(seq);
        }
        self.waiting.get(&seq).is_none_or(|waiting| waiting.iter().all(|arrived| arrived.event.is_none()))
    }

    fn place(&mut self, seq: Seq, arrived: Arrived) {
        self.last_arrived_line = arrived.line;
        let free = self.is_free(seq);
        if free {
            self.last_seq = seq;
        }
        if let Some(marker) = self.end_marker
            && (seq > marker || !free)
        {
            self.report_after_end(arrived.line);
        } else if arrived.event.as_ref().is_some_and(is_end_marker) {
            self.end_marker = Some(seq);
        }
        if !free {
            self.repeat(seq, arrived);
        } else if seq < self.next {
            let line = arrived.line;
            self.report(match seq {
                0 => Problem::EnvelopeField { line, reason: "seq is 0, but the first seq is 1".into() },
                _ => Problem::OutOfOrder { line, seq },
            });
            self.pass(seq, arrived);
        } else if seq == self.next {
            let overtaken = self.waiting.values().flatten().any(|waiting| waiting.line < arrived.line);
            if overtaken && self.late.len() <= WINDOW {
                self.late.push((arrived.line, seq));
            }
            self.pass(seq, arrived);
            self.next += 1;
            self.drain();
        } else {
            let replaced = self.waiting.insert(seq, vec![arrived]);
            self.waiting_events += 1 - replaced.map_or(0, |replaced| replaced.len());
            if self.waiting_events > WINDOW {
                self.give_up_gap();
            }
        }
    }

    fn repeat(&mut self, seq: Seq, mut arrived: Arrived) {
        let line = arrived.line;
        let waiting = self.waiting.get(&seq).and_then(|waiting| waiting.first());
        let first = waiting.map(|first| first.fingerprint).or_else(|| self.passed.fingerprint(seq));
        if first == Some(arrived.fingerprint) {
            if self.end_marker.is_none() {
                self.report(Problem::RepeatedLine { line, seq });
            }
            return;
        }
        // The waiting event may be the one with the damaged seq: then the seq after that of the preceding line is
        // missing.
        let own = waiting.map(|first| first.after + 1);
        if let Some(own) = own.filter(|own| *own < seq && self.is_free(*own))
            && let Some(mut first) = self.take_waiting(seq)
        {
            first.claimed = Some(seq);
            self.renumber(own, first);
            self.place(seq, arrived);
            return;
        }
        if self.version >= SchemaVersion::V2 && self.end_marker.is_none() {
            arrived.claimed = Some(seq);
            self.keep_unnumbered(arrived);
            return;
        }
        let applied = self.version == SchemaVersion::V1;
        self.report(Problem::RepeatedSeq { line, seq, applied });
        if applied {
            match self.waiting.get_mut(&seq) {
                Some(waiting) => {
                    waiting.push(arrived);
                    self.waiting_events += 1;
                }
                None => self.ready.extend(arrived.event.map(Evidence::Event)),
            }
        }
    }

    /// Removes the only event that waits at a seq, and returns it.
    fn take_waiting(&mut self, seq: Seq) -> Option<Arrived> {
        let waiting = self.waiting.remove(&seq)?;
        self.waiting_events -= waiting.len();
        waiting.into_iter().next()
    }

    /// Passes an event on, or records that its seq is missing.
    fn pass(&mut self, seq: Seq, arrived: Arrived) {
        self.last_passed_line = arrived.line;
        match arrived.event {
            Some(event) => {
                self.passed.note(seq, arrived.fingerprint);
                self.ready.push_back(Evidence::Event(event));
            }
            None => self.passed.note_missing(seq, seq + 1),
        }
    }

    /// Passes on the waiting events whose turn has come, and reports which events are out of order.
    fn drain(&mut self) {
        let mut drained = Vec::new();
        while let Some(slot) = self.waiting.remove(&self.next) {
            self.waiting_events -= slot.len();
            for arrived in slot {
                drained.push((arrived.line, self.next));
                self.pass(self.next, arrived);
            }
            self.next += 1;
        }
        if self.waiting.is_empty() {
            self.lost_lines.clear();
        }
        if drained.is_empty() {
            return;
        }
        // Either the waiting events are early or the others are late. The smaller group is the one that was moved.
        let late = std::mem::take(&mut self.late);
        let moved = if late.len() <= drained.len() { late } else { drained };
        for (line, seq) in moved {
            self.report(Problem::OutOfOrder { line, seq });
        }
    }

    fn give_up_gap(&mut self) {
        let Some((&seq, slot)) = self.waiting.first_key_value() else { return };
        let line = slot.first().map_or(0, |arrived| arrived.line);
        // An event that is where the gap begins, but has a seq with no event before it, has lost its own seq.
        let stray = self.waiting.iter().find(|(claimed, slot)| {
            let is_here = |arrived: &Arrived| arrived.line < line && arrived.after + 1 == self.next;
            !self.waiting.contains_key(&(**claimed - 1)) && slot.len() == 1 && slot.iter().all(is_here)
        });
        if let Some(claimed) = stray.map(|(claimed, _)| *claimed)
            && let Some(mut arrived) = self.take_waiting(claimed)
        {
            arrived.claimed = Some(claimed);
            self.renumber(self.next, arrived);
            return;
        }
        let missing = seq - self.next;
        let mut accounted = 0;
        self.lost_lines.retain(|lost| {
            // The damaged line may also be that of the event after the gap.
            let before = lost.line <= line;
            if before && lost.line > self.last_passed_line {
                accounted += lost.count;
            }
            !before
        });
        if accounted < missing {
            self.report(Problem::SeqGap { line, first: self.next, next: seq });
        }
        self.passed.note_missing(self.next, seq);
        self.next = seq;
        self.drain();
    }
}

/// Returns whether a seq can be used: the order needs a number after each.
pub(crate) fn usable(seq: &Seq) -> bool {
    *seq < Seq::MAX
}

fn is_end_marker(event: &LocatedEvent) -> bool {
    matches!(event.event.payload, EventPayload::RecordingCompleted(_))
}
