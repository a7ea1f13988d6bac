//! Turns and requests that failed, and requests that were too large.

use std::{cmp::Reverse, collections::BTreeMap};

use rollout_trace_model::{CodexTurn, ConversationItem, InferenceCall, ItemId, ItemRuns, ProducerRef, map::HashMap};
use rollout_trace_schema::{CodexTurnId, ExecutionStatus, ThreadId};

use super::{Finding, FindingCode, More};
use crate::{
    Rollout, Usage,
    context::window_tokens,
    context_diff::is_retry,
    index::is_output,
    item_words::{beginning, item_words},
    origin::producers,
    usage::signed,
    words::grouped,
};

/// How many failed attempts in a row are worth telling.
const STORM: usize = 3;
/// The size from which an output counts as large.
const LARGE_TOKENS: u64 = 4000;
/// How many calls whose usage does not fit are named.
const NAMED: usize = 3;

pub(super) fn findings(rollout: &Rollout<'_>) -> Vec<Finding> {
    let mut findings = turns(rollout);
    findings.extend(retry_storms(rollout));
    findings.extend(full_contexts(rollout));
    findings.extend(large_items(rollout));
    findings.extend(usages(rollout));
    findings
}

fn has_failed(call: &InferenceCall) -> bool {
    call.execution.status == ExecutionStatus::Failed
}

fn reason(call: Option<&InferenceCall>) -> String {
    let error = call.and_then(|call| call.error.as_deref().or(call.cancel_reason.as_deref()));
    error.map_or("for an unknown reason".to_owned(), beginning)
}

fn turns(rollout: &Rollout<'_>) -> Vec<Finding> {
    let mut last: HashMap<&CodexTurnId, &InferenceCall> = HashMap::default();
    for call in rollout.calls() {
        last.extend(call.codex_turn_id.as_ref().map(|turn| (turn, *call)));
    }
    let finding = |turn: &CodexTurn| {
        let call = last.get(&turn.codex_turn_id).copied();
        let agent = rollout.agent(&turn.thread_id);
        let ids = std::iter::once(turn.codex_turn_id.to_string());
        let ids = ids.chain(call.map(|call| call.inference_call_id.to_string())).collect();
        match turn.execution.status {
            ExecutionStatus::Failed => {
                let note = format!("a turn of {agent} failed: {}", reason(call.filter(|call| has_failed(call))));
                Some(Finding::new(FindingCode::TurnFailed, ids, turn.execution.ended_seq, note))
            }
            ExecutionStatus::Completed => {
                let call = call.filter(|call| has_failed(call))?;
                let note = format!(
                    "a turn of {agent} counts as completed, but its last request failed: {}",
                    reason(Some(call))
                );
                Some(Finding::new(FindingCode::TurnWithoutAnswer, ids, call.execution.ended_seq, note))
            }
            _ => None,
        }
    };
    rollout.graph().codex_turns.values().filter_map(finding).collect()
}

fn retry_storms(rollout: &Rollout<'_>) -> Vec<Finding> {
    let is_readable = |call: &InferenceCall| rollout.facts().request(&call.inference_call_id).is_some();
    let mut findings = Vec::new();
    for thread in rollout.graph().threads.keys() {
        let calls = rollout.index().calls_of(thread);
        let repeats = |first: &&InferenceCall, second: &&InferenceCall| {
            has_failed(first)
                && has_failed(second)
                && is_readable(first)
                && is_readable(second)
                && is_retry(rollout, first, second)
        };
        for attempts in calls.chunk_by(repeats).filter(|attempts| attempts.len() >= STORM && has_failed(attempts[0])) {
            let ids = attempts.iter().map(|call| call.inference_call_id.to_string()).collect();
            let (count, agent) = (attempts.len(), rollout.agent(thread));
            let note =
                format!("{count} attempts at one request failed in {agent}: {}", reason(attempts.last().copied()));
            findings.push(Finding::new(FindingCode::RetryStorm, ids, Some(attempts[0].execution.started_seq), note));
        }
    }
    findings
}

fn full_contexts(rollout: &Rollout<'_>) -> Vec<Finding> {
    rollout.graph().threads.keys().filter_map(|thread| full_context(rollout, thread)).collect()
}

