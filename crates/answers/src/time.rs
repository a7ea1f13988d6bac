//! Where the wall time went.

use std::collections::BTreeMap;

use rollout_trace_model::{Line, RolloutTrace};
use rollout_trace_schema::{ThreadId, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    activities::{Span, ThreadTimes, TimeClass, Times},
    agent_names::{AgentNames, threads_by_start},
    words::grouped,
};

/// Where the wall time of a rollout and of each of its threads went. Every millisecond counts once.
///
/// ```
/// use rollout_trace_answers::{Time, TimeClass};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/tests/example.state.json"));
///
/// let graph = serde_json::from_str(json)?;
/// let time = Time::of(&graph);
/// assert_eq!(time.ms.values().sum::<u64>(), time.wall_ms);
/// println!("the model took {} ms", time.ms[&TimeClass::Model]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Time {
    /// `time`.
    pub question: &'static str,
    /// The milliseconds from the rollout's start to the end of the trace. An agent may outlive the rollout.
    pub wall_ms: u64,
    /// The milliseconds of each class, with the work of all agents taken together. They add up to `wall_ms`.
    pub ms: BTreeMap<TimeClass, u64>,
    /// The threads, in the order in which they started.
    pub threads: Vec<ThreadTime>,
}

/// Where the wall time of one thread went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ThreadTime {
    /// The id of the thread.
    pub thread_id: ThreadId,
    /// The name of the thread's agent.
    pub agent_path: String,
    /// The milliseconds from the thread's start to its end.
    pub wall_ms: u64,
    /// The milliseconds of each class. They add up to `wall_ms`.
    pub ms: BTreeMap<TimeClass, u64>,
}

impl Time {
    /// Answers where the wall time went.
    pub fn of(graph: &RolloutTrace) -> Self {
        let times = Times::of(graph);
        let names = AgentNames::of(graph);
        let threads = threads_by_start(graph).into_iter().map(|thread| {
            let span = Span::of(&thread.execution, times.rollout.end);
            ThreadTime {
                thread_id: thread.thread_id.clone(),
                agent_path: names.name(&thread.thread_id).to_owned(),
                wall_ms: span.ms(),
                ms: classified(span, times.threads.get(&thread.thread_id)),
            }
        });
        Self {
            question: "time",
            wall_ms: times.rollout.ms(),
            ms: classified(times.rollout, times.threads.values()),
            threads: threads.collect(),
        }
    }

    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = vec![format!("wall time {} ms", grouped(self.wall_ms)).into()];
        lines.extend(table(self.wall_ms, &self.ms));
        if self.threads.len() > 1 {
            for thread in &self.threads {
                lines.push(format!("{} {} ms", thread.agent_path, grouped(thread.wall_ms)).into());
                lines.extend(table(thread.wall_ms, &thread.ms));
            }
        }
        lines
    }
}

fn table(wall_ms: u64, ms: &BTreeMap<TimeClass, u64>) -> Vec<Line> {
    let mut rows: Vec<_> = ms.iter().filter(|(_, ms)| **ms > 0).collect();
    rows.sort_by_key(|(class, ms)| (std::cmp::Reverse(**ms), **class));
    let row = |(class, ms): (&TimeClass, &u64)| {
        let share = *ms as f64 * 100.0 / wall_ms as f64;
        format!("  {:>10} ms  {share:>5.1} %  {}", grouped(*ms), class.words()).into()
    };
    rows.into_iter().map(row).collect()
}

/// Divides a span among the classes by what the threads did.
fn classified<'t, 'a: 't>(
    span: Span,
    threads: impl IntoIterator<Item = &'t ThreadTimes<'a>>,
) -> BTreeMap<TimeClass, u64> {
    // Each activity and turn is a change of the number of things that run, by class, at its start and at its end.
    let mut changes: Vec<(UnixMillis, usize, i32)> = Vec::new();
    let mut add = |class: TimeClass, of: Span| {
        let (start, end) = (of.start.max(span.start), of.end.min(span.end));
        if start < end {
            changes.push((start, class as usize, 1));
            changes.push((end, class as usize, -1));
        }
    };
    for thread in threads {
        thread.activities.iter().for_each(|activity| add(activity.class, activity.span));
        // A turn counts as what remains if nothing in it is recorded.
        thread.turns.iter().for_each(|turn| add(TimeClass::Unrecorded, *turn));
    }
    changes.sort_unstable();
    let mut ms: BTreeMap<_, _> = TimeClass::ALL.map(|class| (class, 0)).into();
    let mut running = [0_i32; TimeClass::ALL.len()];
    // Nothing else runs when the last class does.
    running[TimeClass::Idle as usize] = 1;
    let mut at = span.start;
    for (time, class, change) in changes.into_iter().chain([(span.end, TimeClass::Idle as usize, 0)]) {
        let first = TimeClass::ALL.into_iter().find(|class| running[*class as usize] > 0);
        *ms.entry(first.unwrap_or(TimeClass::Idle)).or_default() += time.abs_diff(at);
        at = time;
        running[class] += change;
    }
    ms
}
