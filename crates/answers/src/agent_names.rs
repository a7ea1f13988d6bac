//! Names of agents.

use std::collections::BTreeMap;

use rollout_trace_model::{AgentThread, RolloutTrace, map::HashMap};
use rollout_trace_schema::ThreadId;

/// The name of each agent: its path, and `#2`, `#3` … after it if an earlier agent has the same path.
#[derive(Clone, Debug, Default)]
pub struct AgentNames(BTreeMap<ThreadId, String>);

impl AgentNames {
    /// Names the agents of a graph.
    pub fn of(graph: &RolloutTrace) -> Self {
        let mut counts = HashMap::default();
        let name = |thread: &AgentThread| {
            let path = thread.agent_path.as_str();
            let count = counts.entry(path.to_owned()).or_insert(0_usize);
            *count += 1;
            if *count == 1 { path.to_owned() } else { format!("{path}#{count}") }
        };
        let threads = threads_by_start(graph);
        Self(threads.iter().map(|thread| thread.thread_id.clone()).zip(threads.iter().copied().map(name)).collect())
    }

    /// Returns the name of an agent, or its thread's id if the graph does not contain the thread.
    pub fn name<'a>(&'a self, thread: &'a ThreadId) -> &'a str {
        self.0.get(thread).map_or(thread.as_str(), String::as_str)
    }

    /// Returns the threads with their names, in the order of the threads' ids.
    pub fn iter(&self) -> impl Iterator<Item = (&ThreadId, &str)> {
        self.0.iter().map(|(thread, name)| (thread, name.as_str()))
    }
}

/// Returns the threads of a graph in the order in which they started.
pub fn threads_by_start(graph: &RolloutTrace) -> Vec<&AgentThread> {
    let mut threads: Vec<_> = graph.threads.values().collect();
    // The map is ordered by id, which remains the order of those with one seq.
    threads.sort_by_key(|thread| thread.execution.started_seq);
    threads
}
