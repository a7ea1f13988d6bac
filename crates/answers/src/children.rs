//! The agents that each agent started.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rollout_trace_model::{RolloutTrace, ThreadOrigin, map::HashMap};
use rollout_trace_schema::ThreadId;

/// The agents that each agent started, and where texts name them.
#[derive(Debug, Default)]
pub(crate) struct Children<'a>(HashMap<&'a ThreadId, Family<'a>>);

#[derive(Debug)]
struct Family<'a> {
    /// In the order of their ids.
    threads: Vec<&'a ThreadId>,
    /// Finds the ids of all of them in one pass over a text. `None` if they are too long together.
    ids: Option<AhoCorasick>,
}

impl<'a> Children<'a> {
    pub(crate) fn of(graph: &'a RolloutTrace) -> Self {
        let mut threads: HashMap<_, Vec<_>> = HashMap::default();
        for thread in graph.threads.values() {
            if let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin {
                threads.entry(parent_thread_id).or_default().push(&thread.thread_id);
            }
        }
        let family = |threads: Vec<&'a ThreadId>| {
            let ids = threads.iter().map(|thread| thread.as_str());
            // The smallest kind: most texts are short, and most agents have few children.
            let kind = Some(AhoCorasickKind::ContiguousNFA);
            Family { ids: AhoCorasick::builder().kind(kind).build(ids).ok(), threads }
        };
        Self(threads.into_iter().map(|(parent, threads)| (parent, family(threads))).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether an agent started others.
    pub(crate) fn has(&self, parent: &ThreadId) -> bool {
        self.0.contains_key(parent)
    }

    /// Returns the children of an agent whose ids a text contains, in the order of their ids.
    pub(crate) fn named_in(&self, parent: &ThreadId, text: &str) -> Vec<&'a ThreadId> {
        let Some(Family { threads, ids: Some(ids) }) = self.0.get(parent) else { return Vec::new() };
        let found: BTreeSet<_> = ids.find_overlapping_iter(text).map(|found| found.pattern().as_usize()).collect();
        found.into_iter().map(|place| threads[place]).collect()
    }
}
