//! A rollout that grows.

use rollout_trace::{
    Bundle, Evidence, OpenError, Reducer,
    answers::{Facts, Node, Origin, Rollout},
    bundle::{Events, Payloads},
    model::{BodyPart, ItemId, ObjectRef, RolloutTrace},
    schema::{EventPayload, Manifest, Seq},
};

#[cfg(test)]
mod tests;

use super::{
    grown::Grown,
    memory::{Memory, Renumbered},
    part::Part,
};
use crate::{
    ApiError, Kind, Thing,
    desk::{self, Answer, Desk},
    log::Log,
    query::Query,
    things::Things,
    view::View,
};

/// By how much of itself a rollout grows before a page takes it anew, so that doing that costs no more than a few times
/// what is new.
const ANEW: usize = 8;

/// A rollout that grows, with what a page knows of it.
pub(crate) struct Growing {
    bundle: Bundle,
    events: Events,
    payloads: Payloads,
    /// The graph without objects.
    empty: RolloutTrace,
    reducer: Reducer,
    facts: Facts,
    log: Log,
    memory: Memory,
    /// The highest event whose changes were taken.
    seen: Seq,
    /// How many definitions the page knows.
    definitions: usize,
    /// How many rows the log had when the page last took everything.
    rows_anew: usize,
    has_log: bool,
    has_ended: bool,
    /// How many objects were looked at to make the last change.
    pub(crate) touched: usize,
}

/// What is new.
#[derive(Debug)]
pub(crate) enum Change {
    /// Rows.
    Grown(Box<Grown>),
    /// So much that the page takes everything anew.
    Anew,
    /// The end marker of the recording.
    Ended,
}

impl Growing {
    /// Opens a bundle and reduces what is there of it.
    pub(crate) fn open(path: &std::path::Path) -> Result<Self, OpenError> {
        let bundle = Bundle::open(path)?;
        let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
        bundle.problems().iter().for_each(|problem| reducer.note_problem(problem));
        let mut growing = Self {
            events: bundle.events().growing(),
            payloads: bundle.payloads(),
            empty: Reducer::new(bundle.header(), *bundle.limits()).graph().clone(),
            reducer,
            facts: Facts::default(),
            log: Log::default(),
            memory: Memory::default(),
            seen: 0,
            definitions: 0,
            rows_anew: 0,
            has_log: log_len(&bundle).is_some(),
            has_ended: false,
            touched: 0,
            bundle,
        };
        growing.read();
        growing.reducer.changed_since(0);
        growing.take_anew();
        Ok(growing)
    }

    /// Returns whether the log is not the one that was read so far.
    fn log_is_another(&self) -> bool {
        let len = log_len(&self.bundle);
        if self.has_log { len.is_some_and(|len| len < self.events.bytes_read()) } else { len.is_some() }
    }

    /// Reads what is new in the log. Returns whether anything is.
    fn read(&mut self) -> bool {
        let mut is_new = false;
        for evidence in self.events.by_ref() {
            is_new = true;
            self.log.see(&evidence);
            self.reducer.apply_observed(&evidence, &mut self.payloads, &mut self.facts);
            if let Evidence::Event(located) = &evidence {
                self.has_ended |= matches!(located.event.payload, EventPayload::RecordingCompleted(_));
            }
        }
        self.log.finish();
        is_new
    }

    /// Reads what is new, and returns what changes for a page that knew everything so far.
    pub(crate) fn advance(&mut self) -> Option<Change> {
        if self.log_is_another() {
            // There was none yet, or it was written anew.
            *self = Self::open(self.bundle.path()).ok()?;
            return Some(Change::Anew);
        }
        if !self.read() {
            return None;
        }
        if self.has_ended {
            return Some(Change::Ended);
        }
        let changed = self.reducer.changed_since(self.seen);
        self.seen = self.log.last_seq().unwrap_or_default();
        let noted = self.memory.note(self.reducer.graph(), &self.facts, &changed);
        if noted == Err(Renumbered) || self.log.rows.len() > self.rows_anew + self.rows_anew / ANEW + FEW {
            self.take_anew();
            return Some(Change::Anew);
        }
        let part = self.part_of_changed(changed);
        Some(Change::Grown(Box::new(self.grown(&part))))
    }

    /// Returns the part for the rows of what changed.
    fn part_of_changed(&mut self, mut changed: Vec<ObjectRef>) -> Part {
        let sums = std::mem::take(&mut self.memory.changed_sums);
        changed.extend(sums.into_iter().map(ObjectRef::Thread));
        Part::of_changed(self.reducer.graph(), &self.empty, &self.memory, &changed)
    }

