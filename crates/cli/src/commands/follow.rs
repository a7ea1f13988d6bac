//! The option `--follow` of the command `show`.

use std::{collections::BTreeSet, path::Path, thread, time::Duration};

use rollout_trace::{
    Bundle, Drawing, Evidence, Reducer, RolloutTrace,
    answers::{Facts, Rollout},
    bundle::{Events, Payloads},
    model::{InferenceCall, ItemKind, ObjectRef, Part, Requester},
    schema::{
        CodexTurnId, CompactionId, EventPayload, ExecutionStatus, InferenceCallId, Manifest, Seq, ThreadId, ToolCallId,
    },
};

use crate::{
    args::ShowArgs,
    failure::{Failure, Verdict},
    output::Output,
    summary::summary,
};

/// How often the log is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Draws a rollout while it is recorded: each request with what it caused, once no more belongs to it. Ends when the
/// recording does.
pub(crate) fn run(mut bundle: Bundle, args: &ShowArgs, output: &mut Output) -> Result<Verdict, Failure> {
    while bundle.open_file(Manifest::RAW_EVENT_LOG).is_err() && !bundle.is_archive() {
        // A recorder writes the manifest first.
        thread::sleep(PERIOD);
        bundle = args.choice.reopen(bundle.path())?;
    }
    let mut following = Following::of(&bundle);
    let width = args.width.map(usize::from).or_else(|| output.columns());
    if !bundle.is_closed() {
        output.say("following the recording until it ends; Ctrl-C stops that");
    }
    loop {
        let has_ended = following.read() || bundle.is_archive();
        let due = if has_ended { following.rest() } else { following.due() };
        following.draw(&bundle, due, width, output)?;
        output.flush()?;
        if has_ended {
            return following.finish(bundle.path(), output);
        }
        thread::sleep(PERIOD);
    }
}

/// A rollout that is followed.
struct Following {
    events: Events,
    payloads: Payloads,
    reducer: Reducer,
    facts: Facts,
    seen: Seq,
    /// What has not been drawn.
    waiting: BTreeSet<Step>,
    drawn: BTreeSet<Step>,
    /// The agent and the turn to which the last step belongs that was drawn.
    place: Option<(ThreadId, Option<CodexTurnId>)>,
}

/// What is drawn at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Request(InferenceCallId),
    Compaction(CompactionId),
    /// A tool call that belongs to no request.
    Tool(ToolCallId),
}

impl Following {
    fn of(bundle: &Bundle) -> Self {
        let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
        bundle.problems().iter().for_each(|problem| reducer.note_problem(problem));
        let mut events = bundle.events();
        if !bundle.is_archive() {
            events = events.growing();
        }
        Self {
            events,
            payloads: bundle.payloads(),
            reducer,
            facts: Facts::default(),
            seen: 0,
            waiting: BTreeSet::new(),
            drawn: BTreeSet::new(),
            place: None,
        }
    }

    /// Reads what is new. Returns whether the recording has ended.
    fn read(&mut self) -> bool {
        let (mut has_ended, mut last) = (false, self.seen);
        for evidence in self.events.by_ref() {
            self.reducer.apply_observed(&evidence, &mut self.payloads, &mut self.facts);
            if let Evidence::Event(located) = &evidence {
                last = last.max(located.event.seq);
                has_ended |= matches!(located.event.payload, EventPayload::RecordingCompleted(_));
            }
        }
        for object in self.reducer.changed_since(self.seen) {
            let step = match object {
                ObjectRef::InferenceCall(id) => Step::Request(id),
                ObjectRef::Compaction(id) => Step::Compaction(id),
                ObjectRef::ToolCall(id) => Step::Tool(id),
                _ => continue,
            };
            if !self.drawn.contains(&step) {
                self.waiting.insert(step);
            }
        }
        self.seen = last;
        has_ended
    }

    /// Returns the steps to which no more belongs, in the order in which they started.
    fn due(&mut self) -> Vec<Step> {
        let graph = self.reducer.graph();
        let is_due = |step: &&Step| match step {
            Step::Request(id) => graph.inference_calls.get(id).is_some_and(|call| is_over(graph, call)),
            Step::Compaction(_) => true,
            // Which request a call belongs to may be known later.
            Step::Tool(_) => false,
        };
        in_order(graph, self.waiting.iter().filter(is_due).cloned().collect())
    }

    /// Returns all steps that were not drawn.
    fn rest(&mut self) -> Vec<Step> {
        in_order(self.reducer.graph(), self.waiting.iter().cloned().collect())
    }

