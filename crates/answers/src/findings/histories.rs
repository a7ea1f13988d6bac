//! What became of conversations between two requests, and what a provider's cache made of it.

use rollout_trace_model::InferenceCall;

use super::{Finding, FindingCode, More};
use crate::{
    CacheVerdict, Cause, Certainty, PrefixCause, Rollout, context_diff::Outcome, usage::signed, words::grouped,
};

/// How many lost tokens are worth telling.
const LOST_TOKENS: u64 = 1000;

pub(super) fn findings(rollout: &Rollout<'_>) -> Vec<Finding> {
    let pairs = rollout.calls().iter().filter_map(|first| {
        let second = rollout.index().sound_next(rollout.facts(), first)?;
        Some((*first, second))
    });
    pairs.flat_map(|(first, second)| of_pair(rollout, first, second)).collect()
}

fn of_pair(rollout: &Rollout<'_>, first: &InferenceCall, second: &InferenceCall) -> Vec<Finding> {
    let Some(outcome) = Outcome::between(rollout, first, second) else { return Vec::new() };
    let Outcome { prefix, cache, rebuilt_unrecorded } = outcome;
    let name = rollout.call_name(&second.inference_call_id);
    let finding = |code, certainty, note, more| {
        let ids = vec![first.inference_call_id.to_string(), second.inference_call_id.to_string()];
        Finding { certainty, more, ..Finding::new(code, ids, Some(second.execution.started_seq), note) }
    };
    let mut findings = Vec::new();
    let is_compaction = prefix.cause == Some(PrefixCause::Item(Cause::Compaction));
    if !prefix.whole && prefix.lost_tokens_estimate >= LOST_TOKENS && !is_compaction {
        let is_guess = matches!(prefix.cause, Some(PrefixCause::Item(Cause::Unrecorded | Cause::Rebuilt)));
        let certainty = if is_guess { Certainty::Inferred } else { Certainty::Recorded };
        let lost = grouped(prefix.lost_tokens_estimate);
        let note = format!("{name} does not begin with the request before: ~{lost} tokens are lost to the cache");
        let more = More {
            cause: prefix.cause,
            broken_at: prefix.broken_at.clone(),
            verdict: Some(cache.verdict),
            ..More::default()
        };
        findings.push(finding(FindingCode::CacheBreak, certainty, note, more));
    }
    if prefix.whole && cache.verdict == CacheVerdict::Missed {
        let number = |tokens: Option<i64>| tokens.map_or("?".to_owned(), signed);
        let (cached, previous) = (number(cache.cached_input_tokens), number(cache.previous_input_tokens));
        let note = format!("{name} begins with the request before, but {cached} of its {previous} tokens were cached");
        findings.push(finding(FindingCode::CacheMiss, Certainty::Recorded, note, More::default()));
    }
    if rebuilt_unrecorded {
        let note = format!("the history of {name} was rebuilt, and no event says why");
        findings.push(finding(FindingCode::HistoryRebuilt, Certainty::Inferred, note, More::default()));
    }
    findings
}
