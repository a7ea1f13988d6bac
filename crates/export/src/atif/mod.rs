//! ATIF trajectories, which Harbor shows.
//!
//! Source: exports, section 4.

mod steps;

use std::io::{self, Write};

use rollout_trace_answers::{Rollout, threads_by_start};
use rollout_trace_model::{AgentThread, InteractionKind};
use rollout_trace_schema::ThreadId;
use serde_json::{Value, json};

use self::steps::{Steps, Unmapped};
use crate::{
    LeftOut, Texts, Written,
    diagnostics::diagnostics,
    object::Object,
    observations::Observations,
    subject::{Subject, recording_complete},
    texts::Cutter,
};

/// The version of the mapping. A change that alters what a field means raises it.
const MAPPING: u32 = 1;

/// The version of the format.
const VERSION: &str = "ATIF-v1.8";

/// Writes a rollout as one ATIF document: the trajectory of the root agent, with those of all others in it.
///
/// A trajectory is a transcript, and so it has all texts; `texts` says only how long they may be.
///
/// # Errors
///
/// Writing fails.
pub fn write(rollout: &Rollout<'_>, texts: Texts, out: &mut dyn Write) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let graph = subject.graph;
    let mut cutter = Cutter::new(texts);
    let mut unmapped = Unmapped::of(&subject);
    let observations = Observations::of(&subject);
    let threads = threads_by_start(graph);
    let mut trajectory = |thread: &AgentThread| trajectory(&subject, &observations, thread, &mut cutter, &mut unmapped);
    let root = graph.threads.get(&graph.root_thread_id).or(threads.first().copied());
    let mut document = match root {
        Some(root) => trajectory(root),
        None => of_nothing(&subject, &graph.root_thread_id),
    };
    let others = threads.iter().filter(|thread| root.is_none_or(|root| root.thread_id != thread.thread_id));
    let others: Vec<Value> = others.map(|thread| trajectory(thread).into()).collect();
    document.set("subagent_trajectories", others);
    document.set("extra", extra(&subject, &mut cutter, &unmapped));
    serde_json::to_writer(&mut *out, &Value::from(document))?;
    writeln!(out)?;
    Ok(Written { left_out: left_out(&subject, &unmapped), advice: None })
}

fn trajectory<'a>(
    subject: &Subject<'_, 'a>,
    observations: &Observations<'a>,
    thread: &AgentThread,
    cutter: &mut Cutter,
    unmapped: &mut Unmapped,
) -> Object {
    let steps = Steps::of(subject, observations, thread, cutter, unmapped);
    let agent = Object::new()
        .with("name", thread.agent_path.as_str())
        // No bundle says it.
        .with("version", "unknown")
        .with("model_name", thread.default_model.as_deref())
        .with("tool_definitions", tool_definitions(subject, thread));
    Object::new()
        .with("schema_version", VERSION)
        .with("session_id", subject.graph.rollout_id.as_str())
        .with("trajectory_id", thread.thread_id.as_str())
        .with("agent", agent)
        .with("final_metrics", steps.final_metrics())
        .with("steps", steps.into_list())
}

/// Returns the trajectory of a rollout of which no thread is known.
fn of_nothing(subject: &Subject<'_, '_>, root: &ThreadId) -> Object {
    let step = json!({ "step_id": 1, "source": "system", "message": "no thread of this rollout is known" });
    Object::new()
        .with("schema_version", VERSION)
        .with("session_id", subject.graph.rollout_id.as_str())
        .with("trajectory_id", root.as_str())
        .with("agent", json!({ "name": "unknown", "version": "unknown" }))
        .with("steps", vec![step])
}

/// Returns the tools that the first request of a thread offers.
fn tool_definitions(subject: &Subject<'_, '_>, thread: &AgentThread) -> Vec<Value> {
    let facts = subject.rollout.facts();
    let first = subject.calls_of(&thread.thread_id).first();
    let tools = first.and_then(|call| facts.request(&call.inference_call_id)).map(|request| request.tools.as_slice());
    let definition = |text: &str| {
        let value: Option<Value> = serde_json::from_str(text).ok();
        value.filter(Value::is_object).unwrap_or_else(|| json!({ "definition": text }))
    };
    tools.unwrap_or_default().iter().map(|tool| definition(&facts.definition(*tool).text)).collect()
}

fn extra(subject: &Subject<'_, '_>, cutter: &mut Cutter, unmapped: &Unmapped) -> Object {
    let graph = subject.graph;
    let not_mapped = Object::new()
        .with("edges_other_than_spawn", other_edges(subject))
        .with("terminal_operations", graph.terminal_operations.len())
        .with("undelivered_messages", graph.undelivered_messages.len())
        .with("items_never_shown", unmapped.items())
        .with("tool_calls_never_shown", unmapped.tools())
        .with("compaction_requests", graph.compaction_requests.len())
        .with("objects_without_thread", unmapped.without_thread);
    Object::new()
        .with("producer", "rollout-trace")
        .with("mapping", MAPPING)
        .with("trace_id", graph.trace_id.as_str())
        .with("status", graph.status.as_str())
        .with("recording_complete", recording_complete(graph))
        .with("bytes_left_out", cutter.take_left_out())
        .with("clock_went_back", subject.clock.went_back())
        .with("diagnostics", diagnostics(graph))
        .with("not_mapped", not_mapped)
}

fn other_edges(subject: &Subject<'_, '_>) -> usize {
    let edges = subject.graph.interaction_edges.values();
    edges.filter(|edge| edge.kind != InteractionKind::SpawnAgent).count()
}

fn left_out(subject: &Subject<'_, '_>, unmapped: &Unmapped) -> LeftOut {
    let graph = subject.graph;
    let mut left_out = LeftOut::default();
    left_out.add(other_edges(subject), "edge other than spawn", "edges other than spawn");
    left_out.add(graph.terminal_operations.len(), "terminal operation", "terminal operations");
    left_out.add(graph.undelivered_messages.len(), "undelivered message", "undelivered messages");
    left_out.add(unmapped.items(), "item that no request shows", "items that no request shows");
    left_out.add(unmapped.tools(), "tool call that no request shows", "tool calls that no request shows");
    left_out.add(graph.compaction_requests.len(), "compaction request", "compaction requests");
    left_out.add(unmapped.without_thread, "object without a thread", "objects without a thread");
    left_out
}