    /// Draws steps.
    fn draw(
        &mut self,
        bundle: &Bundle,
        steps: Vec<Step>,
        width: Option<usize>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        if steps.is_empty() {
            return Ok(());
        }
        let graph = self.reducer.graph();
        let rollout = Rollout::new(graph, &self.facts, &mut self.payloads, bundle.limits());
        for step in steps {
            self.waiting.remove(&step);
            if !self.drawn.insert(step.clone()) {
                continue;
            }
            let Some((place, part)) = place_and_part(graph, &step) else { continue };
            if self.place.as_ref() != Some(&place) {
                let turn = place.1.as_ref().and_then(|turn| graph.codex_turns.get(turn));
                let turn = turn.map(|turn| format!(" · {}", rollout.turn_name(&turn.codex_turn_id)));
                output.line(format!("{}{}", rollout.agent(&place.0), turn.unwrap_or_default()))?;
                self.place = Some(place);
            }
            let mut drawing = Drawing::new(graph).commented(&rollout).part(part);
            drawing = width.map_or(drawing, |width| drawing.width(width));
            output.drawing(drawing)?;
            for tool in drawn_with(graph, &step) {
                self.waiting.remove(&Step::Tool(tool.clone()));
                self.drawn.insert(Step::Tool(tool));
            }
        }
        Ok(())
    }

    /// Says how the rollout ended.
    fn finish(self, bundle: &Path, output: &mut Output) -> Result<Verdict, Failure> {
        let graph = self.reducer.finish();
        output.line(Drawing::new(&graph).head())?;
        output.flush()?;
        if let Some(summary) = summary(bundle, &graph) {
            output.say_all(summary);
        }
        Ok(Verdict::Clean)
    }
}

/// Returns whether nothing more belongs to a request: it has ended, and so has everything that its response requested, or
/// its agent has gone on.
fn is_over(graph: &RolloutTrace, call: &InferenceCall) -> bool {
    let has_ended = |status: &ExecutionStatus| *status != ExecutionStatus::Running;
    if !has_ended(&call.execution.status) {
        return false;
    }
    let turn = call.codex_turn_id.as_ref().and_then(|turn| graph.codex_turns.get(turn));
    if turn.is_some_and(|turn| has_ended(&turn.execution.status)) {
        return true;
    }
    let is_call = |kind: &ItemKind| matches!(kind, ItemKind::FunctionCall | ItemKind::CustomToolCall);
    let items = call.response_item_ids.iter().filter_map(|item| graph.conversation_items.get(item));
    let requested = items.filter(|item| is_call(&item.kind)).count();
    let started = &call.tool_call_ids_started_by_response;
    let ended = started.iter().filter_map(|tool| graph.tool_calls.get(tool));
    started.len() >= requested
        && ended.clone().count() == started.len()
        && ended.into_iter().all(|tool| has_ended(&tool.execution.status))
}

/// Returns the tool calls that the drawing of a step contains.
fn drawn_with(graph: &RolloutTrace, step: &Step) -> Vec<ToolCallId> {
    let Step::Request(id) = step else { return Vec::new() };
    graph.inference_calls.get(id).map(|call| call.tool_call_ids_started_by_response.clone()).unwrap_or_default()
}

/// Returns the agent and the turn of a step, and the part of the graph that shows it.
fn place_and_part<'s>(graph: &RolloutTrace, step: &'s Step) -> Option<((ThreadId, Option<CodexTurnId>), Part<'s>)> {
    Some(match step {
        Step::Request(id) => {
            let call = graph.inference_calls.get(id)?;
            ((call.thread_id.clone(), call.codex_turn_id.clone()), Part::InferenceCall(id))
        }
        Step::Compaction(id) => {
            let compaction = graph.compactions.get(id)?;
            ((compaction.thread_id.clone(), compaction.codex_turn_id.clone()), Part::Compaction(id))
        }
        Step::Tool(id) => {
            let call = graph.tool_calls.get(id).filter(|call| matches!(call.requester, Requester::Model))?;
            ((call.thread_id.clone(), call.started_by_codex_turn_id.clone()), Part::ToolCall(id))
        }
    })
}

/// Sorts steps by their starts.
fn in_order(graph: &RolloutTrace, mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_cached_key(|step| match step {
        Step::Request(id) => graph.inference_calls.get(id).map(|call| call.execution.started_seq),
        Step::Compaction(id) => graph.compactions.get(id).map(|compaction| compaction.installed_seq),
        Step::Tool(id) => graph.tool_calls.get(id).map(|call| call.execution.started_seq),
    });
    steps
}
