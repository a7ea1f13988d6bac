//! Which objects of the graph changed, and when.

use std::collections::BTreeMap;

use rollout_trace_model::ObjectRef;
use rollout_trace_schema::Seq;

/// The latest change of each object, in the order in which they were made.
///
/// Nothing is recorded before the first look at the graph, so a graph that nobody looks at until its end pays nothing.
/// Both maps are trees, which unlike hash maps and vectors never pause to grow.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    log: BTreeMap<Place, ObjectRef>,
    latest: BTreeMap<ObjectRef, Place>,
    now: Moment,
    /// The number of the next change.
    next: u64,
    /// The number of the first change that [`Changes::unsettled`] returns.
    first_unsettled: u64,
    /// The highest seq that was applied at the first look, or `None` before it.
    followed_from: Option<Seq>,
}

/// The place of a change in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    moment: Moment,
    /// Counts the changes of all moments.
    number: u64,
}

/// A point in the course of a reduction. A later one is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    /// The highest seq that has been applied.
    highest: Seq,
    /// Whether something without a higher seq was applied after the event with that seq: an event that came late, or a
    /// problem of the log.
    after_highest: bool,
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

    /// Returns whether changes are recorded.
    pub(crate) fn are_followed(&self) -> bool {
        self.followed_from.is_some()
    }

    /// Records that an object was made, changed or removed.
    pub(crate) fn record(&mut self, object: impl FnOnce() -> ObjectRef) {
        if !self.are_followed() {
            return;
        }
        let object = object();
        let place = Place { moment: self.now, number: self.next };
        if let Some(latest) = self.latest.get_mut(&object) {
            if latest.moment == self.now && latest.number >= self.first_unsettled {
                return;
            }
            self.log.remove(latest);
            *latest = place;
        } else {
            self.latest.insert(object.clone(), place);
        }
        self.log.insert(place, object);
        self.next += 1;
    }

    /// Returns the objects that changed after the event with this seq was applied, each once, in the order of the
    /// events that changed them last. Returns `None` if that event was applied before the first look.
    pub(crate) fn since(&self, seq: Seq) -> Option<Vec<ObjectRef>> {
        if self.followed_from.is_none_or(|first| seq < first) {
            return None;
        }
        let first = Place { moment: Moment { highest: seq, after_highest: true }, number: 0 };
        Some(self.log.range(first..).map(|(_, object)| object.clone()).collect())
    }

    /// Returns the objects that changed since [`Changes::settle`] was last called, each once. Returns `None` before it
    /// was first called.
    pub(crate) fn unsettled(&self) -> Option<Vec<ObjectRef>> {
        self.followed_from?;
        let latest_first = self.log.iter().rev().take_while(|(place, _)| place.number >= self.first_unsettled);
        Some(latest_first.map(|(_, object)| object.clone()).collect())
    }

    /// Marks all changes so far as seen. From the first call on changes are recorded.
    pub(crate) fn settle(&mut self) {
        self.first_unsettled = self.next;
        self.followed_from.get_or_insert(self.now.highest);
    }
}

#[cfg(test)]
mod tests {
    use rollout_trace_model::ItemId;

    use super::*;

    fn item(number: u32) -> ObjectRef {
        ObjectRef::ConversationItem(ItemId(number))
    }

    fn followed() -> Changes {
        let mut changes = Changes::default();
        changes.settle();
        changes
    }

    #[test]
    fn an_object_is_named_once_in_the_place_of_its_latest_change() {
        let mut changes = followed();
        changes.begin_event(1);
        changes.record(|| item(1));
        changes.record(|| item(1));
        changes.begin_event(2);
        changes.record(|| item(2));
        changes.begin_event(3);
        changes.record(|| item(1));
        assert_eq!(changes.since(0).unwrap(), [item(2), item(1)]);
        assert_eq!(changes.since(2).unwrap(), [item(1)]);
        assert_eq!(changes.since(3).unwrap(), []);
        assert_eq!((changes.log.len(), changes.latest.len()), (2, 2));
    }

    #[test]
    fn a_late_change_counts_as_made_after_the_highest_seq() {
        let mut changes = followed();
        changes.begin_event(5);
        changes.record(|| item(1));
        changes.begin_event(3);
        changes.record(|| item(2));
        assert_eq!(changes.since(5).unwrap(), [item(2)]);
        assert_eq!(changes.since(4).unwrap(), [item(1), item(2)]);
        changes.begin_event(6);
        changes.record(|| item(3));
        assert_eq!(changes.since(6).unwrap(), []);
        changes.begin_problem();
        changes.record(|| item(4));
        assert_eq!(changes.since(6).unwrap(), [item(4)]);
    }

    #[test]
    fn nothing_is_recorded_before_the_first_look() {
        let mut changes = Changes::default();
        changes.begin_event(1);
        changes.record(|| item(1));
        assert_eq!((changes.since(0), changes.unsettled()), (None, None));
        changes.settle();
        changes.begin_event(2);
        changes.record(|| item(2));
        assert_eq!(changes.since(0), None);
        assert_eq!(changes.since(1).unwrap(), [item(2)]);
        assert_eq!(changes.unsettled().unwrap(), [item(2)]);
    }

    #[test]
    fn a_change_after_a_look_is_unsettled_even_within_one_event() {
        let mut changes = followed();
        changes.begin_event(1);
        changes.record(|| item(1));
        changes.settle();
        assert_eq!(changes.unsettled().unwrap(), []);
        changes.record(|| item(1));
        assert_eq!(changes.unsettled().unwrap(), [item(1)]);
        assert_eq!(changes.since(0).unwrap(), [item(1)]);
    }
}
