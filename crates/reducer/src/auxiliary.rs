//! The roles of threads that were observed only by their requests.
//!
//! Source: wires, section 8.1.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_model::{AgentThread, ItemRuns, ThreadOrigin};
use rollout_trace_schema::{InferenceCallId, ThreadId};

use crate::{graph::Graph, map::HashSet};

/// Says which threads only asked one thing in passing, and which thread is the root if none is known to be.
pub(crate) fn note_roles(graph: &mut Graph, without_tools: &HashSet<InferenceCallId>) {
    let mut asked: BTreeMap<&ThreadId, BTreeSet<Asked<'_>>> = BTreeMap::new();
    let mut busy: BTreeSet<&ThreadId> = BTreeSet::new();
    for call in graph.inference_calls.values() {
        if !without_tools.contains(&call.inference_call_id) {
            busy.insert(&call.thread_id);
        } else if !busy.contains(&call.thread_id) {
            asked.entry(&call.thread_id).or_default().insert(Asked(&call.request_item_ids));
        }
    }
    asked.retain(|thread, asked| !busy.contains(thread) && asked.len() == 1);
    let is_auxiliary = |thread: &ThreadId| asked.len() < graph.threads.len() && asked.contains_key(thread);
    let roles: Vec<_> = graph.threads.keys().map(|thread| (thread.clone(), is_auxiliary(thread))).collect();
    for (thread, auxiliary) in roles {
        if graph.threads[&thread].auxiliary != auxiliary {
            graph.object_mut(&thread).auxiliary = auxiliary;
        }
    }
}

/// The items that a request shows. A retry shows the same.
#[derive(PartialEq, Eq)]
struct Asked<'g>(&'g ItemRuns);

impl Ord for Asked<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |asked: &Self| asked.0.runs().map(|run| (run.first, run.count)).collect::<Vec<_>>();
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Asked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The root of a rollout, if the bundle names none that is a thread.
#[derive(Debug, Default)]
pub(crate) struct Root {
    chosen: Option<ThreadId>,
}

impl Root {
    /// Makes the first thread that is neither auxiliary nor spawned the root, else the first thread, unless the root that
    /// the bundle names is a thread.
    pub(crate) fn choose(&mut self, graph: &mut Graph) {
        if graph.threads.contains_key(&graph.root_thread_id) && self.chosen.as_ref() != Some(&graph.root_thread_id) {
            return;
        }
        let mut threads: Vec<_> = graph.threads.values().collect();
        threads.sort_by_key(|thread| (thread.execution.started_seq, &thread.thread_id));
        let is_main =
            |thread: &&&AgentThread| !thread.auxiliary && !matches!(thread.origin, ThreadOrigin::Spawned { .. });
        let root = threads.iter().find(is_main).or(threads.first()).map(|thread| thread.thread_id.clone());
        if let Some(root) = root {
            if root != graph.root_thread_id {
                graph.rollout_mut().root_thread_id = root.clone();
            }
            self.chosen = Some(root);
        }
    }
}
