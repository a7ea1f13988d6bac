//! Eval logs of Inspect.
//!
//! Source: exports, section 5.

mod events;
mod messages;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use rollout_trace_answers::Rollout;
use rollout_trace_model::{InferenceCall, InteractionKind, ItemId, RolloutTrace, TokenUsage};
use rollout_trace_schema::ExecutionStatus;
use serde_json::{Value, json};

use self::{events::Events, messages::Messages};
use crate::{
    LeftOut, Texts, Written,
    object::Object,
    observations::Observations,
    subject::{Subject, recording_complete},
    texts::Cutter,
    times::{file_time, iso_micros},
};

/// The version of the mapping. A change that alters what a field means raises it.
const MAPPING: u32 = 1;

/// The version of the format.
const VERSION: u32 = 2;

/// The name of the task of which a rollout is a sample.
const TASK: &str = "rollout";

/// Writes a rollout as an eval log with one sample.
///
/// A log is a transcript, and so it has all texts; `texts` says only how long they may be.
///
/// # Errors
///
/// Writing fails.
pub fn write(rollout: &Rollout<'_>, texts: Texts, out: &mut dyn Write) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let observations = Observations::of(&subject);
    let mut messages = Messages::new(&subject, Cutter::new(texts));
    let events = Events::of(&subject, &observations, &mut messages).into_list();
    let sample = sample(&subject, &mut messages, events);
    let (status, metadata) = (status(subject.graph), metadata(&subject, messages.take_left_out()));
    let error =
        (status == "error").then(|| json!({ "message": "the rollout failed", "traceback": "", "traceback_ansi": "" }));
    let (started, ended) = bounds(&subject);
    let stats = json!({ "started_at": started, "completed_at": ended, "model_usage": usage(&subject) });
    let plan = json!({ "name": "plan", "steps": [] });
    // Readers rely on this order.
    write!(
        out,
        "{{\"version\":{VERSION},\"status\":\"{status}\",\"eval\":{},\"plan\":{plan},\"stats\":{stats}",
        spec(&subject, metadata)
    )?;
    if let Some(error) = error {
        write!(out, ",\"error\":{error}")?;
    }
    out.write_all(b",\"samples\":[")?;
    serde_json::to_writer(&mut *out, &sample)?;
    out.write_all(b"]}\n")?;
    Ok(Written { left_out: left_out(subject.graph), advice: None })
}

/// Returns the name under which the log of a rollout is found beside those of Inspect, without `.json`.
pub fn file_name(graph: &RolloutTrace) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let id: String = graph.trace_id.chars().take(64).map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("{}_{TASK}_{id}", file_time(graph.started_at_unix_ms))
}

fn spec(subject: &Subject<'_, '_>, metadata: Object) -> Value {
    let graph = subject.graph;
    Object::new()
        .with("eval_id", graph.trace_id.as_str())
        .with("run_id", graph.trace_id.as_str())
        .with("created", bounds(subject).0)
        .with("task", TASK)
        .with("task_id", graph.rollout_id.as_str())
        .with("dataset", json!({ "name": TASK, "samples": 1, "sample_ids": [&graph.trace_id] }))
        .with("model", model(subject))
        .with("config", json!({}))
        .with("metadata", metadata)
        .into()
}

fn model<'a>(subject: &Subject<'_, 'a>) -> &'a str {
    let root = subject.graph.threads.get(&subject.graph.root_thread_id);
    let default = root.and_then(|root| root.default_model.as_deref());
    default.or_else(|| subject.rollout.calls().first().map(|call| call.model.as_str())).unwrap_or("unknown")
}

/// Returns when the rollout began and ended, as far as the graph knows.
fn bounds(subject: &Subject<'_, '_>) -> (String, String) {
    (iso_micros(subject.clock.first()), iso_micros(subject.clock.last()))
}

fn status(graph: &RolloutTrace) -> &'static str {
    match graph.status {
        ExecutionStatus::Failed => "error",
        ExecutionStatus::Cancelled | ExecutionStatus::Aborted => "cancelled",
        // The metadata says how it really is with a rollout that runs.
        _ => "success",
    }
}

fn metadata(subject: &Subject<'_, '_>, bytes_left_out: u64) -> Object {
    let graph = subject.graph;
    let markers = graph.threads.values().map(|thread| thread.markers.len()).sum::<usize>() + graph.markers.len();
    let not_mapped = Object::new()
        .with("terminal_operations", graph.terminal_operations.len())
        .with("code_cells", graph.code_cells.len())
        .with("compaction_requests", graph.compaction_requests.len())
        .with("payloads", graph.raw_payloads.len())
        .with("markers", markers)
        .with("undelivered_messages", graph.undelivered_messages.len());
    Object::new()
        .with("producer", "rollout-trace")
        .with("mapping", MAPPING)
        .with("trace_id", graph.trace_id.as_str())
        .with("status", graph.status.as_str())
        .with("recording_complete", recording_complete(graph))
        .with("digits_below_1000us", "ordinal")
        .with("clock_went_back", subject.clock.went_back())
        .with("bytes_left_out", bytes_left_out)
        .with("diagnostics", graph.diagnostics.len())
        .with("not_mapped", not_mapped)
}

