//! The objects that take time, as a forest.
//!
//! Source: exports, sections 2 and 3.

use std::ops::Index;

use rollout_trace_answers::{Clock, End, Relations};
use rollout_trace_model::{
    AgentThread, CodeCell, CodeCellId, CodexTurn, CompactionRequest, Execution, InferenceCall, Requester, RolloutTrace,
    ThreadOrigin, ToolCall, map::HashMap,
};
use rollout_trace_schema::{CodexTurnId, ThreadId};

/// An object that takes time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work<'g> {
    Thread(&'g AgentThread),
    Turn(&'g CodexTurn),
    Inference(&'g InferenceCall),
    CompactionRequest(&'g CompactionRequest),
    Tool(&'g ToolCall),
    Cell(&'g CodeCell),
}

impl<'g> Work<'g> {
    /// Returns what the object is, as ids and files name it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Thread(_) => "thread",
            Self::Turn(_) => "turn",
            Self::Inference(_) => "inference",
            Self::CompactionRequest(_) => "compaction_request",
            Self::Tool(_) => "tool",
            Self::Cell(_) => "code_cell",
        }
    }

    pub(crate) fn id(self) -> &'g str {
        match self {
            Self::Thread(thread) => &thread.thread_id,
            Self::Turn(turn) => &turn.codex_turn_id,
            Self::Inference(call) => &call.inference_call_id,
            Self::CompactionRequest(request) => &request.compaction_request_id,
            Self::Tool(call) => &call.tool_call_id,
            Self::Cell(cell) => &cell.code_cell_id.0,
        }
    }

    pub(crate) fn execution(self) -> &'g Execution {
        match self {
            Self::Thread(thread) => &thread.execution,
            Self::Turn(turn) => &turn.execution,
            Self::Inference(call) => &call.execution,
            Self::CompactionRequest(request) => &request.execution,
            Self::Tool(call) => &call.execution,
            Self::Cell(cell) => &cell.execution,
        }
    }

    pub(crate) fn thread_id(self) -> &'g ThreadId {
        match self {
            Self::Thread(thread) => &thread.thread_id,
            Self::Turn(turn) => &turn.thread_id,
            Self::Inference(call) => &call.thread_id,
            Self::CompactionRequest(request) => &request.thread_id,
            Self::Tool(call) => &call.thread_id,
            Self::Cell(cell) => &cell.thread_id,
        }
    }

    /// Returns whether something may be requested by the object, or come out of it, while others run in it.
    pub(crate) fn has_flows(self) -> bool {
        matches!(self, Self::Tool(_) | Self::Cell(_))
    }

    /// Returns what comes first of objects that start together: the outer ones.
    fn rank(self) -> u8 {
        match self {
            Self::Thread(_) => 0,
            Self::Turn(_) => 1,
            Self::Inference(_) => 2,
            Self::CompactionRequest(_) => 3,
            Self::Tool(_) => 4,
            Self::Cell(_) => 5,
        }
    }
}

/// The time of an object, and what it is part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'g> {
    pub(crate) work: Work<'g>,
    /// In microseconds.
    pub(crate) start: i64,
    /// In microseconds. If the end was not observed, it is the greatest time of the graph.
    pub(crate) end: i64,
    /// The place of the object that it is part of.
    pub(crate) parent: Option<usize>,
    /// Whether the graph lacks what it is part of, so that `parent` is something further out, or nothing.
    pub(crate) parent_missing: bool,
}

/// The objects of a graph that take time, in the order in which they start. They are a forest: a damaged graph in which
/// objects are part of themselves lacks some parents.
#[derive(Debug, Default)]
pub(crate) struct Spans<'g> {
    list: Vec<Span<'g>>,
    places: HashMap<(u8, &'g str), usize>,
    /// The tool call that started each code cell.
    starters: HashMap<&'g CodeCellId, &'g ToolCall>,
}

impl<'g> Index<usize> for Spans<'g> {
    type Output = Span<'g>;

    fn index(&self, place: usize) -> &Span<'g> {
        &self.list[place]
    }
}

