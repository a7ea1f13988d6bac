//! What changed from each request to the next.

use rollout_trace::answers::{Changes as Answer, ContextDiff};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    columns::{Deltas, Words, WordsBuilder},
    view::{View, rows},
};

/// What changed from the request before to each request, as the rule above a request says it. The row is the number of the
/// request; `null` where nothing can be compared. The whole answer is that of `context-diff`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct RequestChanges {
    /// How many items are the same.
    pub kept: Deltas,
    /// How many were added.
    pub added: Deltas,
    /// How many were dropped.
    pub dropped: Deltas,
    /// How many were rewritten.
    pub rewritten: Deltas,
    /// How many were moved.
    pub moved: Deltas,
    /// How many a compaction copied.
    pub copied: Deltas,
    /// The rows that repeat the request before, which failed.
    pub retry: Deltas,
    /// The rows whose history was rebuilt by something that nobody recorded.
    pub rebuilt_unrecorded: Deltas,
    /// Why a request does not begin with the one before; `null` if it does.
    pub prefix_cause: Words,
    /// The estimated tokens with which both begin.
    pub prefix_tokens: Deltas,
    /// The estimated tokens of the rest of the request before.
    pub lost_tokens: Deltas,
    /// What the provider's cache did, in a word.
    pub cache: Words,
    /// How many milliseconds were between the end of the request before and the start of this one.
    pub idle_ms: Deltas,
}

impl RequestChanges {
    pub(crate) fn of(view: &View<'_, '_>) -> Self {
        let answers: Vec<_> =
            view.rollout.calls().iter().map(|call| ContextDiff::of(view.rollout, call).changes).collect();
        let mut table = Self::default();
        let (mut cause, mut cache) = (WordsBuilder::default(), WordsBuilder::default());
        for changes in &answers {
            let changes = changes.as_ref();
            let count = |count: fn(&Answer) -> usize| changes.map(|changes| count(changes) as i64);
            table.kept.push(count(|changes| changes.counts.kept));
            table.added.push(count(|changes| changes.counts.added));
            table.dropped.push(count(|changes| changes.counts.dropped));
            table.rewritten.push(count(|changes| changes.counts.rewritten));
            table.moved.push(count(|changes| changes.counts.moved));
            table.copied.push(count(|changes| changes.counts.copied));
            cause.push(changes.and_then(|changes| changes.prefix.cause).map(|cause| word(&cause)).as_deref());
            table.prefix_tokens.push(changes.map(|changes| changes.prefix.tokens_estimate as i64));
            table.lost_tokens.push(changes.map(|changes| changes.prefix.lost_tokens_estimate as i64));
            cache.push(changes.map(|changes| word(&changes.cache.verdict)).as_deref());
            table.idle_ms.push(changes.and_then(|changes| changes.cache.idle_ms).map(|ms| ms as i64));
        }
        let holds =
            |holds: fn(&Answer) -> bool| rows(answers.iter().map(|changes| changes.as_ref().is_some_and(holds)));
        Self {
            retry: holds(|changes| changes.retry),
            rebuilt_unrecorded: holds(|changes| changes.rebuilt_unrecorded),
            prefix_cause: cause.finish(),
            cache: cache.finish(),
            ..table
        }
    }
}

/// Returns the word that an answer has for a value.
fn word(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}
