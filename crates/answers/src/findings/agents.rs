//! Agents and processes that nobody waited for.

use rollout_trace_model::{
    Anchor, InteractionKind, ThreadOrigin,
    map::{HashMap, HashSet},
};
use rollout_trace_schema::{ExecutionStatus, Seq, ThreadId, ToolKind};

use super::{Finding, FindingCode};
use crate::{Rollout, origin::thread_of, unseen::reporting_child};

pub(super) fn findings(rollout: &Rollout<'_>) -> Vec<Finding> {
    if rollout.graph().status == ExecutionStatus::Running {
        return Vec::new();
    }
    let mut findings = agents(rollout);
    findings.extend(processes(rollout));
    findings
}

fn agents(rollout: &Rollout<'_>) -> Vec<Finding> {
    let graph = rollout.graph();
    let mut accounted_for: HashSet<&ThreadId> = HashSet::default();
    for edge in graph.interaction_edges.values() {
        let end: Option<&Anchor> = match edge.kind {
            InteractionKind::AgentResult => Some(&edge.source),
            InteractionKind::CloseAgent => Some(&edge.target),
            _ => None,
        };
        accounted_for.extend(end.and_then(|end| thread_of(graph, end)));
    }
    let undelivered = { graph.undelivered_messages.iter() }
        .filter_map(|message| message.edge_id.as_ref().zip(message.target_thread_id.as_ref()));
    let plain = { graph.plain_deliveries.iter() }
        .filter_map(|delivery| delivery.edge_id.as_ref().zip(Some(&delivery.target_thread_id)));
    let reports = undelivered.chain(plain);
    accounted_for.extend(reports.filter_map(|(edge, target)| reporting_child(rollout, edge, target)));
    // When each agent waited last.
    let mut waited: HashMap<&ThreadId, Seq> = HashMap::default();
    for call in graph.tool_calls.values().filter(|call| call.kind == ToolKind::WaitAgent) {
        let last = waited.entry(&call.thread_id).or_default();
        *last = call.execution.started_seq.max(*last);
    }
    let lonely = graph.threads.values().filter(|thread| {
        let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin else { return false };
        let was_waited_for = waited.get(parent_thread_id).is_some_and(|seq| *seq > thread.execution.started_seq);
        !was_waited_for && !accounted_for.contains(&thread.thread_id)
    });
    let finding = |thread: &rollout_trace_model::AgentThread| {
        let name = rollout.agent(&thread.thread_id);
        Finding::new(
            FindingCode::AgentNotJoined,
            vec![thread.thread_id.to_string()],
            Some(thread.execution.started_seq),
            format!("{name} was started; nobody waited for it, and it reported nothing"),
        )
    };
    lonely.map(finding).collect()
}

fn processes(rollout: &Rollout<'_>) -> Vec<Finding> {
    let graph = rollout.graph();
    let finding = |session: &rollout_trace_model::TerminalSession| {
        let operation = graph.terminal_operations.get(&session.created_by_operation_id)?;
        if session.exited_seq.is_some() || operation.execution.ended_seq.is_some() {
            return None;
        }
        let command = match &operation.request {
            rollout_trace_model::TerminalRequest::ExecCommand { display_command, .. } => display_command.as_str(),
            rollout_trace_model::TerminalRequest::WriteStdin { .. } => "a command that is unknown",
        };
        Some(Finding::new(
            FindingCode::ProcessLeftRunning,
            vec![session.terminal_id.to_string(), operation.tool_call_id.to_string()],
            Some(session.execution.started_seq),
            format!("no exit was seen of: {command}"),
        ))
    };
    graph.terminal_sessions.values().filter_map(finding).collect()
}
