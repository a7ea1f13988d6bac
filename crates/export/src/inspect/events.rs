//! What happened, event by event.
//!
//! Source: exports, section 5.

use rollout_trace_answers::End;
use rollout_trace_model::{AgentThread, CodexTurn, InferenceCall, ItemRun, ToolCall};
use rollout_trace_schema::{CodexTurnId, ExecutionStatus, ThreadId};
use serde_json::{Value, json};

use super::{is_spawn, messages::Messages};
use crate::{
    marks::{self, marks},
    object::{Object, tag},
    observations::Observations,
    spans::{Span, Work},
    subject::Subject,
    times::iso_micros,
    tool_texts,
};

/// The name under which events say that they are ours.
const SOURCE: &str = "rollout-trace";

/// The events of a rollout.
pub(super) struct Events {
    /// With what decides about their order: the time, and of one time what opens first and closes last.
    list: Vec<(i64, Order, Value)>,
}

/// The order of events of one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    AgentBegins,
    TurnBegins,
    Within,
    TurnEnds,
    AgentEnds,
}

struct Builder<'b, 'm, 'r, 'a> {
    subject: &'b Subject<'r, 'a>,
    observations: &'b Observations<'a>,
    messages: &'b mut Messages<'m, 'r, 'a>,
    events: Events,
}

impl Events {
    pub(super) fn of<'m, 'r, 'a>(
        subject: &Subject<'r, 'a>,
        observations: &Observations<'a>,
        messages: &mut Messages<'m, 'r, 'a>,
    ) -> Self {
        let mut builder = Builder { subject, observations, messages, events: Self { list: Vec::new() } };
        for span in subject.spans.iter() {
            match span.work {
                Work::Thread(thread) => builder.add_agent(span, thread),
                Work::Turn(turn) => builder.add_turn(span, turn),
                Work::Inference(call) => builder.add_model(span, call),
                Work::Tool(call) => builder.add_tool(span, call),
                Work::CompactionRequest(_) | Work::Cell(_) => {}
            }
        }
        builder.add_marks();
        builder.add_edges();
        builder.events
    }

    /// Returns the events, in order.
    pub(super) fn into_list(mut self) -> Vec<Value> {
        self.list.sort_by_key(|(at, order, _)| (*at, *order));
        self.list.into_iter().map(|(_, _, event)| event).collect()
    }
}

