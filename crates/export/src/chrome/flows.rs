//! The arrows of a Chrome trace.
//!
//! Source: exports, section 2.

use std::collections::BTreeMap;

use rollout_trace_answers::End;
use rollout_trace_model::{InteractionEdge, ToolCall};

use super::slices::Slices;
use crate::{spans::Work, subject::Subject};

/// How many messages of one thread can begin or end in the same microsecond.
const MESSAGE_TRACKS: usize = 90;

/// The number of the first track of messages. Others have lower numbers.
const FIRST_MESSAGES: usize = 998;

/// An arrow from the start of one slice to that of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow<'g> {
    pub(crate) name: &'static str,
    pub(crate) edge: Option<&'g InteractionEdge>,
    pub(crate) from: Point,
    pub(crate) to: Point,
}

/// A place on a track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) at: i64,
    pub(crate) pid: usize,
    pub(crate) tid: usize,
}

/// A slice that shows where an arrow ends at a whole thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'g> {
    pub(crate) edge: &'g InteractionEdge,
    pub(crate) point: Point,
}

/// The arrows of a rollout.
#[derive(Debug, Default)]
pub(crate) struct Flows<'g> {
    pub(crate) list: Vec<Flow<'g>>,
    pub(crate) messages: Vec<Message<'g>>,
    /// How many arrows have an end that the graph does not have.
    pub(crate) without_both_ends: usize,
    /// How many arrows would lead back in time, because the graph is damaged.
    pub(crate) backwards: usize,
    /// How many slices of messages there are at a time in a process.
    taken: BTreeMap<(usize, i64), usize>,
}

impl<'g> Flows<'g> {
    pub(crate) fn of(subject: &Subject<'_, 'g>, slices: &Slices<'g>) -> Self {
        let mut flows = Self::default();
        for span in subject.spans.iter() {
            if let Work::Tool(call) = span.work {
                flows.add_of_tool(subject, slices, call);
            }
        }
        for edge in subject.graph.interaction_edges.values() {
            flows.add_edge(subject, slices, edge);
        }
        flows.messages.sort_by_key(|message| message.point.at);
        flows
    }

    fn add_of_tool(&mut self, subject: &Subject<'_, 'g>, slices: &Slices<'g>, call: &'g ToolCall) {
        let point = |end: End<'g>| point(subject, slices, end);
        let tool = End::Tool(call);
        match subject.relations.requester(call) {
            None => self.without_both_ends += 1,
            Some(End::Cell(cell)) if lies_in(subject, slices, tool, End::Cell(cell)) => {}
            Some(requester) => self.add("requested", None, point(requester), point(tool)),
        }
        if let Some(id) = &call.started_code_cell_id {
            let cell = subject.graph.code_cells.get(id).map(End::Cell);
            self.add("started", None, point(tool), cell.and_then(point));
        }
        for output in &call.model_visible_output_item_ids {
            // An output that no request shows did not arrive anywhere.
            if let Some(viewer) = subject.relations.first_viewer(*output) {
                self.add("output", None, point(tool), point(End::Inference(viewer)));
            }
        }
    }

    fn add_edge(&mut self, subject: &Subject<'_, 'g>, slices: &Slices<'g>, edge: &'g InteractionEdge) {
        let (source, target) = (subject.relations.source(edge), subject.relations.target(edge));
        let (Some(source), Some(target)) = (source, target) else {
            self.without_both_ends += 1;
            return;
        };
        let source_start = subject.spans.end(source).map_or(i64::MIN, |span| subject.spans[span].start);
        let began = subject.clock.edge(edge, source_start);
        let ended = edge.ended_seq.map_or(began, |seq| subject.clock.at(seq)).max(began);
        let from = point(subject, slices, source).or_else(|| self.message(slices, source, edge, began));
        let to = point(subject, slices, target).or_else(|| self.message(slices, target, edge, ended));
        self.add(edge.kind.as_str(), Some(edge), from, to);
    }

    /// Adds a slice for the end of an arrow that is a whole thread.
    fn message(&mut self, slices: &Slices<'g>, end: End<'g>, edge: &'g InteractionEdge, at: i64) -> Option<Point> {
        let process = slices.process(end.thread_id());
        let taken = self.taken.entry((process, at)).or_default();
        if *taken == MESSAGE_TRACKS {
            return None;
        }
        let (pid, _) = slices.numbers(process, 0);
        let point = Point { at, pid, tid: pid * 1000 + FIRST_MESSAGES - *taken };
        *taken += 1;
        self.messages.push(Message { edge, point });
        Some(point)
    }

    fn add(&mut self, name: &'static str, edge: Option<&'g InteractionEdge>, from: Option<Point>, to: Option<Point>) {
        match from.zip(to) {
            None => self.without_both_ends += 1,
            Some((from, to)) if from.at > to.at => self.backwards += 1,
            Some((from, to)) => self.list.push(Flow { name, edge, from, to }),
        }
    }
}

/// Returns the start of an object's slice, or `None` if the object is a whole thread.
fn point<'g>(subject: &Subject<'_, 'g>, slices: &Slices<'g>, end: End<'g>) -> Option<Point> {
    if matches!(end, End::Thread(_) | End::Compaction(_)) {
        return None;
    }
    let slice = slices.of_span(subject.spans.end(end)?);
    let (pid, tid) = slices.numbers(slice.process, slice.track);
    Some(Point { at: slice.extent.start, pid, tid })
}

/// Returns whether the slice of one object lies in that of another.
fn lies_in<'g>(subject: &Subject<'_, 'g>, slices: &Slices<'g>, inner: End<'g>, outer: End<'g>) -> bool {
    let (Some(inner), Some(outer)) = (subject.spans.end(inner), subject.spans.end(outer)) else { return false };
    let (inner, outer) = (slices.of_span(inner), slices.of_span(outer));
    let ends = inner.extent.start >= outer.extent.start && inner.extent.end <= outer.extent.end;
    ends && (inner.process, inner.track) == (outer.process, outer.track)
}
