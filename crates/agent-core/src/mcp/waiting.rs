//! The requests that wait for an answer.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot::{self, Receiver, Sender};

use super::message::Answer;

/// The requests that wait for an answer, by their ids. Dropping this ends all of them.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    requests: BTreeMap<u64, Sender<Answer>>,
    /// The answers that name no request, as long as it is not known whose they are.
    unassigned: Vec<Unassigned>,
}

/// An answer that names no request.
#[derive(Debug)]
struct Unassigned {
    /// The requests that it may answer: those that waited when it came and still do.
    candidates: BTreeSet<u64>,
    answer: Answer,
}

impl Waiting {
    pub(crate) fn add(&mut self, id: u64) -> Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        self.requests.insert(id, sender);
        answer
    }

    /// Gives a request its answer. Does nothing if the request no longer waits.
    pub(crate) fn settle(&mut self, id: u64, answer: Answer) {
        self.send(id, answer);
        self.assign();
    }

    /// Takes an answer that names no request. Returns how many requests it may be meant for: only if there are several, it
    /// is not known yet.
    pub(crate) fn settle_any(&mut self, answer: Answer) -> usize {
        let candidates: BTreeSet<u64> = self.requests.keys().copied().collect();
        let count = candidates.len();
        self.unassigned.push(Unassigned { candidates, answer });
        self.assign();
        count
    }

    /// Removes a request. Returns whether it was waiting.
    pub(crate) fn forget(&mut self, id: u64) -> bool {
        let was_waiting = self.remove(id).is_some();
        self.assign();
        was_waiting
    }

    fn send(&mut self, id: u64, answer: Answer) {
        if let Some(request) = self.remove(id) {
            // An error means that the request was dropped at this moment.
            let _ = request.send(answer);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Sender<Answer>> {
        for other in &mut self.unassigned {
            other.candidates.remove(&id);
        }
        self.unassigned.retain(|other| !other.candidates.is_empty());
        self.requests.remove(&id)
    }

    /// Assigns the answers of which it is known whose they are: if as many answers as requests are left, each of the requests
    /// has one of them.
    fn assign(&mut self) {
        self.unassigned.retain(|other| !other.candidates.is_empty());
        while let Some((ids, answer)) = self.assignable() {
            ids.into_iter().for_each(|id| self.send(id, answer.clone()));
        }
    }

    fn assignable(&self) -> Option<(BTreeSet<u64>, Answer)> {
        let is_known = |one: &&Unassigned| {
            let others = self.unassigned.iter().filter(|other| other.candidates.is_subset(&one.candidates));
            others.count() >= one.candidates.len()
        };
        self.unassigned.iter().find(is_known).map(|known| (known.candidates.clone(), known.answer.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(number: usize) -> Answer {
        Answer::Unreadable(number.to_string())
    }

    #[test]
    fn an_answer_without_a_name_belongs_to_whoever_is_left() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.settle_any(lost(0)), 0);
        let mut requests: Vec<_> = (0..4).map(|id| waiting.add(id)).collect();
        assert_eq!(waiting.settle_any(lost(1)), 4);
        // A later request is not meant.
        let mut late = waiting.add(9);
        assert_eq!(waiting.settle_any(lost(2)), 5);
        assert!(requests.iter_mut().all(|request| request.try_recv().is_err()));
        waiting.settle(0, Answer::Result(0.into()));
        assert!(waiting.forget(3));
        assert!(!waiting.forget(3));
        // Requests 1 and 2 may have both of them, and one of them may be that of the late one.
        assert!(requests[1].try_recv().is_err());
        waiting.settle(9, Answer::Result(9.into()));
        assert_eq!(late.try_recv(), Ok(Answer::Result(9.into())));
        for request in &mut requests[1..3] {
            assert!(matches!(request.try_recv(), Ok(Answer::Unreadable(_))));
        }
        assert!(waiting.requests.is_empty() && waiting.unassigned.is_empty());
        // The only one that waits is meant.
        let mut only = waiting.add(10);
        assert_eq!(waiting.settle_any(lost(3)), 1);
        assert_eq!(only.try_recv(), Ok(lost(3)));
    }
}
