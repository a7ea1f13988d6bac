//! The lines that a transcript's history consists of.

use std::collections::{HashMap, HashSet};

use rollout_trace_schema::UnixMillis;
use serde_json::value::RawValue;

use super::block::Block;
use crate::writer::Item;

/// A line with items.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) uuid: String,
    pub(super) role: String,
    /// The answer that the line is part of.
    pub(super) message_id: Option<String>,
    pub(super) blocks: Vec<Block>,
    /// The blocks as they are written.
    pub(super) raw: Vec<Box<RawValue>>,
    pub(super) time: UnixMillis,
    /// Whether the line is a person's, the model's or a tool's, and not an attachment.
    pub(super) is_message: bool,
    /// Whether it belongs to every request, because a compaction kept it.
    pub(super) is_pinned: bool,
}

/// The live history of a thread, and how its lines follow one another.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) entries: Vec<Entry>,
    /// The line before each line, of every type.
    parents: HashMap<String, String>,
    /// The line that was read last.
    pub(super) last: Option<String>,
}

impl Chain {
    /// Adds a link of the chain.
    pub(super) fn link(&mut self, uuid: &str, parent: Option<String>) {
        self.last = Some(uuid.to_owned());
        if let Some(parent) = parent {
            self.parents.insert(uuid.to_owned(), parent);
        }
    }

    /// Returns the lines from a line back to the first one of its chain.
    pub(super) fn after_boundary(&self, uuid: Option<&str>) -> HashSet<String> {
        let mut lines = HashSet::new();
        let mut next = uuid;
        while let Some(uuid) = next {
            if !lines.insert(uuid.to_owned()) {
                break;
            }
            next = self.parents.get(uuid).map(String::as_str);
        }
        lines
    }

    /// Forgets the links of all other lines, because a compaction has begun a new chain.
    pub(super) fn cut_before(&mut self, lines: &HashSet<String>) {
        self.parents.retain(|uuid, _| lines.contains(uuid));
    }

    /// Returns the entries up to a line, in the order in which a request has them: an answer's blocks together, then
    /// the results of its calls, which may hang off their own call beside the chain.
    pub(super) fn up_to(&self, uuid: Option<&str>) -> Vec<&Entry> {
        let mut linked: HashSet<&str> = HashSet::new();
        let mut next = uuid;
        while let Some(uuid) = next {
            // A circle is cut at the first repetition.
            if !linked.insert(uuid) {
                break;
            }
            next = self.parents.get(uuid).map(String::as_str);
        }
        let in_chain = |entry: &Entry| entry.is_pinned || linked.contains(entry.uuid.as_str());
        let chained = self.entries.iter().filter(|entry| in_chain(entry));
        let calls: HashSet<&str> = chained
            .flat_map(|entry| &entry.blocks)
            .filter_map(|block| Some(block.call.as_ref()?.id.as_str()))
            .collect();
        let answers = |entry: &Entry| {
            entry.blocks.iter().any(|block| block.answers.as_deref().is_some_and(|call| calls.contains(call)))
        };
        let mut selected: Vec<&Entry> = Vec::new();
        let mut ends: HashMap<&str, usize> = HashMap::new();
        for entry in self.entries.iter().filter(|entry| in_chain(entry) || answers(entry)) {
            match entry.message_id.as_deref() {
                Some(id) => {
                    let at = ends.get(id).copied().unwrap_or(selected.len());
                    selected.insert(at, entry);
                    ends.values_mut().filter(|end| **end > at).for_each(|end| *end += 1);
                    ends.insert(id, at + 1);
                }
                None => selected.push(entry),
            }
        }
        selected
    }

    /// Returns the items of the live blocks by their keys, in the order of the lines.
    pub(super) fn by_key(&self) -> HashMap<&str, Vec<&Item>> {
        let mut by_key: HashMap<&str, Vec<&Item>> = HashMap::new();
        for block in self.entries.iter().flat_map(|entry| &entry.blocks) {
            by_key.entry(&block.key).or_default().push(&block.item);
        }
        by_key
    }
}
