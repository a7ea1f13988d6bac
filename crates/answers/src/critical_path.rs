//! The chain of activities that must become shorter for the rollout to become shorter.

mod walk;

use std::collections::BTreeMap;

use rollout_trace_model::{Line, RolloutTrace};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    activities::{TimeClass, Times},
    agent_names::AgentNames,
    tool_name::tool_name,
    words::grouped,
};
use walk::Walk;

/// The chain of activities, from the rollout's start to the end of the trace, that determined the wall time.
///
/// It follows who waited for whom. Which chain would be the longest if one of its activities were shorter is not
/// claimed.
///
/// ```
/// use rollout_trace_answers::CriticalPath;
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/tests/example.state.json"));
///
/// let graph = serde_json::from_str(json)?;
/// let path = CriticalPath::of(&graph);
/// assert_eq!(path.segments.iter().map(|segment| segment.ms).sum::<u64>(), path.wall_ms);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CriticalPath {
    /// `critical-path`.
    pub question: &'static str,
    /// The milliseconds from the rollout's start to the end of the trace.
    pub wall_ms: u64,
    /// The milliseconds of all segments together, which is the wall time.
    pub covered_ms: u64,
    /// The milliseconds of each class that occurs.
    pub ms: BTreeMap<TimeClass, u64>,
    /// The segments of the chain, oldest first. They cover the wall time exactly once.
    pub segments: Vec<Segment>,
}

/// One segment of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Segment {
    /// Where the segment begins, in milliseconds from the rollout's start.
    pub from_ms: u64,
    /// The length of the segment: 0 where the chain changes agents, and only there.
    pub ms: u64,
    /// What the time was spent on, or how the chain changes agents.
    pub class: SegmentClass,
    /// The inference call, compaction request, tool call, code cell, or interaction edge; null for unrecorded and idle
    /// time.
    pub id: Option<String>,
    /// The name of the agent: for `begun_by` the one that was begun, for `reported_by` the one that waited. Null if the
    /// graph has no threads.
    pub agent_path: Option<String>,
}

/// What a segment of the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SegmentClass {
    /// Time.
    Time(TimeClass),
    /// The chain changes agents.
    Change(AgentChange),
}

/// How the chain changes agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentChange {
    /// Another agent began the turn of this agent.
    BegunBy,
    /// This agent waited for the result of another one.
    ReportedBy,
}

impl AgentChange {
    /// Returns the change as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BegunBy => "begun_by",
            Self::ReportedBy => "reported_by",
        }
    }
}

impl CriticalPath {
    /// Follows the chain.
    pub fn of(graph: &RolloutTrace) -> Self {
        let times = Times::of(graph);
        let names = AgentNames::of(graph);
        let segments = Walk::new(graph, &times, &names).segments();
        let mut ms = BTreeMap::new();
        for segment in &segments {
            if let SegmentClass::Time(class) = segment.class {
                *ms.entry(class).or_insert(0) += segment.ms;
            }
        }
        Self {
            question: "critical-path",
            wall_ms: times.rollout.ms(),
            covered_ms: segments.iter().map(|segment| segment.ms).sum(),
            ms,
            segments,
        }
    }

    /// Returns the answer as text. The graph must be the one that was asked.
    pub fn lines(&self, graph: &RolloutTrace) -> Vec<Line> {
        let mut head = format!("critical path {} of {} ms", grouped(self.covered_ms), grouped(self.wall_ms));
        let mut sums: Vec<_> = self.ms.iter().collect();
        sums.sort_by_key(|(class, ms)| (std::cmp::Reverse(**ms), **class));
        for (at, (class, ms)) in sums.into_iter().enumerate() {
            head += &format!("{}{} {}", if at == 0 { ": " } else { ", " }, class.words(), grouped(*ms));
        }
        let width = self.segments.iter().filter_map(|segment| segment.agent_path.as_ref());
        let width = width.map(|path| path.chars().count()).max().unwrap_or_default();
        let names = SegmentNames::of(graph);
        let row = |segment: &Segment| {
            let from = grouped(segment.from_ms);
            let agent = segment.agent_path.as_deref().unwrap_or("-");
            let words = match segment.class {
                SegmentClass::Change(AgentChange::BegunBy) => {
                    return format!("{from:>10}             {agent} was begun by");
                }
                SegmentClass::Change(AgentChange::ReportedBy) => {
                    return format!("{from:>10}             {agent} got a result");
                }
                SegmentClass::Time(class) => class.words(),
            };
            let name = segment.id.as_deref().map(|id| names.name(id)).unwrap_or_default();
            format!("{from:>10} {:>8} ms  {agent:width$}  {words:<20}  {name}", grouped(segment.ms))
                .trim_end()
                .to_owned()
        };
        std::iter::once(head).chain(self.segments.iter().map(row)).map(Line::from).collect()
    }
}

/// Names what the segments name by id.
struct SegmentNames<'a> {
    graph: &'a RolloutTrace,
    /// The number of each inference call, in the order in which they started.
    requests: BTreeMap<&'a str, usize>,
}

impl<'a> SegmentNames<'a> {
    fn of(graph: &'a RolloutTrace) -> Self {
        let mut calls: Vec<_> = graph.inference_calls.values().collect();
        calls.sort_by_key(|call| call.execution.started_seq);
        let requests = calls.iter().enumerate().map(|(at, call)| (&*call.inference_call_id, at + 1)).collect();
        Self { graph, requests }
    }

    fn name(&self, id: &str) -> String {
        if let Some(number) = self.requests.get(id) {
            return format!("request {number}");
        }
        match self.graph.tool_calls.get(id) {
            Some(call) => format!("{} {id}", tool_name(&call.kind)),
            None => id.to_owned(),
        }
    }
}
