//! The steps of a trajectory.
//!
//! Source: exports, section 4.

use rollout_trace_answers::{is_call, is_output};
use rollout_trace_model::{
    AgentThread, Compaction, ConversationItem, InferenceCall, InferredProducer, ItemId, ItemKind, Role, TokenUsage,
    map::HashSet,
};
use rollout_trace_schema::ToolCallId;
use serde_json::{Value, json};

use crate::{
    item_parts::{self, ItemPart},
    object::{Object, tag},
    observations::Observations,
    subject::Subject,
    texts::Cutter,
    times::iso,
};

/// What no step shows.
#[derive(Debug, Default)]
pub(super) struct Unmapped {
    shown: HashSet<ItemId>,
    items: usize,
    shown_tools: HashSet<ToolCallId>,
    tools: usize,
    /// How many inference calls belong to a thread that the graph does not have.
    pub(super) without_thread: usize,
}

impl Unmapped {
    pub(super) fn of(subject: &Subject<'_, '_>) -> Self {
        let graph = subject.graph;
        let calls = graph.inference_calls.values();
        let without_thread = calls.filter(|call| !graph.threads.contains_key(&call.thread_id)).count();
        let (items, tools) = (graph.conversation_items.len(), graph.tool_calls.len());
        Self { items, tools, without_thread, ..Self::default() }
    }

    /// Returns how many items no step shows.
    pub(super) fn items(&self) -> usize {
        self.items.saturating_sub(self.shown.len())
    }

    /// Returns how many tool calls no step shows.
    pub(super) fn tools(&self) -> usize {
        self.tools.saturating_sub(self.shown_tools.len())
    }
}

/// The steps of one thread.
#[derive(Debug, Default)]
pub(super) struct Steps {
    list: Vec<Value>,
    usage: Option<TokenUsage>,
}

/// A step to be.
#[derive(Clone, Copy)]
enum Draft<'a> {
    /// An item that a request shows first, or that a compaction copied.
    Item(&'a ConversationItem, Option<&'a Compaction>),
    Inference(&'a InferenceCall),
    Compaction(&'a Compaction),
}

/// Makes the steps of one thread.
struct Builder<'b, 'r, 'a> {
    subject: &'b Subject<'r, 'a>,
    observations: &'b Observations<'a>,
    cutter: &'b mut Cutter,
    /// The items that steps show.
    shown: HashSet<ItemId>,
    steps: Steps,
}

impl Steps {
    pub(super) fn of<'a>(
        subject: &Subject<'_, 'a>,
        observations: &Observations<'a>,
        thread: &AgentThread,
        cutter: &mut Cutter,
        unmapped: &mut Unmapped,
    ) -> Self {
        let drafts = drafts(subject, thread);
        let mut shown = HashSet::default();
        for draft in &drafts {
            match draft {
                Draft::Item(item, _) => drop(shown.insert(item.item_id)),
                Draft::Inference(call) => shown.extend(call.response_item_ids.iter().copied()),
                Draft::Compaction(compaction) => drop(shown.insert(compaction.marker_item_id)),
            }
        }
        // The outputs of a call are shown beside it, wherever they were seen.
        let outputs: Vec<_> = shown.iter().flat_map(|item| observations.outputs(*item)).copied().collect();
        shown.extend(outputs);
        shown.retain(|item| subject.graph.conversation_items.contains_key(item));
        let mut builder = Builder { subject, observations, cutter, shown, steps: Self::default() };
        drafts.into_iter().for_each(|draft| builder.add(draft));
        let Builder { steps, shown, .. } = builder;
        let tools = shown.iter().filter_map(|item| observations.tool(*item));
        for tool in tools {
            let cell = tool.started_code_cell_id.as_ref().and_then(|id| subject.graph.code_cells.get(id));
            let nested = cell.into_iter().flat_map(|cell| &cell.nested_tool_call_ids);
            let nested = nested.filter(|id| subject.graph.tool_calls.contains_key(*id));
            unmapped.shown_tools.extend(nested.chain([&tool.tool_call_id]).cloned());
        }
        unmapped.shown.extend(shown);
        steps
    }

    /// Returns the steps, of which there must be one.
    pub(super) fn into_list(self) -> Vec<Value> {
        match self.list.is_empty() {
            true => vec![
                json!({ "step_id": 1, "source": "system", "message": "no conversation of this agent was observed" }),
            ],
            false => self.list,
        }
    }

    pub(super) fn final_metrics(&self) -> Object {
        let usage = self.usage.as_ref();
        Object::new()
            .with("total_prompt_tokens", usage.map(|usage| usage.input_tokens))
            .with("total_completion_tokens", usage.map(|usage| usage.output_tokens))
            .with("total_cached_tokens", usage.map(|usage| usage.cached_input_tokens))
            .with("total_steps", self.list.len().max(1))
    }

    fn push(&mut self, step: Object) {
        self.list.push(step.with("step_id", self.list.len() + 1).into());
    }

    fn add_usage(&mut self, usage: &TokenUsage) {
        let sum = self.usage.get_or_insert_default();
        sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
        sum.cached_input_tokens = sum.cached_input_tokens.saturating_add(usage.cached_input_tokens);
        sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
    }
}

