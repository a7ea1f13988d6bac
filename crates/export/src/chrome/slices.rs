//! The slices of a Chrome trace, with their places.
//!
//! Source: exports, section 2.

use rollout_trace_answers::threads_by_start;
use rollout_trace_model::{TerminalOperation, map::HashMap};
use rollout_trace_schema::ThreadId;

use super::tracks::{Extent, Outer, Tracks};
use crate::{spans::Work, subject::Subject, texts::name};

/// How many tracks one process has room for, apart from those of messages and marks.
const TRACKS: usize = 900;

/// What a slice shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown<'g> {
    /// The span at this place.
    Span(usize),
    Terminal(&'g TerminalOperation),
}

/// A slice and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice<'g> {
    pub(crate) shown: Shown<'g>,
    pub(crate) extent: Extent,
    pub(crate) process: usize,
    pub(crate) track: usize,
}

/// The slices of a rollout, and the processes and tracks that they are on.
#[derive(Debug)]
pub(crate) struct Slices<'g> {
    /// In the order of their starts, outer ones first.
    pub(crate) list: Vec<Slice<'g>>,
    /// The slice of each span.
    of_span: Vec<usize>,
    processes: HashMap<&'g ThreadId, usize>,
    names: Vec<String>,
    tracks: Vec<usize>,
    /// The first number of the processes that a process with too many tracks needs besides its own.
    more: Vec<usize>,
}

impl<'g> Slices<'g> {
    pub(crate) fn of(subject: &Subject<'_, 'g>) -> Self {
        let graph = subject.graph;
        let threads = threads_by_start(graph);
        let processes: HashMap<_, _> =
            threads.iter().zip(0..).map(|(thread, place)| (&thread.thread_id, place)).collect();
        let mut names: Vec<_> = threads
            .iter()
            .map(|thread| match &thread.nickname {
                Some(nickname) => format!("{} ({})", name(&thread.agent_path), name(nickname)),
                None => name(&thread.agent_path).to_owned(),
            })
            .collect();
        names.push("unknown thread".to_owned());
        let mut slices = Self {
            list: Vec::with_capacity(subject.spans.len()),
            of_span: vec![usize::MAX; subject.spans.len()],
            processes,
            tracks: Vec::new(),
            more: Vec::new(),
            names,
        };
        slices.place(subject, unplaced(subject));
        slices
    }

    fn place(&mut self, subject: &Subject<'_, 'g>, shown: Vec<(Shown<'g>, Extent)>) {
        let mut tracks: Vec<_> = self.names.iter().map(|_| Tracks::default()).collect();
        for (shown, extent) in shown {
            let (thread, outer) = match shown {
                Shown::Span(span) => (Some(subject.spans[span].work.thread_id()), self.outer_of_span(subject, span)),
                Shown::Terminal(operation) => {
                    let call = subject.graph.tool_calls.get(&operation.tool_call_id);
                    let tool = call.and_then(|call| subject.spans.place(Work::Tool(call)));
                    (thread_of(subject, operation), tool)
                }
            };
            let process = thread.map_or(self.unknown(), |thread| self.process(thread));
            let outer = outer.and_then(|outer| {
                let (slice, has_flows) = (self.of_span[outer], subject.spans[outer].work.has_flows());
                // A span that has no slice yet starts no earlier, and so nothing lies in it.
                let Slice { extent, track, .. } = *self.list.get(slice).filter(|slice| slice.process == process)?;
                Some(Outer { slice, track, extent, has_flows })
            });
            let place = self.list.len();
            let track = tracks[process].place(place, extent, outer);
            if let Shown::Span(span) = shown {
                self.of_span[span] = place;
            }
            self.list.push(Slice { shown, extent, process, track });
        }
        self.tracks = tracks.iter().map(Tracks::len).collect();
        let mut next = self.names.len() + 1;
        for tracks in &self.tracks {
            self.more.push(next);
            next += tracks.saturating_sub(1) / TRACKS;
        }
    }

    /// Returns the span in which another one lies. Agents lie in none: each has its own process.
    fn outer_of_span(&self, subject: &Subject<'_, 'g>, span: usize) -> Option<usize> {
        let span = &subject.spans[span];
        span.parent.filter(|_| !matches!(span.work, Work::Thread(_)))
    }

    /// Returns the process of a thread, which is the last one if the graph does not have the thread.
    pub(crate) fn process(&self, thread: &ThreadId) -> usize {
        self.processes.get(thread).copied().unwrap_or(self.unknown())
    }

    /// Returns the process of what belongs to no known thread.
    pub(crate) fn unknown(&self) -> usize {
        self.names.len() - 1
    }

    /// Returns the slice of a span.
    pub(crate) fn of_span(&self, span: usize) -> &Slice<'g> {
        &self.list[self.of_span[span]]
    }

    /// Returns the numbers of a process and of one of its tracks.
    pub(crate) fn numbers(&self, process: usize, track: usize) -> (usize, usize) {
        let pid = match track / TRACKS {
            0 => process + 1,
            chunk => self.more[process] + chunk - 1,
        };
        (pid, pid * 1000 + track % TRACKS + 1)
    }

    /// Returns the processes in the order of their numbers: the name and number, and the numbers and names of the tracks.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let mut processes = Vec::new();
        for (process, (name, tracks)) in self.names.iter().zip(&self.tracks).enumerate() {
            for first in (0..(*tracks).max(1)).step_by(TRACKS) {
                let (pid, _) = self.numbers(process, first);
                let name = if first == 0 { name.clone() } else { format!("{name} ({})", first / TRACKS + 1) };
                let tracks = (first..(*tracks).min(first + TRACKS)).map(|track| {
                    let name = if track == 0 { "main".to_owned() } else { format!("parallel {track}") };
                    (self.numbers(process, track).1, name)
                });
                processes.push(Process { pid, name, tracks: tracks.collect() });
            }
        }
        processes.sort_by_key(|process| process.pid);
        processes
    }
}

/// A process of the trace.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: usize,
    pub(crate) name: String,
    /// The numbers of the tracks, with their names.
    pub(crate) tracks: Vec<(usize, String)>,
}

/// Returns what has a slice, in the order of the starts.
fn unplaced<'g>(subject: &Subject<'_, 'g>) -> Vec<(Shown<'g>, Extent)> {
    let extent = |start: i64, end: i64| Extent { start, end: end.max(start + 1) };
    let spans = subject.spans.iter().enumerate();
    let spans = spans.map(|(place, span)| (Shown::Span(place), extent(span.start, span.end)));
    let clock = &subject.clock;
    let operations = subject.graph.terminal_operations.values().filter(|operation| {
        let call = subject.graph.tool_calls.get(&operation.tool_call_id);
        call.is_none_or(|call| call.execution.started_seq != operation.execution.started_seq)
    });
    let operations = operations.map(|operation| {
        let execution = &operation.execution;
        (Shown::Terminal(operation), extent(clock.start(execution), clock.end_or_last(execution)))
    });
    let mut shown: Vec<_> = spans.chain(operations).collect();
    // Sorting is stable: what starts together stays in its order.
    shown.sort_by_key(|(_, extent)| extent.start);
    shown
}

/// Returns the thread of a terminal operation.
fn thread_of<'g>(subject: &Subject<'_, 'g>, operation: &TerminalOperation) -> Option<&'g ThreadId> {
    let graph = subject.graph;
    let call = graph.tool_calls.get(&operation.tool_call_id).map(|call| &call.thread_id);
    let session = || graph.terminal_sessions.get(operation.terminal_id.as_ref()?).map(|session| &session.thread_id);
    call.or_else(session)
}