    fn grown(&mut self, part: &Part) -> Grown {
        self.touched = part.touched;
        let definitions = self.definitions;
        let (grown, origins) = self.with_part(part, |view, memory| {
            let grown = Grown::of_part(view, memory, part, definitions);
            (grown, origins(part.items().map(|item| item.item_id), view.rollout))
        });
        origins.into_iter().for_each(|(item, origin)| self.memory.set_origin(item, origin));
        self.definitions = self.facts.definitions().len();
        grown
    }

    /// Views a part of the rollout.
    fn with_part<T>(&mut self, part: &Part, work: impl FnOnce(&View<'_, '_>, &Memory) -> T) -> T {
        let memory = &self.memory;
        let rest = part.rest(memory);
        let rollout = Rollout::part(&part.graph, &self.facts, rest, &mut self.payloads, self.bundle.limits());
        let nodes = part.things(memory);
        let things = Things::part(&part.graph, nodes.iter(), memory.numbers());
        work(&View::part(&rollout, &self.log, things, memory), memory)
    }

    /// Answers a call that is about a few things, at a cost in proportion to them; `None` if it is about more.
    pub(super) fn answer_some(&mut self, query: &Query) -> Option<Result<Answer, ApiError>> {
        let things: Vec<_> = match query.name.as_str() {
            "events" => Vec::new(),
            "texts" => query.text("of")?.split(',').map(desk::thing).collect::<Option<_>>()?,
            _ => return None,
        };
        // The place of an image among those of its payload depends on all items.
        let graph = self.reducer.graph();
        let has_image = |thing: &Thing| {
            let item = graph.conversation_items.get(&ItemId(thing.1)).filter(|_| thing.0 == Kind::Item);
            item.is_some_and(|item| item.body.parts.iter().any(|part| matches!(part, BodyPart::PayloadRef { .. })))
        };
        if things.iter().any(has_image) {
            return None;
        }
        Some(self.with_things(&things, |view| match query.name.as_str() {
            "events" => desk::events(view, query),
            _ => desk::texts(view, query),
        }))
    }

    /// Views some things, at a cost in proportion to them. Things that there are not are left out.
    fn with_things<T>(&mut self, things: &[Thing], work: impl FnOnce(&View<'_, '_>) -> T) -> T {
        let memory = &self.memory;
        let node = |thing: &Thing| match thing.0 {
            Kind::Item => Some(Node::Item(ItemId(thing.1))),
            kind => memory.node(kind, thing.1).cloned(),
        };
        let nodes: Vec<_> = things.iter().filter_map(node).collect();
        let part = Part::of_things(self.reducer.graph(), &self.empty, memory, nodes.into_iter());
        self.with_part(&part, |view, _| work(view))
    }

    /// Views the whole rollout, at a cost in proportion to it. What the work is given says whether the log has grown since,
    /// so that it should end.
    pub(crate) fn with_desk<T>(&mut self, work: impl FnOnce(&Desk<'_, '_>, &dyn Fn() -> bool) -> T) -> T {
        let (bundle, read) = (&self.bundle, self.events.bytes_read());
        let has_grown = || log_len(bundle).is_some_and(|len| len != read);
        let graph = self.reducer.graph();
        let rollout = Rollout::new(graph, &self.facts, &mut self.payloads, self.bundle.limits());
        work(&Desk { view: View::new(&rollout, &self.log), bundle, is_followed: !self.has_ended }, &has_grown)
    }

    /// Remembers the whole rollout, for a page that takes it anew.
    fn take_anew(&mut self) {
        let graph = self.reducer.graph();
        let mut memory = Memory::default();
        // Objects that there are, each once, have their numbers.
        let noted = memory.note(graph, &self.facts, &super::memory::all_objects(graph));
        debug_assert_eq!(noted, Ok(()), "all objects have numbers");
        let rollout = Rollout::new(graph, &self.facts, &mut self.payloads, self.bundle.limits());
        let origins = origins(graph.conversation_items.keys().copied(), &rollout);
        origins.into_iter().for_each(|(item, origin)| memory.set_origin(item, origin));
        memory.changed_sums.clear();
        self.memory = memory;
        self.seen = self.log.last_seq().unwrap_or_default();
        self.definitions = self.facts.definitions().len();
        self.rows_anew = self.log.rows.len();
    }
}

/// Returns how long the event log of a bundle is, or `None` if there is none.
fn log_len(bundle: &Bundle) -> Option<u64> {
    bundle.open_file(Manifest::RAW_EVENT_LOG).ok()?.byte_len().ok()
}

/// So few rows that a rollout with them may be taken anew at any time.
const FEW: usize = 32;

/// Returns where items come from.
fn origins(items: impl Iterator<Item = ItemId>, rollout: &Rollout<'_>) -> Vec<(ItemId, Origin)> {
    items.map(|item| (item, rollout.origin(item).clone())).collect()
}
