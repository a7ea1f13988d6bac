//! Objects of a rollout as spans with the conventions for generative AI.
//!
//! Source: exports, section 3.

use rollout_trace_model::{
    CompactionRequest, InferenceCall, ThreadOrigin, TokenUsage, ToolCall,
    map::{HashMap, HashSet},
};
use rollout_trace_schema::{ExecutionStatus, InferenceCallId, ThreadId};

use super::{
    content::Contents,
    ids::{Ids, TraceId},
    links::Links,
    points::Points,
    span::{Attributes, Kind, Span, Status, StatusCode},
};
use crate::{
    Texts,
    object::tag,
    spans::{self, Work},
    subject::{Subject, recording_complete},
    texts::name,
};

/// Makes the spans of a rollout.
pub(super) struct Mapping<'m, 'r, 'a> {
    subject: &'m Subject<'r, 'a>,
    texts: Texts,
    ids: Ids<'a>,
    trace_id: TraceId,
    links: Links,
    points: Points,
    contents: Contents<'m, 'r, 'a>,
    /// The calls before which a compaction of their thread was installed.
    compacted: HashSet<&'a InferenceCallId>,
    /// The span that stands for the rollout.
    root: Root,
}

/// The span that says what is known about the whole rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// The one at this place.
    Thread(usize),
    /// One of its own, because the graph does not have the root thread.
    Missing,
}

impl<'m, 'r, 'a> Mapping<'m, 'r, 'a> {
    pub(super) fn of(subject: &'m Subject<'r, 'a>, texts: Texts) -> Self {
        let graph = subject.graph;
        let ids = Ids::of(graph);
        let root = subject.spans.thread(&graph.root_thread_id).map_or(Root::Missing, Root::Thread);
        Self {
            subject,
            texts,
            trace_id: ids.trace(),
            links: Links::of(subject, &ids),
            points: Points::of(subject, root),
            contents: Contents::of(subject, texts),
            compacted: compacted(subject),
            root,
            ids,
        }
    }

    /// Returns how many interactions have an end that the graph does not have.
    pub(super) fn edges_without_both_ends(&self) -> usize {
        self.links.without_both_ends()
    }

