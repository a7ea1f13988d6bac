//! Tool calls that failed, were repeated, or could not be made.

use std::collections::BTreeSet;

use rollout_trace_model::{ItemId, Requester, ToolCall, map::HashMap};
use rollout_trace_schema::{CodexTurnId, ExecutionStatus, ThreadId, ToolKind};

use super::{Finding, FindingCode, More, damage::Damage, offers};
use crate::{Certainty, Rollout, item_words::beginning, meaning::Meaning, stats::is_public_exec, tool_name};

/// How many calls in a row are worth telling.
const STREAK: usize = 3;

pub(super) fn findings(rollout: &Rollout<'_>, damage: &Damage) -> Vec<Finding> {
    let mut by_thread: HashMap<&ThreadId, Vec<&ToolCall>> = HashMap::default();
    for call in rollout.graph().tool_calls.values() {
        by_thread.entry(&call.thread_id).or_default().push(call);
    }
    let mut findings = offers::not_offered(rollout);
    for (thread, mut calls) in by_thread {
        // The map is ordered by id, which remains the order of those with one seq.
        calls.sort_by_key(|call| call.execution.started_seq);
        findings.extend(error_streaks(rollout, thread, &calls));
        findings.extend(repeated(rollout, &calls));
    }
    let seq = |id: Option<&String>| Some(rollout.graph().tool_calls.get(id?.as_str())?.execution.started_seq);
    findings.retain(|finding| {
        let ends = seq(finding.ids.first()).zip(seq(finding.ids.last()));
        finding.code == FindingCode::ToolNotOffered || ends.is_none_or(|(first, last)| !damage.is_between(first, last))
    });
    findings
}

/// Returns whether a call only looks at what another one began.
fn is_poll(call: &ToolCall) -> bool {
    let is_wait = |name: &str| matches!(name, "wait" | "wait_agent");
    matches!(&call.kind, ToolKind::WriteStdin | ToolKind::WaitAgent)
        || matches!(&call.kind, ToolKind::Other { name } if is_wait(name))
}

fn is_skipped(call: &ToolCall) -> bool {
    is_poll(call) || is_public_exec(call)
}

fn has_failed(rollout: &Rollout<'_>, call: &ToolCall) -> bool {
    let operation = call.terminal_operation_id.and_then(|id| rollout.graph().terminal_operations.get(&id));
    let exit_code = operation.and_then(|operation| operation.result.as_ref()?.exit_code);
    call.execution.status == ExecutionStatus::Failed || exit_code.is_some_and(|code| code != 0)
}

fn ids(calls: &[&ToolCall]) -> Vec<String> {
    calls.iter().map(|call| call.tool_call_id.to_string()).collect()
}

fn error_streaks(rollout: &Rollout<'_>, thread: &ThreadId, calls: &[&ToolCall]) -> Vec<Finding> {
    let calls: Vec<&ToolCall> = calls.iter().copied().filter(|call| !is_skipped(call)).collect();
    let runs = calls.chunk_by(|left, right| has_failed(rollout, left) == has_failed(rollout, right));
    let streaks = runs.filter(|run| run.len() >= STREAK && has_failed(rollout, run[0]));
    let finding = |run: &[&ToolCall]| {
        let names: BTreeSet<_> = run.iter().map(|call| tool_name(&call.kind)).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let note = format!("{} calls in a row failed in {}: {names}", run.len(), rollout.agent(thread));
        Finding::new(FindingCode::ErrorStreak, ids(run), Some(run[0].execution.started_seq), note)
    };
    streaks.map(finding).collect()
}

/// The calls among which repetitions are looked for: those of one turn, between two completed patches.
type Scope<'a> = (Option<&'a CodexTurnId>, usize);

fn repeated(rollout: &Rollout<'_>, calls: &[&ToolCall]) -> Vec<Finding> {
    let items = &rollout.graph().conversation_items;
    let meaning = |id: &ItemId| items.get(id).map(|item| Meaning::of(rollout, item));
    let mut patches = 0;
    let mut scopes: HashMap<Scope<'_>, Vec<&ToolCall>> = HashMap::default();
    for call in calls {
        let has_outputs = !call.model_visible_output_item_ids.is_empty();
        if matches!(call.requester, Requester::Model) && has_outputs && !is_skipped(call) {
            scopes.entry((call.started_by_codex_turn_id.as_ref(), patches)).or_default().push(call);
        }
        let is_patch = call.kind == ToolKind::ApplyPatch && call.execution.status == ExecutionStatus::Completed;
        patches += usize::from(is_patch);
    }
    // Most turns have too few calls to repeat any so often.
    scopes.retain(|_, calls| calls.len() >= STREAK);
    let mut alike: HashMap<(Scope<'_>, Meaning), Vec<&ToolCall>> = HashMap::default();
    for (scope, calls) in scopes {
        for call in calls {
            if let Some(meaning) = call.model_visible_call_item_ids.first().and_then(meaning) {
                alike.entry((scope, meaning)).or_default().push(call);
            }
        }
    }
    let mut findings = Vec::new();
    // Outputs are compared only of calls that are repeated, which are few.
    for ((_, asked), calls) in alike.into_iter().filter(|(_, calls)| calls.len() >= STREAK) {
        let mut same: HashMap<Vec<Option<Meaning>>, Vec<&ToolCall>> = HashMap::default();
        for call in calls {
            let outputs = call.model_visible_output_item_ids.iter().map(meaning).collect();
            same.entry(outputs).or_default().push(call);
        }
        findings.extend(
            same.into_values().filter(|calls| calls.len() >= STREAK).map(|calls| repetition(rollout, &asked, &calls)),
        );
    }
    findings
}

fn repetition(rollout: &Rollout<'_>, asked: &Meaning, calls: &[&ToolCall]) -> Finding {
    let outputs = calls[1..].iter().flat_map(|call| &call.model_visible_output_item_ids);
    let tokens = outputs.map(|output| rollout.sizes(*output).tokens_estimate).sum();
    let (name, count) = (tool_name(&calls[0].kind), calls.len());
    let note = format!("{name} was called {count} times alike and gave the same each time: {}", beginning(&asked.text));
    let seq = Some(calls[1].execution.started_seq);
    Finding {
        certainty: Certainty::Matched,
        more: More { tokens_estimate: Some(tokens), ..More::default() },
        ..Finding::new(FindingCode::RepeatedCall, ids(calls), seq, note)
    }
}
