//! Threads.
//!
//! Source: reduction, sections 3.2 and 3.3.

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{AgentThread, DiagnosticCode, Durations, Execution, ThreadAssignment, ThreadOrigin};
use rollout_trace_schema::{
    AgentPath, EdgeId, ExecutionStatus, PayloadRef, ThreadEnded, ThreadId, ThreadResumed, ThreadStarted,
};

use crate::{context::Context, json::Json};

pub(crate) fn started(cx: &mut Context<'_>, event: &ThreadStarted) {
    let known = cx.graph.threads.get(&event.thread_id);
    if known.is_some_and(|thread| !thread.execution.start_unobserved) {
        let message = format!("thread {} starts a second time; the first start counts", event.thread_id);
        cx.report.event(DiagnosticCode::DuplicateStart, &[&event.thread_id], message);
        return;
    }
    let mut buffer = PayloadBuffer::default();
    let metadata = event.metadata_payload.as_ref().and_then(|reference| cx.read_whole(reference, &mut buffer));
    let is_lost = event.metadata_payload.is_some() && metadata.is_none();
    if let (Some(reference), Some(metadata)) = (&event.metadata_payload, &metadata) {
        check_metadata(cx, reference, metadata);
    }
    let metadata = metadata.unwrap_or(Json::Null);
    let field = |name: &str| metadata.text(name).map(str::to_owned);
    let spawn = spawn(&metadata);
    let mut agent_path = event.agent_path.clone();
    let origin = match spawn.and_then(|spawn| Some((spawn, spawn.text("parent_thread_id")?))) {
        Some((spawn, parent)) => {
            let path = spawn.text("agent_path").or_else(|| metadata.text("agent_path"));
            agent_path = path.map_or(agent_path, AgentPath::from);
            let of_spawn = |name: &str| spawn.text(name).map(str::to_owned).or_else(|| field(name));
            let last_segment = || agent_path.rsplit('/').next().unwrap_or_default().to_owned();
            ThreadOrigin::Spawned {
                parent_thread_id: ThreadId::from(parent),
                spawn_edge_id: EdgeId::from(format!("edge:spawn:{parent}:{}", event.thread_id)),
                task_name: of_spawn("task_name").unwrap_or_else(last_segment),
                agent_role: of_spawn("agent_role").unwrap_or_default(),
            }
        }
        None if cx.rules.agents_are_unobserved() && metadata.text("parent_thread_id").is_some() => {
            let parent = metadata.text("parent_thread_id").unwrap_or_default();
            agent_path = metadata.text("agent_path").map_or(agent_path, AgentPath::from);
            ThreadOrigin::Spawned {
                parent_thread_id: ThreadId::from(parent),
                spawn_edge_id: EdgeId::from(format!("edge:spawn:{parent}:{}", event.thread_id)),
                task_name: String::new(),
                agent_role: String::new(),
            }
        }
        None => {
            agent_path = metadata.text("agent_path").map_or(agent_path, AgentPath::from);
            let is_root = event.thread_id == cx.graph.root_thread_id;
            if is_lost && !is_root { cx.rules.origin_without_metadata() } else { ThreadOrigin::Root }
        }
    };
    let nickname =
        field("nickname").or_else(|| spawn.and_then(|spawn| spawn.text("agent_nickname")).map(str::to_owned));
    let is_observed_by_requests = metadata.text("thread_assignment").is_some();
    let mut thread = AgentThread {
        thread_id: event.thread_id.clone(),
        agent_path,
        nickname,
        origin,
        execution: Execution::started(cx.at.time, cx.at.seq),
        default_model: field("model"),
        conversation_item_ids: Vec::new(),
        cwd: field("cwd"),
        raw_metadata_payload_id: event.metadata_payload.as_ref().map(|reference| reference.raw_payload_id.clone()),
        durations: Durations::default(),
        markers: Vec::new(),
        session_id: field("session_id").filter(|_| is_observed_by_requests),
        agent_id: field("agent_id").filter(|_| is_observed_by_requests),
        thread_assignment: field("thread_assignment").map(|assignment| ThreadAssignment::from(assignment.as_str())),
        auxiliary: false,
    };
    if let Some(known) = cx.graph.remove(&event.thread_id) {
        thread.execution = known.execution;
        thread.execution.start(cx.at.time, cx.at.seq);
        thread.conversation_item_ids = known.conversation_item_ids;
        thread.durations = known.durations;
    }
    cx.report_named(event.metadata_payload.as_ref(), Some(thread.execution.started_seq));
    cx.graph.insert(&event.thread_id, thread);
    if cx.graph.root_thread_id.is_empty() {
        cx.graph.rollout_mut().root_thread_id = event.thread_id.clone();
    }
}