/// Returns the first request of a thread that nearly filled the window, without anything that made room after it.
fn full_context(rollout: &Rollout<'_>, thread: &ThreadId) -> Option<Finding> {
    let has_ended = rollout.graph().status != ExecutionStatus::Running;
    let calls = rollout.index().calls_of(thread);
    let compacted = rollout.index().compactions_of(thread).last().map(|compaction| compaction.installed_seq);
    let input = |call: &InferenceCall| call.usage.map(|usage| usage.input_tokens);
    calls.iter().enumerate().find_map(|(place, call)| {
        let (tokens, window) = (input(call)?, window_tokens(rollout, call)?);
        let is_full = |tokens: i64| i128::from(tokens) * 10 >= i128::from(window) * 9;
        let stays_full = match calls.get(place + 1) {
            Some(next) => input(next).is_some_and(is_full),
            None => has_ended,
        };
        if !is_full(tokens) || !stays_full || compacted > Some(call.execution.started_seq) {
            return None;
        }
        let name = rollout.call_name(&call.inference_call_id);
        let note =
            format!("{name} sent {} of {} tokens, and nothing made room after it", signed(tokens), signed(window));
        let ids = vec![call.inference_call_id.to_string()];
        let more = More { input_tokens: Some(tokens), window_tokens: Some(window), ..More::default() };
        let seq = Some(call.execution.started_seq);
        Some(Finding { more, ..Finding::new(FindingCode::ContextNearlyFull, ids, seq, note) })
    })
}

/// An output of which a large part of all context consists.
struct Large<'g> {
    item: &'g ConversationItem,
    tokens: u64,
    /// How often requests carried it.
    times: u64,
}

/// Returns the outputs that are large and were carried often. The rent is that of section 5 of questions.
fn large_items(rollout: &Rollout<'_>) -> Vec<Finding> {
    let graph = rollout.graph();
    let large =
        |item: &&ConversationItem| is_output(&item.kind) && rollout.sizes(item.item_id).tokens_estimate >= LARGE_TOKENS;
    let outputs: Vec<_> = graph.conversation_items.values().filter(large).collect();
    if outputs.is_empty() {
        return Vec::new();
    }
    let readable = |call: &&&InferenceCall| rollout.facts().request(&call.inference_call_id).is_some();
    let requests: Vec<_> = rollout.calls().iter().filter(readable).collect();
    let all: u64 = requests.iter().filter_map(|call| rollout.context_tokens(call)).sum();
    let carried = carried(requests.iter().map(|call| &call.request_item_ids));
    let found = outputs.into_iter().filter_map(|item| {
        let tokens = rollout.sizes(item.item_id).tokens_estimate;
        let times = carried.range(..=item.item_id).next_back().map_or(0, |(_, times)| *times);
        let is_large = tokens.saturating_mul(times).saturating_mul(5) >= all;
        is_large.then_some(Large { item, tokens, times })
    });
    let mut found: Vec<_> = found.filter(|large| large.times > 0).collect();
    found.sort_by_key(|large| (Reverse(large.tokens * large.times), large.item.item_id.to_string()));
    let finding = |large: Large<'_>| {
        let Large { item, tokens, times } = large;
        let rent = tokens * times;
        let requests = requests.iter().filter(|call| call.request_item_ids.contains(item.item_id)).count();
        let tools = producers(graph, item).filter_map(|producer| match producer {
            ProducerRef::Tool { tool_call_id } => Some(tool_call_id.to_string()),
            _ => None,
        });
        let ids = std::iter::once(item.item_id.to_string()).chain(tools).collect();
        let words = item_words(rollout, item.item_id);
        let (size, share) = (grouped(tokens), rent as f64 * 100.0 / all as f64);
        let note = format!("{words}: ~{size} tokens in {requests} requests are {share:.0} % of all context");
        let more = More { tokens_estimate: Some(tokens), rent_tokens_estimate: Some(rent), ..More::default() };
        let seq = item.shown.as_ref().map(|shown| shown.seq);
        Finding { more, ..Finding::new(FindingCode::LargeItem, ids, seq, note) }
    };
    found.into_iter().map(finding).collect()
}

/// Returns how often these lists have each item: a count holds up to the next item that is in the map.
fn carried<'g>(lists: impl Iterator<Item = &'g ItemRuns>) -> BTreeMap<ItemId, u64> {
    let mut changes: BTreeMap<u64, i64> = BTreeMap::new();
    for run in lists.flat_map(ItemRuns::runs) {
        *changes.entry(u64::from(run.first.0)).or_default() += 1;
        *changes.entry(u64::from(run.first.0) + u64::from(run.count)).or_default() -= 1;
    }
    let mut count = 0;
    let counts = changes.into_iter().filter_map(|(item, change)| {
        count += change;
        Some((ItemId(u32::try_from(item).ok()?), count.unsigned_abs()))
    });
    counts.collect()
}

fn usages(rollout: &Rollout<'_>) -> Option<Finding> {
    let unfit = |call: &&&InferenceCall| Usage::of(rollout, call).fits == Some(false);
    let calls: Vec<_> = rollout.calls().iter().filter(unfit).collect();
    let first = calls.first()?;
    let ids = calls.iter().take(NAMED).map(|call| call.inference_call_id.to_string()).collect();
    let of = rollout.calls().len();
    let note = format!(
        "the usage of {} of {of} requests is not that of their text: costs and cache shares mean little",
        calls.len()
    );
    let more = More { calls: Some(calls.len()), ..More::default() };
    Some(Finding { more, ..Finding::new(FindingCode::UsageDoesNotFit, ids, Some(first.execution.started_seq), note) })
}