    /// Returns the spans, in the order in which they start.
    pub(super) fn spans(mut self) -> impl Iterator<Item = Span> + use<'m, 'r, 'a> {
        let missing = (self.root == Root::Missing).then(|| self.missing_root());
        let places = 0..self.subject.spans.len();
        missing.into_iter().chain(places.map(move |place| self.span(place)))
    }

    fn span(&mut self, place: usize) -> Span {
        let subject = self.subject;
        let span = &subject.spans[place];
        let (name, kind) = self.name(span.work);
        let mut attributes = self.attributes(span);
        if self.root == Root::Thread(place) {
            self.describe_rollout(&mut attributes);
        }
        self.contents.add(span.work, &mut attributes);
        let error = match span.work {
            Work::Inference(call) => call.error.as_deref(),
            Work::CompactionRequest(request) => request.error.as_deref(),
            _ => None,
        };
        let error = error.filter(|error| self.texts.any() && !error.is_empty());
        let message = error.map(|error| self.contents.cutter().cut(error).into_owned());
        let left_out = self.contents.cutter().take_left_out();
        attributes.set_some("rollout_trace.content.bytes_left_out", Some(left_out).filter(|bytes| *bytes > 0));
        let code = status(&span.work.execution().status);
        if code == StatusCode::Error {
            attributes.set("error.type", "failed");
        }
        Span {
            trace_id: self.trace_id,
            span_id: self.ids.span(span.work),
            parent: span.parent.map(|parent| self.ids.span(subject.spans[parent].work)),
            name,
            kind,
            start: nanos(span.start),
            end: nanos(span.end),
            attributes,
            events: self.points.take(place),
            links: self.links.take(place),
            status: Status { code, message },
        }
    }

    /// Returns a span for a rollout whose root thread is lost.
    fn missing_root(&mut self) -> Span {
        let graph = self.subject.graph;
        let (start, end) = (nanos(self.subject.clock.first()), nanos(self.subject.clock.last()));
        let mut attributes = self.common("rollout", &graph.rollout_id);
        attributes.set("rollout_trace.status", graph.status.as_str());
        attributes.set("rollout_trace.start_observed", false);
        attributes.set("rollout_trace.end_observed", false);
        attributes.set("openinference.span.kind", "CHAIN");
        self.describe_rollout(&mut attributes);
        Span {
            trace_id: self.trace_id,
            span_id: self.ids.named("rollout", ""),
            parent: None,
            name: "rollout".to_owned(),
            kind: Kind::Internal,
            start,
            end,
            attributes,
            events: self.points.take_of_missing_root(),
            links: Vec::new(),
            status: Status { code: StatusCode::Unset, message: None },
        }
    }

    fn name(&self, work: Work<'_>) -> (String, Kind) {
        match work {
            Work::Thread(thread) => (format!("invoke_agent {}", name(&thread.agent_path)), Kind::Internal),
            Work::Turn(turn) => (self.subject.turn_name(&turn.codex_turn_id), Kind::Internal),
            Work::Inference(call) => (format!("chat {}", call.model), Kind::Client),
            Work::CompactionRequest(request) => (format!("chat {}", request.model), Kind::Client),
            Work::Tool(call) => (format!("execute_tool {}", name(&self.subject.title(call).name)), Kind::Internal),
            Work::Cell(_) => ("code cell".to_owned(), Kind::Internal),
        }
    }

    fn common(&self, kind: &str, id: &str) -> Attributes {
        let rollout_id = self.subject.graph.rollout_id.as_str();
        Attributes::default()
            .with("gen_ai.conversation.id", rollout_id)
            .with("session.id", rollout_id)
            .with("rollout_trace.object", kind)
            .with("rollout_trace.id", id)
    }

    fn attributes(&self, span: &spans::Span<'_>) -> Attributes {
        let execution = span.work.execution();
        let mut attributes = self
            .common(span.work.kind(), span.work.id())
            .with("rollout_trace.status", execution.status.as_str())
            .with("rollout_trace.started_seq", execution.started_seq)
            .with_some("rollout_trace.ended_seq", execution.ended_seq)
            .with_some("rollout_trace.end_observed", execution.is_running().then_some(false))
            .with_some("rollout_trace.start_observed", execution.start_unobserved.then_some(false))
            .with_some("rollout_trace.parent_missing", span.parent_missing.then_some(true));
        match span.work {
            Work::Thread(thread) => {
                attributes.set("gen_ai.operation.name", "invoke_agent");
                attributes.set("gen_ai.agent.name", name(&thread.agent_path));
                attributes.set("gen_ai.agent.id", thread.thread_id.as_str());
                attributes.set_some("gen_ai.request.model", thread.default_model.as_deref());
                attributes.set_some("rollout_trace.agent.nickname", thread.nickname.as_deref().map(name));
                attributes.set("rollout_trace.origin", tag(&thread.origin));
                if let ThreadOrigin::Spawned { agent_role, .. } = &thread.origin
                    && !agent_role.is_empty()
                {
                    attributes.set("rollout_trace.agent.role", name(agent_role));
                }
            }
            Work::Turn(turn) => {
                attributes.set("openinference.span.kind", "CHAIN");
                attributes.set_some("gen_ai.agent.name", self.agent(&turn.thread_id));
            }
            Work::Inference(call) => self.describe_inference(call, &mut attributes),
            Work::CompactionRequest(request) => describe_compaction_request(request, &mut attributes),
            Work::Tool(call) => self.describe_tool(call, &mut attributes),
            Work::Cell(cell) => {
                attributes.set("openinference.span.kind", "CHAIN");
                attributes.set("rollout_trace.cell.runtime_status", cell.runtime_status.as_str());
                let first = cell.initial_response_status.as_ref();
                attributes.set_some("rollout_trace.cell.first_answer", first.map(|status| status.as_str()));
            }
        }
        attributes
    }

    /// Returns the name of a thread's agent, if the graph has the thread.
    fn agent(&self, thread: &ThreadId) -> Option<&'a str> {
        self.subject.graph.threads.get(thread).map(|thread| name(&thread.agent_path))
    }

    fn describe_inference(&self, call: &InferenceCall, attributes: &mut Attributes) {
        attributes.set("gen_ai.operation.name", "chat");
        attributes.set("gen_ai.provider.name", call.provider_name.as_str());
        attributes.set("gen_ai.request.model", call.model.as_str());
        attributes.set_some("gen_ai.response.id", call.response_id.as_deref());
        if let Some(usage) = &call.usage {
            describe_usage(usage, attributes);
        }
        if self.compacted.contains(&call.inference_call_id) {
            attributes.set("gen_ai.conversation.compacted", true);
        }
        if let Some(request) = self.subject.rollout.facts().request(&call.inference_call_id) {
            let previous = request.previous_response_id.as_deref();
            attributes.set_some("gen_ai.request.previous_response.id", previous);
            attributes.set_some("gen_ai.request.reasoning.level", request.reasoning_effort());
            attributes.set_some("gen_ai.request.stream", request.stream);
        }
        let new = self.subject.relations.new_items(&call.inference_call_id);
        attributes.set_some("rollout_trace.upstream_request_id", call.upstream_request_id.as_deref());
        attributes.set("rollout_trace.request.items", call.request_item_ids.len());
        attributes.set("rollout_trace.request.items_new", new.len());
        attributes.set("rollout_trace.response.items", call.response_item_ids.len());
        attributes.set_some("rollout_trace.request.payload", call.raw_request_payload_id.as_deref());
        attributes.set_some("rollout_trace.response.payload", call.raw_response_payload_id.as_deref());
        attributes.set_some("rollout_trace.cancel_reason", call.cancel_reason.as_deref().map(name));
    }

    fn describe_tool(&self, call: &ToolCall, attributes: &mut Attributes) {
        let graph = self.subject.graph;
        let title = self.subject.title(call);
        let visible = call.model_visible_call_id.as_deref();
        attributes.set("gen_ai.operation.name", "execute_tool");
        attributes.set("gen_ai.tool.name", name(&title.name));
        attributes.set("gen_ai.tool.call.id", visible.unwrap_or(&call.tool_call_id));
        attributes.set("gen_ai.tool.type", "function");
        attributes.set_some("gen_ai.agent.name", self.agent(&call.thread_id));
        attributes.set("rollout_trace.tool.kind", tag(&call.kind));
        attributes.set_some("rollout_trace.tool.namespace", title.namespace.as_deref().map(name));
        attributes.set("rollout_trace.tool.requester", tag(&call.requester));
        let operation = call.terminal_operation_id.and_then(|id| graph.terminal_operations.get(&id));
        if let Some(operation) = operation {
            let exit_code = operation.result.as_ref().and_then(|result| result.exit_code);
            attributes.set_some("process.exit.code", exit_code);
            let terminal = operation.terminal_id.as_ref().map(|id| id.0.as_str());
            attributes.set_some("rollout_trace.terminal", terminal);
        }
        attributes.set_some("rollout_trace.invocation.payload", call.raw_invocation_payload_id.as_deref());
        attributes.set_some("rollout_trace.result.payload", call.raw_result_payload_id.as_deref());
    }

    /// Says on the root span what is known about the rollout as a whole.
    fn describe_rollout(&self, attributes: &mut Attributes) {
        let (graph, clock) = (self.subject.graph, &self.subject.clock);
        attributes.set("rollout_trace.trace_id", graph.trace_id.as_str());
        attributes.set("rollout_trace.rollout_id", graph.rollout_id.as_str());
        attributes.set("rollout_trace.schema_version", u64::from(graph.schema_version));
        attributes.set_some("rollout_trace.recording_complete", recording_complete(graph));
        attributes.set("rollout_trace.diagnostics", graph.diagnostics.len());
        attributes.set("rollout_trace.conversation_items", graph.conversation_items.len());
        attributes.set("rollout_trace.undelivered_messages", graph.undelivered_messages.len());
        attributes.set("rollout_trace.edges_without_both_ends", self.links.without_both_ends());
        attributes.set("rollout_trace.content", self.texts.content.as_str());
        attributes.set("rollout_trace.digits_below_1000us", "ordinal");
        attributes.set("rollout_trace.clock_went_back", clock.went_back());
        let out_of_range = Some(clock.out_of_range()).filter(|count| *count > 0);
        attributes.set_some("rollout_trace.clock_out_of_range", out_of_range);
    }
}

