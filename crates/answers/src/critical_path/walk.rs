//! The walk backward along the critical path.

use std::{
    collections::{BTreeMap, BinaryHeap},
    rc::Rc,
};

use rollout_trace_model::{Anchor, InteractionEdge, InteractionKind, RolloutTrace};
use rollout_trace_schema::{ThreadId, UnixMillis};

use super::{AgentChange, Segment, SegmentClass};
use crate::{
    activities::{Activity, Span, TimeClass, Times},
    agent_names::{AgentNames, threads_by_start},
    origin::thread_of,
};

/// The walk, which begins at the end of the trace and only ever goes back in time.
pub(super) struct Walk<'a> {
    names: &'a AgentNames,
    rollout: Span,
    threads: BTreeMap<&'a ThreadId, ThreadWalk<'a>>,
    /// The thread that the walk is in.
    thread: Option<&'a ThreadId>,
    /// The time that the walk has reached.
    at: UnixMillis,
    /// The segments so far, newest first.
    segments: Vec<Segment>,
}

/// What the walk may find in one thread.
#[derive(Default)]
struct ThreadWalk<'a> {
    work: Activities<'a>,
    scripts: Activities<'a>,
    /// The turns, in the order in which they began.
    turns: Vec<Span>,
    /// The times inside turns, in order and apart from each other.
    in_turns: Rc<[Span]>,
    /// The results of other agents that reached the thread, in the order of time.
    results: Vec<Arrival<'a>>,
    /// The tasks that other agents gave the thread, in the order of time.
    tasks: Vec<Arrival<'a>>,
}

/// An edge that ends in a thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival<'a> {
    at: UnixMillis,
    edge: &'a str,
    from: &'a ThreadId,
}

impl<'a> Walk<'a> {
    pub(super) fn new(graph: &'a RolloutTrace, times: &Times<'a>, names: &'a AgentNames) -> Self {
        let mut threads: BTreeMap<_, ThreadWalk<'a>> = BTreeMap::new();
        for (thread, times) in &times.threads {
            let mut turns = times.turns.clone();
            turns.sort_unstable();
            let activities = times.activities.iter().filter(|activity| activity.span.ms() > 0).cloned();
            let (scripts, work) = activities.partition(|activity| activity.class == TimeClass::Script);
            let (work, scripts) = (Activities::new(work), Activities::new(scripts));
            let in_turns = union(&turns).into();
            threads.insert(*thread, ThreadWalk { work, scripts, turns, in_turns, ..ThreadWalk::default() });
        }
        for edge in graph.interaction_edges.values() {
            let (Some(from), Some(to)) = (thread_of(graph, &edge.source), thread_of(graph, &edge.target)) else {
                continue;
            };
            let arrival = Arrival { at: edge.started_at_unix_ms, edge: &edge.edge_id, from };
            let thread = threads.entry(to).or_default();
            match edge.kind {
                InteractionKind::AgentResult => thread.results.push(arrival),
                InteractionKind::SpawnAgent | InteractionKind::AssignAgentTask
                    if is_call_of_another(edge, from, to) =>
                {
                    thread.tasks.push(arrival);
                }
                _ => {}
            }
        }
        for thread in threads.values_mut() {
            thread.results.sort_unstable();
            thread.tasks.sort_unstable();
        }
        let first = || threads_by_start(graph).first().map(|thread| &thread.thread_id);
        let root = graph.threads.get_key_value(&graph.root_thread_id).map(|(id, _)| id);
        let (rollout, thread) = (times.rollout, root.or_else(first));
        Self { names, rollout, threads, thread, at: rollout.end, segments: Vec::new() }
    }

    /// Walks to the rollout's start. Returns the segments, oldest first.
    pub(super) fn segments(mut self) -> Vec<Segment> {
        while self.at > self.rollout.start {
            match self.thread {
                Some(thread) => self.step(thread),
                None => self.cover(self.rollout.start, TimeClass::Idle, None),
            }
        }
        self.segments.reverse();
        self.segments
    }

    /// Each step goes back in time, or follows an edge that is not followed again.
    fn step(&mut self, id: &'a ThreadId) {
        let at = self.at;
        let thread = self.threads.entry(id).or_default();
        if let Some(activity) = thread.work.reaching(at) {
            let Activity { class, span, id } = activity.clone();
            if class == TimeClass::Agents
                && let Some(result) = pop_latest(&mut thread.results, at, |result| result.at > span.start)
            {
                self.cover(result.at, class, Some(id));
                self.change_agents(AgentChange::ReportedBy, result);
            } else {
                self.cover(span.start, class, Some(id));
            }
            return;
        }
        let ran_until = thread.work.last_end(at);
        if let Some(script) = thread.scripts.reaching(at) {
            let Activity { class, span, id } = script.clone();
            self.cover(ran_until.map_or(span.start, |end| end.max(span.start)), class, Some(id));
            return;
        }
        let turn = thread.turns[..thread.turns.partition_point(|turn| turn.start <= at)].last();
        let has_run = ran_until.is_some_and(|end| turn.is_none_or(|turn| end > turn.start));
        if !has_run && let Some(task) = pop_latest(&mut thread.tasks, at, |_| true) {
            self.cover(task.at, TimeClass::Unrecorded, None);
            self.change_agents(AgentChange::BegunBy, task);
            return;
        }
        self.cover_rest(id, ran_until.unwrap_or(self.rollout.start).max(self.rollout.start));
    }