/// Returns the part of session metadata that says how a thread was spawned.
fn spawn<'a, 'b>(metadata: &'a Json<'b>) -> Option<&'a Json<'b>> {
    metadata.get("session_source")?.get("subagent")?.get("thread_spawn")
}

fn check_metadata(cx: &mut Context<'_>, reference: &PayloadRef, metadata: &Json<'_>) {
    if matches!(metadata, Json::Null) {
        return;
    }
    if !metadata.is_object() {
        cx.report_malformed(reference, "the session metadata is not an object; it is lost");
    } else if spawn(metadata).is_some_and(|spawn| spawn.text("parent_thread_id").is_none()) {
        cx.report_malformed(reference, "the spawned thread has no parent_thread_id; it counts as a root thread");
    }
}

pub(crate) fn ended(cx: &mut Context<'_>, event: &ThreadEnded) {
    let thread = ensure(cx, &event.thread_id);
    let is_second = !thread.execution.is_running();
    if is_second {
        let message = format!("thread {} ends a second time; the later end counts", event.thread_id);
        cx.report.event(DiagnosticCode::RepeatedEnd, &[&event.thread_id], message);
    }
    let (time, seq) = (cx.at.time, cx.at.seq);
    cx.graph.object_mut(&event.thread_id).execution.end(time, seq, event.status.clone());
}

pub(crate) fn resumed(cx: &mut Context<'_>, event: &ThreadResumed) {
    let execution = &mut ensure(cx, &event.thread_id).execution;
    let was_running = execution.is_running() && !execution.start_unobserved;
    execution.ended_at_unix_ms = None;
    execution.ended_seq = None;
    execution.status = ExecutionStatus::Running;
    if was_running {
        let message = format!("thread {} is resumed, but its end was not recorded", event.thread_id);
        cx.report.event(DiagnosticCode::ResumedRunningThread, &[&event.thread_id], message);
    }
}

/// Returns the thread. If its start is lost, adds it with what is known about it.
pub(crate) fn ensure<'a>(cx: &'a mut Context<'_>, id: &ThreadId) -> &'a mut AgentThread {
    if !cx.graph.threads.contains_key(id) {
        add_unstarted(cx, id);
    }
    cx.graph.object_mut(id)
}

/// Adds the thread with what is known about it, if its start is lost.
pub(crate) fn ensure_known(cx: &mut Context<'_>, id: &ThreadId) {
    if !cx.graph.threads.contains_key(id) {
        add_unstarted(cx, id);
    }
}

fn add_unstarted(cx: &mut Context<'_>, id: &ThreadId) {
    let message = format!("thread {id} was never started; it is in the graph with what is known about it");
    cx.report.once(DiagnosticCode::UnknownThread, id, message);
    let is_root = *id == cx.graph.root_thread_id || cx.graph.root_thread_id.is_empty();
    if is_root && cx.graph.root_thread_id != *id {
        cx.graph.rollout_mut().root_thread_id = id.clone();
    }
    let thread = AgentThread {
        thread_id: id.clone(),
        agent_path: AgentPath::from(if is_root { "/root" } else { "" }),
        nickname: None,
        origin: ThreadOrigin::Root,
        execution: Execution { start_unobserved: true, ..Execution::started(cx.at.time, cx.at.seq) },
        default_model: None,
        conversation_item_ids: Vec::new(),
        cwd: None,
        raw_metadata_payload_id: None,
        durations: Durations::default(),
        markers: Vec::new(),
        session_id: None,
        agent_id: None,
        thread_assignment: None,
        auxiliary: false,
    };
    cx.graph.insert(id, thread);
}