impl<'a> Builder<'_, '_, '_, 'a> {
    fn push(&mut self, at: i64, order: Order, event: Object) {
        let since_start = (at - self.subject.clock.first()) as f64 / 1e6;
        let event = event.with("timestamp", iso_micros(at)).with("working_start", since_start);
        self.events.list.push((at, order, event.into()));
    }

    /// Returns the id of an agent's span. The root has none: with one it would look like the child of an empty agent.
    fn agent_span(&self, thread: &ThreadId) -> Option<String> {
        let is_known = self.subject.graph.threads.contains_key(thread);
        (is_known && *thread != self.subject.graph.root_thread_id).then(|| format!("agent:{thread}"))
    }

    /// Returns the id of the span in which a turn's work happens.
    fn span_of(&self, turn: Option<&CodexTurnId>, thread: &ThreadId) -> Option<String> {
        let turn = turn.filter(|turn| self.subject.graph.codex_turns.contains_key(*turn));
        turn.map(|turn| format!("turn:{turn}")).or_else(|| self.agent_span(thread))
    }

    fn add_span(&mut self, span: &Span<'_>, (begins, ends): (Order, Order), begin: Object) {
        let id = Value::from(begin.clone()).get("id").cloned().unwrap_or_default();
        let (start, end) = (span.start, span.end);
        self.push(start, begins, begin.with("event", "span_begin").with("span_id", id.clone()));
        let observed = span.work.execution().is_running().then(|| json!({ "end_observed": false }));
        let event = Object::new().with("event", "span_end").with("id", id.clone()).with("span_id", id);
        self.push(end, ends, event.with("metadata", observed));
    }

    fn add_agent(&mut self, span: &Span<'_>, thread: &AgentThread) {
        let Some(id) = self.agent_span(&thread.thread_id) else { return };
        // The parent is the turn of the tool call that spawned the agent, or else the parent agent.
        let parent = span.parent.map(|parent| self.subject.spans[parent].work);
        let parent = match parent {
            Some(Work::Tool(call)) => self.span_of(call.started_by_codex_turn_id.as_ref(), &call.thread_id),
            Some(parent) => self.agent_span(parent.thread_id()),
            None => None,
        };
        let metadata = Object::new()
            .with("thread_id", thread.thread_id.as_str())
            .with("status", thread.execution.status.as_str())
            .with("parent_missing", span.parent_missing.then_some(true));
        let begin = Object::new()
            .with("id", id)
            .with("parent_id", parent)
            .with("type", "agent")
            .with("name", thread.agent_path.as_str())
            .with("metadata", metadata);
        self.add_span(span, (Order::AgentBegins, Order::AgentEnds), begin);
    }

    fn add_turn(&mut self, span: &Span<'_>, turn: &CodexTurn) {
        let begin = Object::new()
            .with("id", format!("turn:{}", turn.codex_turn_id))
            .with("parent_id", self.agent_span(&turn.thread_id))
            .with("type", "turn")
            .with("name", self.subject.turn_name(&turn.codex_turn_id))
            .with("metadata", Object::new().with("status", turn.execution.status.as_str()));
        self.add_span(span, (Order::TurnBegins, Order::TurnEnds), begin);
    }

    fn add_model(&mut self, span: &Span<'_>, call: &InferenceCall) {
        let request = self.subject.rollout.facts().request(&call.inference_call_id);
        let metadata = Object::new()
            .with("status", call.execution.status.as_str())
            .with("response_id", call.response_id.as_deref())
            .with("provider", call.provider_name.as_str())
            .with("cancel_reason", call.cancel_reason.as_deref())
            .with("reasoning_effort", request.and_then(|request| request.reasoning_effort()))
            .with("thread_id", call.thread_id.as_str())
            .with("start_observed", call.execution.start_unobserved.then_some(false));
        let refs: Vec<_> = call.request_item_ids.runs().flat_map(|run| self.ranges(run)).collect();
        let error = call.error.as_deref().map(|error| self.messages.cut(error));
        let event = Object::new()
            .with("event", "model")
            .with("uuid", call.inference_call_id.as_str())
            .with("span_id", self.span_of(call.codex_turn_id.as_ref(), &call.thread_id))
            .with("model", call.model.as_str())
            .with_list("input", Vec::new())
            .with_list("input_refs", refs)
            .with_list("tools", Vec::new())
            .with("tool_choice", "auto")
            .with("config", json!({}))
            .with("output", self.messages.output(call))
            .with("error", error)
            .with("metadata", metadata);
        let event = self.with_end(span, event);
        self.push(span.start, Order::Within, event);
    }

    /// Returns the places of a run's items in the pool of messages, as ranges.
    fn ranges(&self, run: ItemRun) -> Option<Value> {
        let (start, end) = self.subject.places(run);
        (start < end).then(|| json!([start, end]))
    }

    fn add_tool(&mut self, span: &Span<'_>, call: &'a ToolCall) {
        let graph = self.subject.graph;
        let title = self.subject.title(call);
        let metadata = Object::new()
            .with("status", call.execution.status.as_str())
            .with("kind", tag(&call.kind))
            .with("namespace", title.namespace.as_deref())
            .with("requester", tag(&call.requester))
            .with("tool_call_id", call.tool_call_id.as_str())
            .with("start_observed", call.execution.start_unobserved.then_some(false));
        let arguments = tool_texts::arguments(self.subject.rollout, call).unwrap_or_default();
        let result = tool_texts::result(self.subject.rollout, call).unwrap_or_default();
        let spawned = self.observations.spawned(call).iter().find_map(|thread| graph.threads.get(*thread));
        let is_failed = call.execution.status != ExecutionStatus::Completed;
        let error = is_failed.then(|| json!({ "type": "unknown", "message": call.execution.status.as_str() }));
        let visible = call.model_visible_call_id.as_ref().map(|id| id.as_str());
        let output = call.model_visible_output_item_ids.first().map(|item| item.to_string());
        let event = Object::new()
            .with("event", "tool")
            .with("type", "function")
            .with("uuid", call.tool_call_id.as_str())
            .with("span_id", self.span_of(call.started_by_codex_turn_id.as_ref(), &call.thread_id))
            .with("id", visible.unwrap_or(&call.tool_call_id))
            .with("function", title.name.as_str())
            .with("arguments", self.messages.arguments(&arguments))
            .with("result", self.messages.cut(&result))
            .with("failed", is_failed.then_some(true))
            .with("error", error)
            .with("agent", spawned.map(|thread| thread.agent_path.as_str()))
            .with("agent_span_id", spawned.and_then(|thread| self.agent_span(&thread.thread_id)))
            .with("message_id", output)
            .with_list("events", Vec::new())
            .with("metadata", metadata);
        let event = self.with_end(span, event);
        self.push(span.start, Order::Within, event);
    }

    /// Says when something ended, or that it did not.
    fn with_end(&self, span: &Span<'_>, event: Object) -> Object {
        match self.subject.clock.end(span.work.execution()) {
            Some(end) => event.with("completed", iso_micros(end)).with("working_time", (end - span.start) as f64 / 1e6),
            None => event.with("pending", true),
        }
    }

    fn add_marks(&mut self) {
        for mark in marks(self.subject.graph, &self.subject.clock) {
            match mark.event {
                marks::Event::Installed(compaction) => {
                    let metadata = Object::new()
                        .with("compaction_id", compaction.compaction_id.as_str())
                        .with("input_items", compaction.input_item_ids.len())
                        .with("replacement_items", compaction.replacement_item_ids.len());
                    let span = self.span_of(compaction.codex_turn_id.as_ref(), &compaction.thread_id);
                    let event = Object::new()
                        .with("event", "compaction")
                        .with("type", "summary")
                        .with("source", SOURCE)
                        .with("span_id", span)
                        .with("metadata", metadata);
                    self.push(mark.at, Order::Within, event);
                }
                marks::Event::Diagnostic(diagnostic) => {
                    let data = Object::new()
                        .with("diagnostic", diagnostic.code.as_str())
                        .with("severity", diagnostic.severity.to_string())
                        .with("seq", diagnostic.seq)
                        .with("line", diagnostic.line)
                        .with("payload", diagnostic.payload_id.as_deref());
                    self.push(mark.at, Order::Within, info(data));
                }
                // The metadata of the log says how many there are.
                marks::Event::Marker(_) => {}
            }
        }
    }

    fn add_edges(&mut self) {
        let subject = self.subject;
        for edge in subject.graph.interaction_edges.values() {
            let (source, target) = (subject.relations.source(edge), subject.relations.target(edge));
            let spawns =
                is_spawn(edge.kind) && source.is_some_and(|end| matches!(end, End::Tool(_))) && target.is_some();
            if spawns {
                continue;
            }
            let start =
                source.and_then(|end| subject.spans.end(end)).map_or(i64::MIN, |span| subject.spans[span].start);
            let data = Object::new()
                .with("edge", edge.kind.as_str())
                .with("edge_id", edge.edge_id.as_str())
                .with("source_thread", source.map(|end| end.thread_id().as_str()))
                .with("target_thread", target.map(|end| end.thread_id().as_str()));
            let event = info(data).with("span_id", source.and_then(|end| self.agent_span(end.thread_id())));
            self.push(subject.clock.edge(edge, start), Order::Within, event);
        }
    }
}

fn info(data: Object) -> Object {
    Object::new().with("event", "info").with("source", SOURCE).with("data", data)
}
