//! Reading a file of records from its start to its end.

use std::collections::VecDeque;

use rollout_trace_schema::EvidenceSource;

use crate::{
    draft::Draft,
    problem::Problem,
    sources::{Record, Records},
};

/// What a format makes of the records of one file.
pub(crate) trait Follower {
    /// Reads a record.
    fn record(&mut self, place: EvidenceSource, text: &str);

    /// Reports a line without a record.
    fn problem(&mut self, place: EvidenceSource, problem: Problem);

    /// Ends what the end of the file leaves open.
    fn end(&mut self);

    /// Takes the events that are ready.
    fn take(&mut self) -> VecDeque<Draft>;
}

/// Yields the events of one file.
pub(crate) struct Following<F> {
    records: Records,
    follower: F,
    ready: VecDeque<Draft>,
    is_done: bool,
}

impl<F: Follower> Following<F> {
    pub(crate) fn new(records: Records, follower: F) -> Self {
        Self { records, follower, ready: VecDeque::new(), is_done: false }
    }
}

impl<F: Follower> Iterator for Following<F> {
    type Item = Draft;

    fn next(&mut self) -> Option<Draft> {
        loop {
            if let Some(draft) = self.ready.pop_front() {
                return Some(draft);
            }
            self.ready = self.follower.take();
            if !self.ready.is_empty() {
                continue;
            }
            if self.is_done {
                return None;
            }
            match self.records.next() {
                Some(Record::Object(place, text)) => self.follower.record(place, &text),
                Some(Record::Problem(problem)) => {
                    let place = EvidenceSource { file: problem.file, line: problem.line };
                    self.follower.problem(place, problem);
                }
                None => {
                    self.is_done = true;
                    self.follower.end();
                }
            }
        }
    }
}