fn left_out(graph: &RolloutTrace) -> LeftOut {
    let mut left_out = LeftOut::default();
    let markers = graph.threads.values().map(|thread| thread.markers.len()).sum::<usize>() + graph.markers.len();
    left_out.add(graph.terminal_operations.len(), "terminal operation", "terminal operations");
    left_out.add(graph.code_cells.len(), "code cell", "code cells");
    left_out.add(graph.compaction_requests.len(), "compaction request", "compaction requests");
    left_out.add(graph.raw_payloads.len(), "payload id", "payload ids");
    left_out.add(markers, "marker", "markers");
    left_out.add(graph.undelivered_messages.len(), "undelivered message", "undelivered messages");
    left_out
}

/// Returns the one sample of the log.
fn sample(subject: &Subject<'_, '_>, messages: &mut Messages<'_, '_, '_>, events: Vec<Value>) -> Value {
    let graph = subject.graph;
    let calls = subject.calls_of(&graph.root_thread_id);
    let last = calls.iter().rev().find(|call| !call.request_item_ids.is_empty() || !call.response_item_ids.is_empty());
    let conversation: Vec<ItemId> = last
        .map(|call| call.request_item_ids.iter().chain(call.response_item_ids.iter().copied()).collect())
        .unwrap_or_default();
    let conversation: Vec<Value> = conversation.into_iter().filter_map(|item| messages.message(item)).collect();
    let output = last.map_or_else(|| json!({ "model": model(subject), "choices": [] }), |call| messages.output(call));
    let (first, end) = (subject.clock.first(), subject.clock.last());
    let (started, ended) = bounds(subject);
    let pool: Vec<Value> = graph.conversation_items.keys().filter_map(|item| messages.message(*item)).collect();
    Object::new()
        .with("id", graph.trace_id.as_str())
        .with("epoch", 1)
        .with("uuid", graph.trace_id.as_str())
        .with("input", input(subject, calls, messages))
        .with("target", "")
        .with("output", output)
        .with("model_usage", usage(subject))
        .with("started_at", started)
        .with("completed_at", ended)
        .with("total_time", (end - first) as f64 / 1e6)
        .with("metadata", Object::new().with("status", graph.status.as_str()))
        // Readers need these lists even if they are empty.
        .with_list("messages", conversation)
        .with_list("events", events)
        .with("events_data", json!({ "messages": pool, "calls": [] }))
        .into()
}

/// Returns what the rollout was asked first.
fn input(subject: &Subject<'_, '_>, calls: &[&InferenceCall], messages: &mut Messages<'_, '_, '_>) -> String {
    let first = calls.first().map(|call| subject.relations.new_items(&call.inference_call_id)).unwrap_or_default();
    let asked = first.iter().rev().find_map(|item| messages.user_text(*item));
    asked.unwrap_or_default()
}

/// Returns the token usage by model.
fn usage(subject: &Subject<'_, '_>) -> Value {
    let mut by_model: BTreeMap<&str, TokenUsage> = BTreeMap::new();
    for call in subject.rollout.calls() {
        let (Some(usage), sum) = (&call.usage, by_model.entry(&call.model).or_default()) else { continue };
        sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
        sum.cached_input_tokens = sum.cached_input_tokens.saturating_add(usage.cached_input_tokens);
        sum.cache_write_input_tokens = sum.cache_write_input_tokens.saturating_add(usage.cache_write_input_tokens);
        sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
        sum.reasoning_output_tokens = sum.reasoning_output_tokens.saturating_add(usage.reasoning_output_tokens);
    }
    by_model
        .into_iter()
        .map(|(model, usage)| (model.to_owned(), tokens(&usage)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Returns a token usage as Inspect counts it: its input tokens are those that no cache had.
fn tokens(usage: &TokenUsage) -> Value {
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(usage.cached_input_tokens),
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
        "input_tokens_cache_read": usage.cached_input_tokens,
        "input_tokens_cache_write": usage.cache_write_input_tokens,
        "reasoning_tokens": usage.reasoning_output_tokens,
    })
}

/// Returns whether an interaction is shown by something else than an event of its own.
fn is_spawn(kind: InteractionKind) -> bool {
    kind == InteractionKind::SpawnAgent
}