    /// Goes back to a time at which nothing of the thread ended: unrecorded inside turns, and idle outside of them.
    fn cover_rest(&mut self, thread: &'a ThreadId, start: UnixMillis) {
        let in_turns = self.threads.get(thread).map(|thread| Rc::clone(&thread.in_turns)).unwrap_or_default();
        let before = in_turns.partition_point(|turn| turn.start < self.at);
        for turn in in_turns[..before].iter().rev() {
            if turn.end <= start {
                break;
            }
            self.cover(turn.end.max(start), TimeClass::Idle, None);
            self.cover(turn.start.max(start), TimeClass::Unrecorded, None);
        }
        self.cover(start, TimeClass::Idle, None);
    }

    /// Adds the time back to `start` as a segment, unless there is none.
    fn cover(&mut self, start: UnixMillis, class: TimeClass, id: Option<&str>) {
        let start = start.max(self.rollout.start);
        if start < self.at {
            let ms = self.at.abs_diff(start);
            self.at = start;
            self.push(ms, SegmentClass::Time(class), id);
        }
    }

    fn change_agents(&mut self, change: AgentChange, arrival: Arrival<'a>) {
        // An edge from before the rollout's start leads nowhere.
        if self.at > self.rollout.start {
            self.push(0, SegmentClass::Change(change), Some(arrival.edge));
            self.thread = Some(arrival.from);
        }
    }

    fn push(&mut self, ms: u64, class: SegmentClass, id: Option<&str>) {
        self.segments.push(Segment {
            from_ms: self.at.abs_diff(self.rollout.start),
            ms,
            class,
            id: id.map(str::to_owned),
            agent_path: self.thread.map(|thread| self.names.name(thread).to_owned()),
        });
    }
}

/// Activities of a thread, as a walk backward through them needs them. Times that are asked for only ever go back.
#[derive(Default)]
struct Activities<'a> {
    /// Those that end before the time, the last one last.
    before: Vec<Activity<'a>>,
    /// Those that reach the time, or began after it.
    reaching: BinaryHeap<ByStart<'a>>,
}

struct ByStart<'a>(Activity<'a>);

impl<'a> Activities<'a> {
    fn new(mut activities: Vec<Activity<'a>>) -> Self {
        activities.sort_by(|left, right| {
            (left.span.end, left.span.start, left.id).cmp(&(right.span.end, right.span.start, right.id))
        });
        Self { before: activities, reaching: BinaryHeap::new() }
    }

    /// Returns the activity that began before the time and reaches it; among several the one that began last.
    fn reaching(&mut self, at: UnixMillis) -> Option<&Activity<'a>> {
        while let Some(activity) = self.before.pop_if(|activity| activity.span.end >= at) {
            self.reaching.push(ByStart(activity));
        }
        while self.reaching.peek().is_some_and(|ByStart(activity)| activity.span.start >= at) {
            self.reaching.pop();
        }
        self.reaching.peek().map(|ByStart(activity)| activity)
    }

    /// Returns when the last of the activities ended that ended before the time, for which `reaching` was called.
    fn last_end(&self, at: UnixMillis) -> Option<UnixMillis> {
        self.before.last().map(|activity| activity.span.end).filter(|end| *end < at)
    }
}

impl ByStart<'_> {
    fn key(&self) -> (UnixMillis, &str) {
        (self.0.span.start, self.0.id)
    }
}

impl PartialEq for ByStart<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ByStart<'_> {}

impl PartialOrd for ByStart<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByStart<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Removes the latest arrival that is not after the time, together with those after the time, which a walk back cannot
/// reach again. It stays if it does not fit.
fn pop_latest<'a>(
    arrivals: &mut Vec<Arrival<'a>>,
    at: UnixMillis,
    fits: impl Fn(&Arrival<'a>) -> bool,
) -> Option<Arrival<'a>> {
    while arrivals.pop_if(|arrival| arrival.at > at).is_some() {}
    arrivals.pop_if(|arrival| fits(arrival))
}

/// Returns the times that any of the spans covers, which are in the order of their starts. Spans that touch are one.
fn union(spans: &[Span]) -> Vec<Span> {
    let mut covered: Vec<Span> = Vec::new();
    for span in spans {
        match covered.last_mut() {
            Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
            _ => covered.push(*span),
        }
    }
    covered
}

fn is_call_of_another(edge: &InteractionEdge, from: &ThreadId, to: &ThreadId) -> bool {
    matches!(edge.source, Anchor::ToolCall { .. }) && from != to
}