impl<'g> Spans<'g> {
    pub(crate) fn of(graph: &'g RolloutTrace, clock: &Clock, relations: &Relations<'g>) -> Self {
        let mut list: Vec<_> = works(graph)
            .map(|work| {
                let (start, end) = (clock.start(work.execution()), clock.end_or_last(work.execution()));
                Span { work, start, end, parent: None, parent_missing: false }
            })
            .collect();
        list.sort_by(|one, other| {
            let key = |span: &Span<'g>| (span.start, span.work.rank(), span.work.id());
            key(one).cmp(&key(other))
        });
        let places = list.iter().enumerate().map(|(place, span)| ((span.work.rank(), span.work.id()), place)).collect();
        let tools = graph.tool_calls.values();
        let starters = tools.filter_map(|call| Some((call.started_code_cell_id.as_ref()?, call))).collect();
        let mut spans = Self { list, places, starters };
        let parents: Vec<_> =
            spans.list.iter().map(|span| Parents { graph, relations, spans: &spans }.of(span)).collect();
        for (span, (parent, is_exact)) in spans.list.iter_mut().zip(parents) {
            (span.parent, span.parent_missing) = (parent, !is_exact);
        }
        spans.cut_cycles();
        spans
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Span<'g>> {
        self.list.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the place of an object, if the graph has it.
    pub(crate) fn place(&self, work: Work<'_>) -> Option<usize> {
        self.at(work.rank(), work.id())
    }

    fn at(&self, rank: u8, id: &str) -> Option<usize> {
        self.places.get(&(rank, id)).copied()
    }

    pub(crate) fn thread(&self, id: &ThreadId) -> Option<usize> {
        self.at(0, id)
    }

    pub(crate) fn turn(&self, id: Option<&CodexTurnId>) -> Option<usize> {
        self.at(1, id?)
    }

    /// Returns the place of the tool call that started a code cell.
    pub(crate) fn starter(&self, cell: &CodeCell) -> Option<usize> {
        self.starters.get(&cell.code_cell_id).and_then(|call| self.place(Work::Tool(call)))
    }

    /// Returns the place of an end of a relation. A compaction takes no time, and so its thread counts.
    pub(crate) fn end(&self, end: End<'_>) -> Option<usize> {
        match end {
            End::Thread(thread) => self.place(Work::Thread(thread)),
            End::Inference(call) => self.place(Work::Inference(call)),
            End::Tool(call) => self.place(Work::Tool(call)),
            End::Cell(cell) => self.place(Work::Cell(cell)),
            End::Compaction(compaction) => self.thread(&compaction.thread_id),
        }
    }

    /// Takes the parent from the earliest object of each cycle.
    fn cut_cycles(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            OnPath,
            Done,
        }
        let mut states = vec![State::New; self.list.len()];
        let mut path = Vec::new();
        for start in 0..self.list.len() {
            let mut next = Some(start);
            while let Some(place) = next.filter(|place| states[*place] == State::New) {
                states[place] = State::OnPath;
                path.push(place);
                next = self.list[place].parent;
            }
            if let Some(again) = next.filter(|place| states[*place] == State::OnPath) {
                let cycle = path.iter().skip_while(|place| **place != again);
                if let Some(first) = cycle.min() {
                    let span = &mut self.list[*first];
                    (span.parent, span.parent_missing) = (None, true);
                }
            }
            path.drain(..).for_each(|place| states[place] = State::Done);
        }
    }
}

fn works(graph: &RolloutTrace) -> impl Iterator<Item = Work<'_>> {
    let threads = graph.threads.values().map(Work::Thread);
    let turns = graph.codex_turns.values().map(Work::Turn);
    let calls = graph.inference_calls.values().map(Work::Inference);
    let requests = graph.compaction_requests.values().map(Work::CompactionRequest);
    let tools = graph.tool_calls.values().map(Work::Tool);
    let cells = graph.code_cells.values().map(Work::Cell);
    threads.chain(turns).chain(calls).chain(requests).chain(tools).chain(cells)
}

/// The rules for what an object is part of.
struct Parents<'s, 'g> {
    graph: &'g RolloutTrace,
    relations: &'s Relations<'g>,
    spans: &'s Spans<'g>,
}

impl Parents<'_, '_> {
    /// Returns the parent, and whether it is the one that the object should have.
    fn of(&self, span: &Span<'_>) -> (Option<usize>, bool) {
        let thread = || self.spans.thread(span.work.thread_id());
        let turn = |id: Option<&CodexTurnId>| match self.spans.turn(id) {
            Some(turn) => (Some(turn), true),
            None => (thread(), false),
        };
        match span.work {
            Work::Thread(thread) => self.of_thread(thread),
            Work::Turn(_) => (thread(), thread().is_some()),
            Work::Inference(call) => turn(call.codex_turn_id.as_ref()),
            Work::CompactionRequest(request) => turn(request.codex_turn_id.as_ref()),
            Work::Tool(call) => {
                let own_turn = || turn(call.started_by_codex_turn_id.as_ref());
                let Requester::CodeCell { code_cell_id } = &call.requester else { return own_turn() };
                let cell = self.graph.code_cells.get(code_cell_id).and_then(|cell| self.spans.place(Work::Cell(cell)));
                cell.map_or_else(|| (own_turn().0, false), |cell| (Some(cell), true))
            }
            Work::Cell(cell) => match self.spans.starter(cell) {
                Some(tool) => (Some(tool), true),
                None => turn(cell.codex_turn_id.as_ref()),
            },
        }
    }

    fn of_thread(&self, thread: &AgentThread) -> (Option<usize>, bool) {
        match &thread.origin {
            ThreadOrigin::Root => (None, true),
            ThreadOrigin::Unknown => (None, false),
            ThreadOrigin::Spawned { parent_thread_id, spawn_edge_id, .. } => {
                let edge = self.graph.interaction_edges.get(spawn_edge_id);
                let source = edge.and_then(|edge| self.relations.source(edge));
                let spawner = source.filter(|source| matches!(source, End::Tool(_)));
                let parent = spawner.and_then(|spawner| self.spans.end(spawner));
                let parent = parent.or_else(|| self.spans.thread(parent_thread_id));
                (parent, parent.is_some())
            }
        }
    }
}