/// Returns the steps of a thread, in order.
fn drafts<'a>(subject: &Subject<'_, 'a>, thread: &AgentThread) -> Vec<Draft<'a>> {
    let (graph, clock) = (subject.graph, &subject.clock);
    let compactions: Vec<_> = subject.compactions_of(&thread.thread_id).to_vec();
    let copies: HashSet<_> =
        compactions.iter().flat_map(|compaction| compaction.replacement_item_ids.iter().copied()).collect();
    let mut drafts = Vec::new();
    for compaction in compactions {
        let at = clock.installed(compaction);
        drafts.push((at, Draft::Compaction(compaction)));
        let items = compaction.replacement_item_ids.iter().filter_map(|id| graph.conversation_items.get(id));
        drafts.extend(items.map(|item| (at, Draft::Item(item, Some(compaction)))));
    }
    for call in subject.calls_of(&thread.thread_id) {
        let at = clock.start(&call.execution);
        let new = subject.relations.new_items(&call.inference_call_id).iter();
        let new = new.filter(|item| !copies.contains(*item)).filter_map(|id| graph.conversation_items.get(id));
        drafts.extend(new.map(|item| (at, Draft::Item(item, None))));
        drafts.push((at, Draft::Inference(call)));
    }
    drafts.sort_by_key(|(at, _)| *at);
    drafts.into_iter().map(|(_, draft)| draft).collect()
}

impl<'a> Builder<'_, '_, 'a> {
    fn add(&mut self, draft: Draft<'a>) {
        match draft {
            Draft::Item(item, compaction) => self.add_item(item, compaction),
            Draft::Inference(call) => self.add_inference(call),
            Draft::Compaction(compaction) => {
                let (before, after) = (compaction.input_item_ids.len(), compaction.replacement_item_ids.len());
                let extra = Object::new()
                    .with("compaction_id", compaction.compaction_id.as_str())
                    .with("input_items", before)
                    .with("replacement_items", after);
                let step = Object::new()
                    .with("source", "system")
                    .with("message", format!("compaction: {before} items were replaced by {after}"))
                    .with("timestamp", iso(self.subject.clock.installed(compaction)))
                    .with("extra", extra);
                self.steps.push(step);
            }
        }
    }

    fn text(&mut self, item: &'a ConversationItem) -> String {
        self.cutter.cut(item_parts::text(self.subject.rollout, item)).into_owned()
    }

    fn add_item(&mut self, item: &'a ConversationItem, compaction: Option<&'a Compaction>) {
        let is_answer = is_output(&item.kind)
            && self.observations.call(item.item_id).is_some_and(|call| self.shown.contains(&call));
        if is_answer || item.kind == ItemKind::CompactionMarker {
            return;
        }
        let seq = item.accepted_seq.unwrap_or(item.first_seen_seq);
        let from_agent = item.agent_message.as_ref().map(|message| message.author.as_str());
        let extra = Object::new()
            .with("item", item.item_id.to_string())
            .with("role", item.role.as_str())
            .with("kind", Some(item.kind.as_str()).filter(|_| item.kind != ItemKind::Message))
            .with("from_agent", from_agent)
            .with("compaction_id", compaction.map(|compaction| compaction.compaction_id.as_str()));
        let step = Object::new().with("timestamp", iso(self.subject.clock.at(seq))).with("extra", extra);
        let source = source(item);
        // What a model said that this recording did not see is context from before.
        let is_copy = compaction.is_some() || source == "agent";
        let step = step.with("source", source).with("is_copied_context", is_copy.then_some(true));
        let step = if source == "agent" {
            self.with_answer(step, &[item])
        } else {
            let text = self.text(item);
            step.with("message", text)
        };
        self.steps.push(step);
    }

