//! Which objects of the graph changed, and when.

use std::collections::HashSet;

use rollout_trace_model::ObjectRef;
use rollout_trace_schema::Seq;

/// How many of the latest entries are compared with a new one, so that an event that touches an object again and again
/// leaves one entry.
const LOOK_BACK: usize = 4;

/// The log is compacted when it has this many entries more than three times the number that its last compaction left.
const SLACK: usize = 1 << 15;

/// A log of changes in the order in which they were made.
///
/// An object may have several entries; compaction keeps the latest, so the log takes memory in proportion to the graph.
#[derive(Debug)]
pub(crate) struct Changes {
    log: Vec<Change>,
    now: Moment,
    /// The number of entries that the last compaction left.
    compacted: usize,
    /// The number of entries, from the first, that [`Changes::unsettled`] no longer returns.
    settled: usize,
    was_settled: bool,
}

#[derive(Debug)]
struct Change {
    moment: Moment,
    object: ObjectRef,
}

/// A point in the course of a reduction. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    /// The highest seq that has been applied.
    highest: Seq,
    /// Whether something without a higher seq was applied after the event with that seq: an event that came late, or a
    /// problem of the log.
    after_highest: bool,
}

impl Default for Changes {
    fn default() -> Self {
        let now = Moment { highest: 0, after_highest: true };
        Self { log: Vec::new(), now, compacted: 0, settled: 0, was_settled: false }
    }
}

impl Changes {
    /// Attributes the changes from now on to the event with this seq.
    pub(crate) fn begin_event(&mut self, seq: Seq) {
        self.now = match seq > self.now.highest {
            true => Moment { highest: seq, after_highest: false },
            false => Moment { after_highest: true, ..self.now },
        };
    }

    /// Attributes the changes from now on to something other than an event.
    pub(crate) fn begin_problem(&mut self) {
        self.now.after_highest = true;
    }

    /// Records that an object was made, changed or removed.
    pub(crate) fn record(&mut self, object: ObjectRef) {
        let recent = &self.log[self.log.len().saturating_sub(LOOK_BACK).max(self.settled)..];
        if recent.iter().any(|change| change.object == object && change.moment == self.now) {
            return;
        }
        if self.log.len() >= 3 * self.compacted + SLACK {
            self.compact();
        }
        self.log.push(Change { moment: self.now, object });
    }

    /// Returns the objects that changed after the event with this seq was applied, each once, the latest change last.
    pub(crate) fn since(&self, seq: Seq) -> Vec<ObjectRef> {
        let looked = Moment { highest: seq, after_highest: false };
        let first = self.log.partition_point(|change| change.moment <= looked);
        latest_of_each(&self.log[first..]).map(|change| change.object.clone()).collect()
    }

    /// Returns the objects that changed since [`Changes::settle`] was last called, each once.
    pub(crate) fn unsettled(&self) -> Vec<ObjectRef> {
        latest_of_each(&self.log[self.settled..]).map(|change| change.object.clone()).collect()
    }

    /// Returns whether [`Changes::settle`] was ever called.
    pub(crate) fn was_settled(&self) -> bool {
        self.was_settled
    }

    /// Marks all changes so far as seen.
    pub(crate) fn settle(&mut self) {
        self.settled = self.log.len();
        self.was_settled = true;
    }

    fn compact(&mut self) {
        let mut seen = HashSet::with_capacity(self.compacted);
        let latest: Vec<bool> = self.log.iter().rev().map(|change| seen.insert(change.object.clone())).collect();
        let mut keep = latest.into_iter().rev();
        let mut settled = 0;
        let mut place = 0;
        self.log.retain(|_| {
            let keeps = keep.next().unwrap_or(true);
            settled += usize::from(keeps && place < self.settled);
            place += 1;
            keeps
        });
        self.settled = settled;
        self.compacted = self.log.len();
    }
}

/// Returns the last entry of each object, in order.
fn latest_of_each(log: &[Change]) -> impl Iterator<Item = &Change> {
    let mut seen = HashSet::with_capacity(log.len());
    let mut latest: Vec<_> = log.iter().rev().filter(|change| seen.insert(&change.object)).collect();
    latest.reverse();
    latest.into_iter()
}

#[cfg(test)]
mod tests {
    use rollout_trace_model::ItemId;

    use super::*;

    fn item(number: u32) -> ObjectRef {
        ObjectRef::ConversationItem(ItemId(number))
    }

    #[test]
    fn an_object_is_named_once_in_the_place_of_its_latest_change() {
        let mut changes = Changes::default();
        changes.begin_event(1);
        changes.record(item(1));
        changes.record(item(1));
        changes.begin_event(2);
        changes.record(item(2));
        changes.begin_event(3);
        changes.record(item(1));
        assert_eq!(changes.log.len(), 3);
        assert_eq!(changes.since(0), [item(2), item(1)]);
        assert_eq!(changes.since(2), [item(1)]);
        assert_eq!(changes.since(3), []);
    }

    #[test]
    fn late_changes_count_as_after_the_highest_seq() {
        let mut changes = Changes::default();
        changes.begin_event(5);
        changes.record(item(1));
        changes.begin_event(3);
        changes.record(item(2));
        assert_eq!(changes.since(5), [item(2)]);
        assert_eq!(changes.since(4), [item(1), item(2)]);
        changes.begin_event(6);
        changes.record(item(3));
        assert_eq!(changes.since(6), []);
        changes.begin_problem();
        changes.record(item(4));
        assert_eq!(changes.since(6), [item(4)]);
    }

    #[test]
    fn compaction_keeps_the_latest_change_of_each_object() {
        let mut changes = Changes::default();
        let rounds = 100_000;
        for seq in 1..=rounds {
            changes.begin_event(seq);
            changes.record(item((seq % 10) as u32));
            if seq == rounds / 2 {
                changes.settle();
            }
        }
        assert!(changes.log.len() < 2 * SLACK);
        assert_eq!(changes.since(rounds - 3), [item(8), item(9), item(0)]);
        assert_eq!(changes.since(0).len(), 10);
        assert_eq!(changes.unsettled().len(), 10);
        changes.settle();
        assert_eq!(changes.unsettled(), []);
    }
}
