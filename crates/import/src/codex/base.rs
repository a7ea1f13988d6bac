//! Histories that begin with another thread's.

use rollout_trace_schema::{CodexTurnId, EvidenceSource, ThreadId};

use super::{
    Header, Reader,
    reader::{Age, Live},
};
use crate::{
    draft::At,
    object::{Object, elements},
    problem::ProblemCode,
    sources::Record,
    writer::Item,
};

/// How many files a history may go through.
const MAX_BASES: usize = 32;

/// How many hexadecimal digits of an id of version 7 are its time.
const TIME_DIGITS: usize = 12;

/// What is remembered while copies of another thread's records are read.
#[derive(Debug, Default)]
pub(super) struct Inherited;

impl Reader {
    /// Takes over the history that a fork's file begins after.
    pub(super) fn inherit_base(&mut self, at: &At) {
        let Some(base) = self.header.base.clone() else { return };
        let mut chain = vec![(base.thread.clone(), base.end)];
        let mut files = Vec::new();
        while let Some((thread, end)) = chain.pop() {
            if files.len() >= MAX_BASES || files.iter().any(|(known, _, _): &(ThreadId, _, _)| *known == thread) {
                let message = format!("the history of thread {thread} leads back to itself; it is cut there");
                self.writer.problem(at, ProblemCode::ParentCycle, message);
                break;
            }
            let path = self.store.borrow_mut().file_of(&thread);
            let Some(path) = path else {
                let message =
                    format!("the file of thread {thread} is not in the store; its part of the history is unknown");
                self.writer.problem(at, ProblemCode::BaseMissing, message);
                self.is_base_missing = true;
                break;
            };
            let header = Header::read(&path);
            if let Some(base) = &header.base {
                chain.push((base.thread.clone(), base.end));
            }
            files.push((thread, path, end));
        }
        for (thread, path, end) in files.into_iter().rev() {
            let Ok(records) = self.sources.open(&path, self.limits) else {
                let message =
                    format!("the file of thread {thread} cannot be opened; its part of the history is unknown");
                self.writer.problem(at, ProblemCode::BaseMissing, message);
                self.is_base_missing = true;
                continue;
            };
            for record in records {
                let Record::Object(place, text) = record else { continue };
                let Some(record) = Object::parse(&text) else { continue };
                if record.read::<u64>("ordinal").is_some_and(|ordinal| ordinal >= end) {
                    break;
                }
                self.inherit(place, &thread, &record);
            }
        }
        self.unshown = self.live.iter().map(|live| live.item.clone()).collect();
        let inherited = self.unshown.clone();
        self.accept_inherited(at, &inherited);
    }

    /// Takes over what a record of another thread's file did to the history.
    fn inherit(&mut self, place: EvidenceSource, thread: &ThreadId, record: &Object<'_>) {
        let Some(payload) = record.object("payload") else { return };
        match record.text("type").as_deref() {
            Some("response_item") => {
                let mut item = payload.clone();
                let id = item.text("id").unwrap_or_else(|| format!("import:{thread}:{}", place.line));
                item.set("id", id.as_str());
                self.live.push(Live { item: Item::new(id, crate::object::raw(&item)), sequence: None, time: 0 });
            }
            Some("compacted") => {
                let history = payload.get("replacement_history").and_then(elements).unwrap_or_default();
                let items = self.replacement(&history, place.line, &format!("{thread}"));
                self.live = items.into_iter().map(|item| Live { item, sequence: None, time: 0 }).collect();
                self.turns.marks.clear();
            }
            Some("event_msg") => match payload.text("type").as_deref() {
                Some("task_started" | "turn_started") => self.turns.marks.push(self.live.len()),
                Some("thread_rolled_back") => self.roll_back(payload.read("num_turns").unwrap_or(0)),
                _ => {}
            },
            _ => {}
        }
    }

    /// Reads a header that is not the first one: in a fork's file, copies of another thread's records begin.
    pub(super) fn read_meta(&mut self, at: &At, meta: &Object<'_>) {
        if at.place.line == 1 {
            return;
        }
        let is_other = meta.text("id").is_some_and(|id| id != *self.header.thread);
        if is_other && self.header.forked_from.is_some() && self.inherited.is_none() {
            self.inherited = Some(Inherited);
        }
    }

    /// Returns whether a turn began after this thread did, by the times in their ids.
    pub(super) fn is_own_turn(&self, turn: &CodexTurnId) -> bool {
        let time = |id: &str| id.chars().filter(char::is_ascii_hexdigit).take(TIME_DIGITS).collect::<String>();
        time(turn) >= time(&self.header.thread)
    }

    /// Ends the copied part of a fork's file.
    pub(super) fn end_inheritance(&mut self, at: &At) {
        self.inherited = None;
        self.age = Age::FiguresAfter;
        let items = self.unshown.clone();
        self.accept_inherited(at, &items);
    }

    /// Writes that the items of another thread's history are in this one's.
    fn accept_inherited(&mut self, at: &At, items: &[Item]) {
        for item in items {
            self.writer.accepted(at, item, false);
        }
        self.writer.history(at, items);
    }
}
