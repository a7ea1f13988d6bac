//! The lines of an implied request.

use std::collections::{HashMap, HashSet};

use rollout_trace_schema::UnixMillis;

use super::chain::Entry;

/// The lines up to a line, in the order in which a request has them: an answer's blocks together, then the results of its
/// calls, which may hang off their own call beside the chain.
///
/// The next request usually has the same lines and those that follow. Then only these are looked at. Else, all are.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// The last line of the chain.
    tip: Option<String>,
    /// The lines of the chain, of every type.
    linked: HashSet<String>,
    /// The calls in lines of the chain.
    calls: HashSet<String>,
    /// The places of the selected lines.
    selected: Vec<usize>,
    /// Where in `selected` the lines of each answer end.
    ends: HashMap<String, usize>,
    /// How many lines were looked at.
    read: usize,
    /// The lines that were not selected, and the calls that these answer.
    beside: HashSet<String>,
    /// The latest time of the selected lines.
    latest: Option<UnixMillis>,
}

impl Selection {
    pub(super) fn places(&self) -> &[usize] {
        &self.selected
    }

    pub(super) fn latest(&self) -> Option<UnixMillis> {
        self.latest
    }

    /// Selects the lines up to this one.
    pub(super) fn go_to(&mut self, last: Option<&str>, entries: &[Entry], parents: &HashMap<String, String>) {
        if !self.extend(last, entries, parents) {
            *self = Self::default();
            let is_new = self.extend(last, entries, parents);
            debug_assert!(is_new, "nothing was selected before");
        }
    }

    /// Adds lines. Returns whether those that were selected before stay, and stay before the others.
    fn extend(&mut self, last: Option<&str>, entries: &[Entry], parents: &HashMap<String, String>) -> bool {
        let mut new = HashSet::new();
        let mut next = last;
        while let Some(uuid) = next.filter(|uuid| !self.linked.contains(*uuid)) {
            // A circle is cut at the first repetition.
            if !new.insert(uuid) {
                next = None;
                break;
            }
            next = parents.get(uuid).map(String::as_str);
        }
        if next != self.tip.as_deref() || new.iter().any(|uuid| self.beside.contains(*uuid)) {
            return false;
        }
        self.tip = last.map(str::to_owned);
        self.linked.extend(new.into_iter().map(str::to_owned));
        let added = &entries[self.read..];
        let in_chain = |entry: &Entry| entry.is_pinned || self.linked.contains(&entry.uuid);
        let calls = added.iter().filter(|entry| in_chain(entry)).flat_map(|entry| &entry.blocks);
        let calls: Vec<String> = calls.filter_map(|block| Some(block.call.as_ref()?.id.clone())).collect();
        if calls.iter().any(|call| self.beside.contains(call)) {
            return false;
        }
        self.calls.extend(calls);
        for (place, entry) in entries.iter().enumerate().skip(self.read) {
            let mut answers = entry.blocks.iter().filter_map(|block| block.answers.as_ref());
            if entry.is_pinned || self.linked.contains(&entry.uuid) || answers.any(|call| self.calls.contains(call)) {
                self.select(place, entry);
            } else {
                self.beside.insert(entry.uuid.clone());
                self.beside.extend(entry.blocks.iter().filter_map(|block| block.answers.clone()));
            }
        }
        self.read = entries.len();
        true
    }

    fn select(&mut self, place: usize, entry: &Entry) {
        self.latest = self.latest.max(Some(entry.time));
        let Some(id) = &entry.message_id else { return self.selected.push(place) };
        let end = self.ends.get(id).copied().unwrap_or(self.selected.len());
        if end < self.selected.len() {
            self.ends.values_mut().filter(|other| **other > end).for_each(|other| *other += 1);
        }
        self.selected.insert(end, place);
        self.ends.insert(id.clone(), end + 1);
    }
}