fn describe_compaction_request(request: &CompactionRequest, attributes: &mut Attributes) {
    attributes.set("gen_ai.operation.name", "chat");
    attributes.set("gen_ai.provider.name", request.provider_name.as_str());
    attributes.set("gen_ai.request.model", request.model.as_str());
    attributes.set("rollout_trace.compaction", request.compaction_id.as_str());
    attributes.set_some("rollout_trace.request.payload", request.raw_request_payload_id.as_deref());
    attributes.set_some("rollout_trace.response.payload", request.raw_response_payload_id.as_deref());
}

fn describe_usage(usage: &TokenUsage, attributes: &mut Attributes) {
    attributes.set("gen_ai.usage.input_tokens", usage.input_tokens);
    attributes.set("gen_ai.usage.output_tokens", usage.output_tokens);
    attributes.set("gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens);
    attributes.set("gen_ai.usage.cache_write.input_tokens", usage.cache_write_input_tokens);
    // The name until version 1.41 of the conventions, which is the one that Phoenix and MLflow read.
    attributes.set("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_input_tokens);
    attributes.set("gen_ai.usage.reasoning.output_tokens", usage.reasoning_output_tokens);
}

/// Returns how a span ended. That somebody stopped it is no error.
fn status(status: &ExecutionStatus) -> StatusCode {
    match status {
        ExecutionStatus::Failed => StatusCode::Error,
        ExecutionStatus::Completed => StatusCode::Ok,
        _ => StatusCode::Unset,
    }
}

/// Returns microseconds as nanoseconds.
pub(super) fn nanos(us: i64) -> u64 {
    u64::try_from(us).unwrap_or_default() * 1000
}

/// Returns the calls before which a compaction of their thread was installed.
fn compacted<'a>(subject: &Subject<'_, 'a>) -> HashSet<&'a InferenceCallId> {
    let mut first: HashMap<&ThreadId, u64> = HashMap::default();
    for compaction in subject.graph.compactions.values() {
        let installed = first.entry(&compaction.thread_id).or_insert(u64::MAX);
        *installed = compaction.installed_seq.min(*installed);
    }
    let calls = subject.graph.inference_calls.values();
    let after = calls.filter(|call| first.get(&call.thread_id).is_some_and(|seq| *seq < call.execution.started_seq));
    after.map(|call| &call.inference_call_id).collect()
}
