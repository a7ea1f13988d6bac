//! The agents of a rollout, and what passes between them.
//!
//! Source: exports, section 6.

use std::collections::BTreeMap;

use rollout_trace_answers::{End, threads_by_start};
use rollout_trace_model::{AgentThread, map::HashMap};
use rollout_trace_schema::ThreadId;

use super::label::{count, label};
use crate::subject::Subject;

/// The agents, in the order in which they started, and the arrows between them.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// What is said about each agent, line by line.
    pub(super) list: Vec<Vec<String>>,
    /// How often something of a kind passed from one agent to another.
    pub(super) arrows: BTreeMap<(usize, usize, &'static str), usize>,
    /// How many interactions have an end that the graph does not have.
    pub(super) without_both_ends: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    turns: usize,
    requests: usize,
    tools: usize,
    input_tokens: i64,
    output_tokens: i64,
}

impl Agents {
    pub(super) fn of(subject: &Subject<'_, '_>) -> Self {
        let graph = subject.graph;
        let threads = threads_by_start(graph);
        let places: HashMap<&ThreadId, usize> =
            threads.iter().zip(0..).map(|(thread, place)| (&thread.thread_id, place)).collect();
        let mut counts = vec![Counts::default(); threads.len()];
        let mut add = |thread: &ThreadId, change: &dyn Fn(&mut Counts)| {
            if let Some(place) = places.get(thread) {
                change(&mut counts[*place]);
            }
        };
        graph.codex_turns.values().for_each(|turn| add(&turn.thread_id, &|counts| counts.turns += 1));
        graph.tool_calls.values().for_each(|call| add(&call.thread_id, &|counts| counts.tools += 1));
        for call in graph.inference_calls.values() {
            let usage = call.usage.unwrap_or_default();
            add(&call.thread_id, &|counts| {
                counts.requests += 1;
                counts.input_tokens = counts.input_tokens.saturating_add(usage.input_tokens);
                counts.output_tokens = counts.output_tokens.saturating_add(usage.output_tokens);
            });
        }
        let list = threads.iter().zip(counts).map(|(thread, counts)| lines(thread, counts)).collect();
        let mut agents = Self { list, ..Self::default() };
        for edge in graph.interaction_edges.values() {
            let place = |end: Option<End<'_>>| places.get(end?.thread_id()).copied();
            match place(subject.relations.source(edge)).zip(place(subject.relations.target(edge))) {
                Some((source, target)) => {
                    *agents.arrows.entry((source, target, edge.kind.as_str())).or_default() += 1;
                }
                None => agents.without_both_ends += 1,
            }
        }
        agents
    }
}

fn lines(thread: &AgentThread, counts: Counts) -> Vec<String> {
    let Counts { turns, requests, tools, input_tokens, output_tokens } = counts;
    vec![
        label(&thread.agent_path),
        format!("{}, {}, {}", count(turns, "turn"), count(requests, "request"), count(tools, "tool call")),
        format!("{input_tokens} tokens in, {output_tokens} out"),
        label(thread.execution.status.as_str()),
    ]
}
