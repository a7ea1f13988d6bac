//! What happened in a rollout, in order.
//!
//! Source: exports, section 6.

use rollout_trace_answers::threads_by_start;
use rollout_trace_model::{ConversationItem, InteractionEdge, ItemId, ItemKind, map::HashMap};
use rollout_trace_schema::{ExecutionStatus, ThreadId};

use super::label::{count, label};
use crate::{
    Texts, item_parts,
    marks::{Event, marks},
    spans::{Span, Work},
    subject::Subject,
    texts::beginning,
};

/// How many agents are shown.
const AGENTS: usize = 100;

/// How many arrows are shown. Mermaid stops at 50,000 characters.
const ARROWS: usize = 200;

/// How many bytes of a message are shown.
const MESSAGE_BYTES: usize = 40;

/// What happened, in order.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The names of the agents that are shown.
    pub(super) agents: Vec<String>,
    pub(super) steps: Vec<Step>,
    /// How many agents and arrows are not shown, because there are so many.
    pub(super) agents_left_out: usize,
    pub(super) arrows_left_out: usize,
    /// How many interactions have an end that the graph does not have.
    pub(super) without_both_ends: usize,
}

/// Who takes part besides agents, or which agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Agent(usize),
    Model,
    Tools,
}

/// One step of the sequence.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Something passes from one to the other.
    Arrow { from: Part, to: Part, shape: Shape, label: String },
    /// A note at an agent.
    Note { agent: usize, label: String },
}

/// What an arrow stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A start, or an interaction.
    Start,
    /// An end.
    End,
    /// An end that is not completed.
    Broken,
}

struct Builder<'b, 'r, 'a> {
    subject: &'b Subject<'r, 'a>,
    texts: Texts,
    places: HashMap<&'a ThreadId, usize>,
    /// The steps with their times. Those of one time stay in their order.
    steps: Vec<(i64, Step)>,
    sequence: Sequence,
}

impl Sequence {
    pub(super) fn of(subject: &Subject<'_, '_>, texts: Texts) -> Self {
        let threads = threads_by_start(subject.graph);
        let places = threads.iter().zip(0..).map(|(thread, place)| (&thread.thread_id, place)).collect();
        let mut builder = Builder { subject, texts, places, steps: Vec::new(), sequence: Self::default() };
        subject.spans.iter().for_each(|span| builder.add_span(span));
        subject.graph.interaction_edges.values().for_each(|edge| builder.add_edge(edge));
        builder.add_compactions();
        let Builder { mut steps, mut sequence, .. } = builder;
        steps.sort_by_key(|(at, _)| *at);
        let mut arrows = 0;
        for (_, step) in steps {
            let is_shown = match &step {
                Step::Arrow { from, to, .. } => [from, to].into_iter().all(|part| part.is_shown()),
                Step::Note { agent, .. } => *agent < AGENTS,
            };
            let is_arrow = matches!(step, Step::Arrow { .. });
            if !is_shown || arrows == ARROWS {
                sequence.arrows_left_out += usize::from(is_arrow);
                continue;
            }
            arrows += usize::from(is_arrow);
            sequence.steps.push(step);
        }
        sequence.agents_left_out = threads.len().saturating_sub(AGENTS);
        sequence.agents = threads.iter().take(AGENTS).map(|thread| label(&thread.agent_path)).collect();
        sequence
    }
}

impl Part {
    fn is_shown(self) -> bool {
        !matches!(self, Self::Agent(place) if place >= AGENTS)
    }
}

impl<'a> Builder<'_, '_, 'a> {
    /// Adds the start and the end of a request or a tool call.
    fn add_span(&mut self, span: &Span<'a>) {
        let (subject, graph) = (self.subject, self.subject.graph);
        let (part, start, end) = match span.work {
            Work::Inference(call) => {
                let new = subject.relations.new_items(&call.inference_call_id);
                let words = format!("{} · {}", call.model, count(call.request_item_ids.len(), "item"));
                let tokens = call.usage.map(|usage| format!(" · {} tokens", usage.output_tokens)).unwrap_or_default();
                (Part::Model, words + &self.message(new), tokens + &self.message(&call.response_item_ids))
            }
            Work::CompactionRequest(request) => (Part::Model, format!("compact · {}", request.model), String::new()),
            Work::Tool(call) => {
                let operation = call.terminal_operation_id.and_then(|id| graph.terminal_operations.get(&id));
                let exit_code = operation.and_then(|operation| operation.result.as_ref()?.exit_code);
                let words = exit_code.map(|code| format!(" · exit code {code}")).unwrap_or_default();
                (Part::Tools, subject.title(call).name.clone(), words)
            }
            Work::Thread(_) | Work::Turn(_) | Work::Cell(_) => return,
        };
        let Some(agent) = self.places.get(span.work.thread_id()).copied().map(Part::Agent) else {
            // What no known agent did has no arrow.
            self.sequence.arrows_left_out += 2;
            return;
        };
        let execution = span.work.execution();
        let (shape, status) = match &execution.status {
            _ if execution.is_running() => (Shape::Broken, "no end observed"),
            ExecutionStatus::Completed => (Shape::End, "completed"),
            status => (Shape::Broken, status.as_str()),
        };
        let start_label = label(&start);
        self.steps.push((span.start, Step::Arrow { from: agent, to: part, shape: Shape::Start, label: start_label }));
        let end_label = label(&format!("{status}{end}"));
        self.steps.push((span.end, Step::Arrow { from: part, to: agent, shape, label: end_label }));
    }

    fn add_edge(&mut self, edge: &'a InteractionEdge) {
        let relations = &self.subject.relations;
        let (source, target) = (relations.source(edge), relations.target(edge));
        let part = |id: &ThreadId| self.places.get(id).copied().map(Part::Agent);
        let ends = source.and_then(|end| part(end.thread_id())).zip(target.and_then(|end| part(end.thread_id())));
        let Some((from, to)) = ends else {
            self.sequence.without_both_ends += 1;
            return;
        };
        let start = source.and_then(|end| self.subject.spans.end(end)).map_or(0, |span| self.subject.spans[span].start);
        let words = format!("{}{}", edge.kind.as_str(), self.message(&edge.carried_item_ids));
        let step = Step::Arrow { from, to, shape: Shape::Start, label: label(&words) };
        self.steps.push((self.subject.clock.edge(edge, start), step));
    }

    fn add_compactions(&mut self) {
        for mark in marks(self.subject.graph, &self.subject.clock) {
            let Event::Installed(compaction) = mark.event else { continue };
            let Some(agent) = self.places.get(&compaction.thread_id).copied() else { continue };
            let (before, after) = (compaction.input_item_ids.len(), compaction.replacement_item_ids.len());
            let words = format!("compaction: {} become {after}", count(before, "item"));
            self.steps.push((mark.at, Step::Note { agent, label: label(&words) }));
        }
    }

    /// Returns how the last message among items begins, if texts are asked for.
    fn message(&self, items: &[ItemId]) -> String {
        if !self.texts.any() {
            return String::new();
        }
        let is_message = |item: &&ConversationItem| item.kind == ItemKind::Message;
        let items = items.iter().rev().filter_map(|id| self.subject.graph.conversation_items.get(id));
        let message = items.into_iter().find(is_message).map(|item| item_parts::text(self.subject.rollout, item));
        message.map(|text| format!(" · {}", beginning(&text, MESSAGE_BYTES))).unwrap_or_default()
    }
}
