//! Which threads and calls of two rollouts are compared with each other.

use rollout_trace_model::{
    AgentThread, InferenceCall,
    map::{HashMap, HashSet},
};

use super::Both;
use crate::{Rollout, agent_names::threads_by_start, context_diff::is_retry, meaning::without_noise};

/// Pairs the threads of two rollouts by their names without ids: the n-th of a name with the n-th. Also returns the names
/// of those that only one has.
pub(super) fn threads<'a>(rollouts: &Both<&Rollout<'a>>) -> (Vec<Both<&'a AgentThread>>, Both<Vec<String>>) {
    let Both { a, b } = rollouts.map(|rollout| root_first(rollout));
    let name = |rollout: &Rollout<'_>, thread: &AgentThread| {
        without_noise(rollout.agent(&thread.thread_id), None).into_owned()
    };
    let mut of_name: HashMap<String, Vec<&'a AgentThread>> = HashMap::default();
    for thread in b.iter().rev() {
        of_name.entry(name(rollouts.b, thread)).or_default().push(thread);
    }
    let mut paired = Vec::new();
    let mut only_in = Both { a: Vec::new(), b: Vec::new() };
    for thread in a {
        match of_name.get_mut(&name(rollouts.a, thread)).and_then(Vec::pop) {
            Some(other) => paired.push(Both { a: thread, b: other }),
            None => only_in.a.push(rollouts.a.agent(&thread.thread_id).to_owned()),
        }
    }
    let paired_of_b: HashSet<_> = paired.iter().map(|pair| &pair.b.thread_id).collect();
    let rest = b.into_iter().filter(|thread| !paired_of_b.contains(&thread.thread_id));
    only_in.b.extend(rest.map(|thread| rollouts.b.agent(&thread.thread_id).to_owned()));
    (paired, only_in)
}

fn root_first<'a>(rollout: &Rollout<'a>) -> Vec<&'a AgentThread> {
    let graph = rollout.graph();
    let mut threads = threads_by_start(graph);
    threads.sort_by_key(|thread| thread.thread_id != graph.root_thread_id);
    threads
}

/// A call that no next one repeats, and how many attempts it repeats.
pub(super) struct Attempted<'a> {
    pub(super) call: &'a InferenceCall,
    pub(super) failed_before: usize,
}

/// Returns the calls of a thread without those that the next one repeats.
pub(super) fn calls<'a>(rollout: &Rollout<'a>, thread: &AgentThread) -> Vec<Attempted<'a>> {
    let calls = rollout.index().calls_of(&thread.thread_id);
    let mut kept = Vec::with_capacity(calls.len());
    let mut failed_before = 0;
    for (place, call) in calls.iter().copied().enumerate() {
        if calls.get(place + 1).is_some_and(|next| is_retry(rollout, call, next)) {
            failed_before += 1;
        } else {
            kept.push(Attempted { call, failed_before });
            failed_before = 0;
        }
    }
    kept
}
