//! The tree of a session's entries, and the branch of it that is the history.

use std::collections::{HashMap, HashSet};

use crate::writer::Item;

/// An entry of the tree.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) parent: Option<String>,
    pub(super) items: Vec<Item>,
    /// Whether the history begins here, because a compaction replaced what was before.
    pub(super) is_start: bool,
}

/// The entries so far. A branch is followed from where it leaves the one before, so that a history which grows costs no
/// more than what it grows by.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: HashMap<String, Entry>,
    /// The entries of the history, each with the number of items before it.
    branch: Vec<(String, usize)>,
    /// The places of the entries in the branch.
    places: HashMap<String, usize>,
    /// The items of the branch.
    live: Vec<Item>,
}

impl Tree {
    pub(super) fn insert(&mut self, id: String, entry: Entry) {
        self.entries.insert(id, entry);
    }

    /// Makes the history end with an entry. Returns an entry that leads back to itself, if one does.
    pub(super) fn go_to(&mut self, last: Option<&str>) -> Option<String> {
        let (mut added, mut seen) = (Vec::new(), HashSet::new());
        let (mut kept, mut circle) = (0, None);
        let mut next = last.map(str::to_owned);
        while let Some(id) = next {
            if let Some(place) = self.places.get(&id) {
                kept = place + 1;
                break;
            }
            let Some(entry) = self.entries.get(&id) else { break };
            if !seen.insert(id.clone()) {
                circle = Some(id);
                break;
            }
            next = if entry.is_start { None } else { entry.parent.clone() };
            added.push(id);
        }
        self.truncate(kept);
        for id in added.into_iter().rev() {
            self.places.insert(id.clone(), self.branch.len());
            self.branch.push((id.clone(), self.live.len()));
            self.live.extend(self.entries[&id].items.iter().cloned());
        }
        circle
    }

    fn truncate(&mut self, kept: usize) {
        if let Some((_, items)) = self.branch.get(kept) {
            self.live.truncate(*items);
        }
        for (id, _) in self.branch.drain(kept..) {
            self.places.remove(&id);
        }
    }

    /// Returns the items of the history.
    pub(super) fn live(&self) -> &[Item] {
        &self.live
    }

    /// Returns those from an entry on. Returns `None` if the entry is not in the history.
    pub(super) fn live_from(&self, id: &str) -> Option<&[Item]> {
        let (_, items) = &self.branch[*self.places.get(id)?];
        Some(&self.live[*items..])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::raw;

    fn tree(entries: &[(&str, Option<&str>)]) -> Tree {
        let mut tree = Tree::default();
        for (id, parent) in entries {
            let items = vec![Item::new(*id, raw(&json!({"id": id})))];
            tree.insert((*id).to_owned(), Entry { parent: parent.map(str::to_owned), items, is_start: *id == "k" });
        }
        tree
    }

    #[test]
    fn a_branch_is_the_path_to_its_last_entry() {
        let mut tree = tree(&[
            ("a", None),
            ("b", Some("a")),
            ("x", Some("a")),
            ("c", Some("b")),
            ("k", Some("c")),
            ("d", Some("k")),
        ]);
        let mut live = |last: Option<&str>| {
            assert_eq!(tree.go_to(last), None);
            tree.live().iter().map(|item| item.id.as_str()).collect::<String>()
        };
        assert_eq!(live(Some("c")), "abc");
        assert_eq!(live(Some("x")), "ax");
        assert_eq!(live(Some("b")), "ab");
        assert_eq!(live(Some("d")), "kd");
        assert_eq!(live(Some("missing")), "");
        assert_eq!(live(None), "");
    }

    #[test]
    fn a_circle_is_cut() {
        let mut tree = tree(&[("a", Some("b")), ("b", Some("a"))]);
        assert_eq!(tree.go_to(Some("b")), Some("b".to_owned()));
        assert_eq!(tree.live().len(), 2);
        assert_eq!(tree.live_from("b").map(<[Item]>::len), Some(1));
    }
}