    fn add_inference(&mut self, call: &'a InferenceCall) {
        let graph = self.subject.graph;
        let items: Vec<_> = call.response_item_ids.iter().filter_map(|id| graph.conversation_items.get(id)).collect();
        let error = call.error.as_deref().map(|error| self.cutter.cut(error).into_owned());
        let execution = &call.execution;
        let extra = Object::new()
            .with("inference_call_id", call.inference_call_id.as_str())
            .with("turn_id", call.codex_turn_id.as_deref())
            .with("response_id", call.response_id.as_deref())
            .with("status", execution.status.as_str())
            .with("request_items", call.request_item_ids.len())
            .with("error", error)
            .with("end_observed", execution.is_running().then_some(false));
        let request = self.subject.rollout.facts().request(&call.inference_call_id);
        let step = Object::new()
            .with("source", "agent")
            .with("timestamp", iso(self.subject.clock.start(execution)))
            .with("model_name", call.model.as_str())
            .with("reasoning_effort", request.and_then(|request| request.reasoning_effort()))
            .with("llm_call_count", 1)
            .with("extra", extra);
        let step = step.with("metrics", call.usage.as_ref().map(metrics));
        if let Some(usage) = &call.usage {
            self.steps.add_usage(usage);
        }
        let step = self.with_answer(step, &items);
        self.steps.push(step);
    }

