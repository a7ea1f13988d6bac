//! Finding the lines that a message of a request consists of.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::{
    chain::{Chain, Entry},
    message::hash_of_blocks,
};

/// How many lines of the harness and results may be one message.
const MAX_LINES: usize = 64;

/// The messages that the live lines can be, as far as they were tried.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The places of the lines of a message, by its hash.
    lines: HashMap<String, Vec<usize>>,
    /// What was tried: the place of the first line, and the number of lines.
    tried: HashSet<(usize, usize)>,
    /// All that begins before this place was tried.
    below: usize,
}

impl Found {
    /// Returns the role and the blocks of the message with this hash: of an answer, or of consecutive lines.
    pub(super) fn message(&mut self, chain: &Chain, hash: &str) -> Option<(String, Vec<Box<RawValue>>)> {
        let entries = chain.entries();
        let lines = match self.lines.get(hash) {
            Some(lines) => lines,
            None => {
                self.try_lines(chain, hash);
                self.lines.get(hash)?
            }
        };
        let role = entries[*lines.first()?].role.clone();
        let blocks = lines.iter().flat_map(|place| &entries[*place].raw).cloned().collect();
        Some((role, blocks))
    }

    /// Tries lines, from the last one back, until a message has this hash.
    fn try_lines(&mut self, chain: &Chain, hash: &str) {
        let entries = chain.entries();
        for place in (self.below..entries.len()).rev() {
            match &entries[place].message_id {
                Some(id) => {
                    let lines = chain.lines_of(id);
                    if lines.first() == Some(&place) && self.is_message(entries, lines, hash) {
                        return;
                    }
                }
                None => {
                    let run = run_from(entries, place);
                    if (1..=run.len()).any(|len| self.is_message(entries, &run[..len], hash)) {
                        return;
                    }
                }
            }
        }
        // Lines that are still to come may continue the last ones, and the last answer.
        let last_answer = entries.last().and_then(|entry| chain.lines_of(entry.message_id.as_deref()?).first());
        let end = entries.len().saturating_sub(MAX_LINES);
        self.below = last_answer.map_or(end, |first| end.min(*first)).max(self.below);
    }

    /// Notes the hash of lines as a message. Returns whether it is this one.
    fn is_message(&mut self, entries: &[Entry], lines: &[usize], hash: &str) -> bool {
        if !self.tried.insert((lines[0], lines.len())) {
            return false;
        }
        let raw: Vec<&RawValue> = lines.iter().flat_map(|place| &entries[*place].raw).map(|raw| &**raw).collect();
        let found = hash_of_blocks(&entries[lines[0]].role, &raw);
        let is_this = found == hash;
        self.lines.entry(found).or_insert_with(|| lines.to_vec());
        is_this
    }
}

/// Returns the places of the lines from one on that may be one message with it.
fn run_from(entries: &[Entry], place: usize) -> Vec<usize> {
    let first = &entries[place];
    let others = entries.iter().enumerate().skip(place).take(MAX_LINES);
    let of_message = others.take_while(|(_, entry)| entry.message_id.is_none() && entry.role == first.role);
    of_message.filter(|(_, entry)| entry.is_message || !first.is_message).map(|(place, _)| place).collect()
}
