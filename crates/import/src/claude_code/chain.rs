//! The lines that a transcript's history consists of.

use std::collections::{HashMap, HashSet};

use rollout_trace_schema::UnixMillis;
use serde_json::value::RawValue;

use super::{
    block::{Block, Key},
    selection::Selection,
};
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
    entries: Vec<Entry>,
    /// The line before each line, of every type.
    parents: HashMap<String, String>,
    /// The line that was read last.
    pub(super) last: Option<String>,
    /// The items of the live blocks by their keys, in the order of the lines.
    by_key: HashMap<Key, Vec<Item>>,
    /// The places of the lines of each answer.
    by_message: HashMap<String, Vec<usize>>,
    selection: Selection,
}

impl Chain {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn push(&mut self, entry: Entry) {
        for block in &entry.blocks {
            self.by_key.entry(block.key).or_default().push(block.item.clone());
        }
        if let Some(id) = &entry.message_id {
            self.by_message.entry(id.clone()).or_default().push(self.entries.len());
        }
        self.entries.push(entry);
    }

    /// Takes all lines out, so that others can begin a new history.
    pub(super) fn take(&mut self) -> Vec<Entry> {
        self.by_key.clear();
        self.by_message.clear();
        self.selection = Selection::default();
        std::mem::take(&mut self.entries)
    }

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

    /// Selects the lines up to a line, in the order in which a request has them.
    pub(super) fn select(&mut self, uuid: Option<&str>) {
        self.selection.go_to(uuid, &self.entries, &self.parents);
    }

    /// Returns the lines that were selected.
    pub(super) fn selected(&self) -> impl Iterator<Item = &Entry> {
        self.selection.places().iter().map(|place| &self.entries[*place])
    }

    /// Returns the latest time of the lines that were selected.
    pub(super) fn selected_time(&self) -> Option<UnixMillis> {
        self.selection.latest()
    }

    /// Returns the item of the nth live block with a key.
    pub(super) fn item(&self, key: &Key, nth: usize) -> Option<&Item> {
        self.by_key.get(key)?.get(nth)
    }

    /// Returns the places of the lines of an answer.
    pub(super) fn lines_of(&self, message_id: &str) -> &[usize] {
        self.by_message.get(message_id).map_or(&[], Vec::as_slice)
    }
}