    /// Adds what a model said: its messages, its reasoning, its calls, and what they led to.
    fn with_answer(&mut self, step: Object, items: &[&'a ConversationItem]) -> Object {
        let (mut messages, mut calls, mut results) = (Vec::new(), Vec::new(), Vec::new());
        let mut reasoning = Reasoning::default();
        for item in items {
            if is_call(&item.kind) {
                calls.push(self.tool_call(item));
                self.add_results(item, &mut results);
            } else if item.kind == ItemKind::Reasoning {
                reasoning.add(item_parts::parts(self.subject.rollout, item));
            } else {
                messages.push(self.text(item));
            }
        }
        let reasoning = reasoning.into_text().map(|text| self.cutter.cut(text).into_owned());
        let observation = (!results.is_empty()).then(|| json!({ "results": results }));
        step.with("message", messages.join("\n"))
            .with("reasoning_content", reasoning)
            .with("tool_calls", calls)
            .with("observation", observation)
    }

    fn tool_call(&mut self, item: &'a ConversationItem) -> Value {
        let subject = self.subject;
        let tool = self.observations.tool(item.item_id);
        let name = item.name.as_deref().or_else(|| tool.map(|tool| subject.title(tool).name.as_str()));
        let started = tool.map(|tool| iso(subject.clock.start(&tool.execution)));
        let cell = tool.and_then(|tool| subject.graph.code_cells.get(tool.started_code_cell_id.as_ref()?));
        let nested = cell.into_iter().flat_map(|cell| &cell.nested_tool_call_ids);
        let nested: Vec<Value> = nested
            .filter_map(|id| subject.graph.tool_calls.get(id))
            .map(|call| {
                let nested = Object::new()
                    .with("tool_call_id", call.tool_call_id.as_str())
                    .with("name", subject.title(call).name.as_str());
                nested.with("status", call.execution.status.as_str()).into()
            })
            .collect();
        let extra = Object::new()
            .with("item", item.item_id.to_string())
            .with("kind", tool.map(|tool| tag(&tool.kind)))
            .with("status", tool.map(|tool| tool.execution.status.as_str()))
            .with("started", started)
            .with("nested", nested);
        Object::new()
            .with("tool_call_id", call_id(item))
            .with("function_name", name.unwrap_or("unknown"))
            .with("arguments", self.arguments(item))
            .with("extra", extra)
            .into()
    }

    /// Returns the arguments of a call as an object.
    fn arguments(&mut self, item: &'a ConversationItem) -> Value {
        let text = item_parts::text(self.subject.rollout, item);
        let whole = text.len();
        let text = self.cutter.cut(text);
        let object: Option<Value> = serde_json::from_str(&text).ok().filter(|_| text.len() == whole);
        object.filter(Value::is_object).unwrap_or_else(|| json!({ "input": text }))
    }

    /// Adds what a call led to: its outputs, and the agents that it started.
    fn add_results(&mut self, call: &'a ConversationItem, results: &mut Vec<Value>) {
        let graph = self.subject.graph;
        let tool = self.observations.tool(call.item_id);
        let operation = tool.and_then(|tool| graph.terminal_operations.get(&tool.terminal_operation_id?));
        let exit_code = operation.and_then(|operation| operation.result.as_ref()?.exit_code);
        let spawned = tool.map_or(&[][..], |tool| self.observations.spawned(tool));
        let mut spawned: Vec<_> = spawned
            .iter()
            .filter(|thread| graph.threads.contains_key(**thread))
            .map(|thread| json!({ "trajectory_id": thread, "session_id": graph.rollout_id }))
            .collect();
        let outputs = self.observations.outputs(call.item_id);
        for output in outputs.iter().filter_map(|id| graph.conversation_items.get(id)) {
            let extra = Object::new()
                .with("item", output.item_id.to_string())
                .with("status", tool.map(|tool| tool.execution.status.as_str()))
                .with("exit_code", exit_code);
            let result = Object::new()
                .with("source_call_id", call_id(call))
                .with("content", self.text(output))
                .with("subagent_trajectory_ref", std::mem::take(&mut spawned))
                .with("extra", extra);
            results.push(result.into());
        }
        if !spawned.is_empty() {
            let result = Object::new().with("source_call_id", call_id(call)).with("subagent_trajectory_ref", spawned);
            results.push(result.into());
        }
    }
}

/// Returns the id of a call, which those without one get from their item.
fn call_id(item: &ConversationItem) -> String {
    item.call_id.as_ref().map_or_else(|| item.item_id.to_string(), |id| id.to_string())
}

/// Returns where an item comes from that no inference call of the recording made.
fn source(item: &ConversationItem) -> &'static str {
    let is_of_harness = |producer: &InferredProducer| matches!(producer, InferredProducer::Harness { .. });
    match &item.role {
        _ if item.agent_message.is_some() => "user",
        _ if item.inferred_producers.iter().any(is_of_harness) => "system",
        Role::User => "user",
        Role::Assistant => "agent",
        _ => "system",
    }
}

fn metrics(usage: &TokenUsage) -> Value {
    let extra = Object::new()
        .with("cache_write_tokens", usage.cache_write_input_tokens)
        .with("reasoning_tokens", usage.reasoning_output_tokens);
    Object::new()
        .with("prompt_tokens", usage.input_tokens)
        .with("completion_tokens", usage.output_tokens)
        .with("cached_tokens", usage.cached_input_tokens)
        .with("extra", extra)
        .into()
}

/// What a model thought: its text, else a summary of it, else how much the provider sealed.
#[derive(Default)]
struct Reasoning {
    texts: Vec<String>,
    summaries: Vec<String>,
    sealed: Vec<String>,
}

impl Reasoning {
    fn add(&mut self, parts: Vec<ItemPart<'_>>) {
        for part in parts {
            match part {
                ItemPart::Summary(text) => self.summaries.push(text.into_owned()),
                part @ ItemPart::Sealed { .. } => self.sealed.push(part.as_text().into_owned()),
                part => self.texts.push(part.as_text().into_owned()),
            }
        }
    }

    fn into_text(self) -> Option<String> {
        let texts = [self.texts, self.summaries, self.sealed].into_iter().find(|texts| !texts.is_empty());
        texts.map(|texts| texts.join("\n"))
    }
}
