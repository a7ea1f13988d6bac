//! Short stable names for ids that differ between runs.

mod order;
mod text;

use std::borrow::Cow;

use crate::{
    ItemId, OperationId, RolloutTrace,
    map::{HashMap, HashSet},
};

/// The longest id that is meaningful to people.
const LONGEST_READABLE: usize = 16;
/// The shortest process id or chunk id that can be distinguished from other words in a text.
const SHORTEST_NUMBER: usize = 4;
/// The shortest cut-off word that can be recognized as the beginning of an id.
const SHORTEST_CUT_ID: usize = 6;

/// Maps each randomly minted id to a name such as `call-3`, numbered in the order of first appearance.
///
/// The order depends on seqs and never on the ids themselves, so that two runs with the same events get the same names.
/// Short ids, which were chosen deliberately, are kept.
pub(crate) struct Names {
    by_id: HashMap<String, String>,
    /// The ids that are not a single word in a text, longest first.
    odd: Vec<String>,
}

impl Names {
    pub(crate) fn of(graph: &RolloutTrace) -> Self {
        let mut namer = Namer::default();
        let ids = order::ids(graph);
        namer.taken = ids.iter().filter(|(kind, id)| !is_minted(kind, id)).map(|(_, id)| (*id).to_owned()).collect();
        for (kind, id) in ids {
            if is_minted(kind, id) {
                namer.name(kind, id);
            }
        }
        order::for_each_text(graph, &mut |text| {
            for word in text::words(text).filter(|word| word.len() >= text::UUID_LENGTH) {
                if !namer.by_id.contains_key(word) {
                    text::uuids(word).for_each(|(_, uuid)| namer.name("id", uuid));
                }
            }
        });
        let mut odd: Vec<String> = namer.by_id.keys().filter(|id| !text::is_word(id)).cloned().collect();
        odd.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        Self { by_id: namer.by_id, odd }
    }

    /// Keeps every id as it was recorded.
    pub(crate) fn as_recorded() -> Self {
        Self { by_id: HashMap::default(), odd: Vec::new() }
    }

    /// Returns a text with every randomly minted id replaced by its name.
    pub(crate) fn shorten<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.by_id.is_empty() || is_numbered(text) {
            return Cow::Borrowed(text);
        }
        if let Some(name) = self.by_id.get(text) {
            return Cow::Owned(name.clone());
        }
        let mut text = Cow::Borrowed(text);
        for id in self.odd.iter().filter(|id| !id.is_empty()) {
            if text.contains(id.as_str()) {
                text = Cow::Owned(text.replace(id.as_str(), &self.by_id[id]));
            }
        }
        match self.without_ids(&text) {
            Some(shorter) => Cow::Owned(shorter),
            None => text,
        }
    }

    fn without_ids(&self, text: &str) -> Option<String> {
        let mut shorter = String::new();
        let mut copied = 0;
        for word in text::words(text) {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let end = start + word.len();
            if let Some(name) = self.by_id.get(word).filter(|_| !text::is_part_of_decimal(text, start..end)) {
                shorter.push_str(&text[copied..start]);
                shorter.push_str(name);
                copied = end;
            } else if let Some(cut) = self.cut_id(word, &text[end..]) {
                shorter.push_str(&text[copied..start + cut]);
                copied = end;
            } else {
                for (at, uuid) in text::uuids(word) {
                    if let Some(name) = self.by_id.get(uuid) {
                        shorter.push_str(&text[copied..start + at]);
                        shorter.push_str(name);
                        copied = start + at + uuid.len();
                    }
                }
            }
        }
        (copied > 0).then(|| {
            shorter.push_str(&text[copied..]);
            shorter
        })
    }

    /// Returns the position in a word of an incomplete id, if the text was cut after the word.
    fn cut_id(&self, word: &str, rest: &str) -> Option<usize> {
        if rest != "..." {
            return None;
        }
        let known = word.len() >= SHORTEST_CUT_ID && self.by_id.keys().any(|id| id.starts_with(word));
        if known { Some(0) } else { text::cut_uuid(word) }
    }
}

/// Assigns names, each only once.
#[derive(Default)]
struct Namer {
    by_id: HashMap<String, String>,
    taken: HashSet<String>,
    counts: HashMap<&'static str, u32>,
}

impl Namer {
    fn name(&mut self, kind: &'static str, id: &str) {
        if self.by_id.contains_key(id) {
            return;
        }
        let count = self.counts.entry(kind).or_default();
        let name = loop {
            *count += 1;
            let name = format!("{kind}-{count}");
            if !self.taken.contains(&name) {
                break name;
            }
        };
        self.by_id.insert(id.to_owned(), name);
    }
}

/// Returns whether an id was minted randomly.
///
/// The name of a key or variant never counts as such an id, so that renaming keeps the shape of a graph.
fn is_minted(kind: &str, id: &str) -> bool {
    match kind {
        order::PROCESS => id.len() >= SHORTEST_NUMBER && id.bytes().all(|byte| byte.is_ascii_digit()),
        order::CHUNK => id.len() >= SHORTEST_NUMBER && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        _ => {
            let is_random = id.chars().count() > LONGEST_READABLE && id.bytes().any(|byte| byte.is_ascii_digit());
            is_random || text::uuids(id).next().is_some()
        }
    }
}

/// Returns whether a text is a numbered id that reduction assigned.
fn is_numbered(text: &str) -> bool {
    text.parse::<ItemId>().is_ok() || text.parse::<OperationId>().is_ok()
}
