//! What changed from one request to another, why, and what that did to the provider's cache.
//!
//! Source: questions, section 4.

mod cache;
mod pairing;
mod prefix;
mod rows;
mod text;

use std::collections::BTreeSet;

use rollout_trace_model::{
    Anchor, InferenceCall, ItemKind, ThreadOrigin,
    map::{HashMap, HashSet},
};
use rollout_trace_schema::{CompactionId, ExecutionStatus, InferenceCallId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{RequestFacts, Usage, index::answered_in, members::Members, rollout::Rollout};

pub use cache::{Cache, CacheVerdict};
pub use prefix::{BrokenAt, PartChange, Prefix, PrefixCause, PrefixSection};
pub use rows::{Cause, Change, Counts, Row};

/// What changed from one request to another, why, and what that did to the provider's cache.
///
/// That a break caused a miss is not claimed: both are shown.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ContextDiff {
    /// `context-diff`.
    pub question: &'static str,
    /// The call with which it is compared.
    pub before: Option<InferenceCallId>,
    /// The call that was asked about.
    pub after: InferenceCallId,
    /// How the two are related.
    pub relation: Relation,
    /// Whether both requests are readable. If not, nothing but the usage is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readable: Option<bool>,
    /// What changed, if both requests are readable.
    #[serde(flatten)]
    pub changes: Option<Changes>,
    /// What the provider reported about both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usages>,
    /// The names of both calls and of the agent, for the text form.
    #[serde(skip)]
    pub(crate) names: [String; 3],
}

/// How two calls are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// There is no call to compare with.
    FirstCall,
    /// They belong to two threads.
    OtherThread,
    /// The second one is the very next call of the thread.
    NextCall,
    /// The call to compare with began later.
    LaterCall,
    /// The call to compare with began earlier, with others between.
    EarlierCall,
}

/// What changed between two readable requests.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Changes {
    /// Whether the second call repeats the first one, which failed.
    pub retry: bool,
    /// The models.
    pub model: ModelChange,
    /// The instructions.
    pub instructions: Changed,
    /// The tools.
    pub tools: ToolChange,
    /// The names of the settings that changed, sorted, and then `prompt_cache_key` if it changed.
    pub settings_changed: Vec<String>,
    /// The compactions between the two.
    pub compactions: Vec<CompactionId>,
    /// The items that are not the same, in the order of the second request, then those that it lacks.
    pub items: Vec<Row>,
    /// How many items changed in which way.
    pub counts: Counts,
    /// Whether the history was rebuilt by something that nobody recorded.
    pub rebuilt_unrecorded: bool,
    /// How much of the first request the second one begins with.
    pub prefix: Prefix,
    /// What the provider's cache did.
    pub cache: Cache,
    /// The items in a few words, for the text form.
    #[serde(skip)]
    pub(crate) words: HashMap<u32, String>,
}

/// The models of two calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelChange {
    /// The model of the first call.
    pub before: String,
    /// The model of the second call.
    pub after: String,
    /// Whether the model or its provider changed.
    pub changed: bool,
}

/// Whether something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changed {
    /// Whether it changed.
    pub changed: bool,
}

/// The tools of two requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToolChange {
    /// Whether anything changed.
    pub changed: bool,
    /// The names that only the second request has, in its order.
    pub added: Vec<String>,
    /// The names that only the first request has, in its order.
    pub removed: Vec<String>,
    /// The names with another definition.
    pub rewritten: Vec<String>,
    /// Whether the names that both have are in another order.
    pub reordered: bool,
}

/// What the provider reported about two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usages {
    /// About the first one.
    pub before: Usage,
    /// About the second one.
    pub after: Usage,
    /// How many input tokens more the second one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens_delta: Option<i64>,
    /// How many estimated tokens more the second one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens_estimate_delta: Option<i64>,
}

impl ContextDiff {
    /// Answers what changed from the call before to this one. The call before the first one of a spawned agent is the
    /// one that asked for the agent.
    pub fn of(rollout: &Rollout<'_>, after: &InferenceCall) -> Self {
        let index = rollout.index();
        let is_first = index.place(after) == 0;
        let before = index.call_before(after);
        match before.or_else(|| spawning_call(rollout, after).filter(|_| is_first)) {
            Some(before) => Self::between(rollout, before, after),
            None => Self {
                question: "context-diff",
                before: None,
                after: after.inference_call_id.clone(),
                relation: Relation::FirstCall,
                readable: None,
                changes: None,
                usage: None,
                names: names(rollout, None, after),
            },
        }
    }

    /// Answers what changed from one call to another.
    pub fn between(rollout: &Rollout<'_>, before: &InferenceCall, after: &InferenceCall) -> Self {
        let usages = usages(rollout, before, after);
        let pair = Pair::of(rollout, before, after);
        Self {
            question: "context-diff",
            before: Some(before.inference_call_id.clone()),
            after: after.inference_call_id.clone(),
            relation: relation(rollout, before, after),
            readable: Some(pair.is_some()),
            changes: pair.map(|pair| pair.changes(&usages)),
            usage: Some(usages),
            names: names(rollout, Some(before), after),
        }
    }
}

fn names(rollout: &Rollout<'_>, before: Option<&InferenceCall>, after: &InferenceCall) -> [String; 3] {
    let name = |call: &InferenceCall| rollout.call_name(&call.inference_call_id);
    [before.map_or_else(String::new, name), name(after), rollout.agent(&after.thread_id).to_owned()]
}

/// Returns the call whose answer asked for the agent of a call.
fn spawning_call<'g>(rollout: &Rollout<'g>, call: &InferenceCall) -> Option<&'g InferenceCall> {
    let graph = rollout.graph();
    let ThreadOrigin::Spawned { spawn_edge_id, .. } = &graph.threads.get(&call.thread_id)?.origin else { return None };
    let Anchor::ToolCall { tool_call_id } = &graph.interaction_edges.get(spawn_edge_id)?.source else { return None };
    let items = &graph.tool_calls.get(tool_call_id)?.model_visible_call_item_ids;
    items.iter().find_map(|item| answered_in(graph, graph.conversation_items.get(item)?))
}

fn relation(rollout: &Rollout<'_>, before: &InferenceCall, after: &InferenceCall) -> Relation {
    let index = rollout.index();
    let (first, second) = (index.place(before), index.place(after));
    match () {
        () if before.thread_id != after.thread_id => Relation::OtherThread,
        () if first + 1 == second => Relation::NextCall,
        () if first >= second => Relation::LaterCall,
        () => Relation::EarlierCall,
    }
}

fn usages(rollout: &Rollout<'_>, before: &InferenceCall, after: &InferenceCall) -> Usages {
    let (before, after) = (Usage::of(rollout, before), Usage::of(rollout, after));
    let both = before.reported.zip(after.reported);
    let estimates = before.input_tokens_estimate.zip(after.input_tokens_estimate).filter(|_| both.is_some());
    Usages {
        before,
        after,
        input_tokens_delta: both.map(|(before, after)| after.input_tokens.saturating_sub(before.input_tokens)),
        input_tokens_estimate_delta: estimates
            .map(|(before, after)| after.cast_signed().saturating_sub(before.cast_signed())),
    }
}

/// Returns whether the second call repeats the first one, which failed.
///
/// Source: questions, section 4.
pub(crate) fn is_retry(rollout: &Rollout<'_>, before: &InferenceCall, after: &InferenceCall) -> bool {
    use ExecutionStatus::{Aborted, Cancelled, Failed};
    relation(rollout, before, after) == Relation::NextCall
        && matches!(before.execution.status, Failed | Cancelled | Aborted)
        && before.codex_turn_id == after.codex_turn_id
        && {
            let same = before.request_item_ids.common_prefix(&after.request_item_ids);
            let rest: HashSet<_> = after.request_item_ids.skip(same).collect();
            let answered: HashSet<_> = before.response_item_ids.iter().copied().collect();
            let carried = Members::of(&before.request_item_ids);
            before.request_item_ids.skip(same).all(|item| rest.contains(&item))
                && rest.iter().all(|item| answered.contains(item) || carried.contain(*item))
        }
}

/// Two calls with readable requests.
pub(crate) struct Pair<'r, 'a> {
    pub(crate) rollout: &'r Rollout<'a>,
    pub(crate) before: &'r InferenceCall,
    pub(crate) after: &'r InferenceCall,
    pub(crate) request_before: &'r RequestFacts,
    pub(crate) request_after: &'r RequestFacts,
    pub(crate) relation: Relation,
}

/// What became of the conversation from one call to another, and of the provider's cache.
pub(crate) struct Outcome {
    pub(crate) prefix: Prefix,
    pub(crate) cache: Cache,
    pub(crate) rebuilt_unrecorded: bool,
}

impl Outcome {
    /// Compares two calls. Returns `None` if one of the requests is not readable.
    pub(crate) fn between(rollout: &Rollout<'_>, before: &InferenceCall, after: &InferenceCall) -> Option<Self> {
        let pair = Pair::of(rollout, before, after)?;
        // Of a request that only adds to the one before, no row is asked for.
        let is_plain = is_continued(before, after) && after.request_item_ids.is_distinct();
        let between = rollout.index().compactions_between(before, after);
        let rows = if is_plain { Vec::new() } else { rows::rows(&pair, between).0 };
        Some(pair.outcome(&usages(rollout, before, after), &rows))
    }
}

impl<'r, 'a> Pair<'r, 'a> {
    /// Pairs two calls. Returns `None` if one of the requests is not readable.
    fn of(rollout: &'r Rollout<'a>, before: &'r InferenceCall, after: &'r InferenceCall) -> Option<Self> {
        let request_before = rollout.facts().request(&before.inference_call_id)?;
        let request_after = rollout.facts().request(&after.inference_call_id)?;
        let relation = relation(rollout, before, after);
        Some(Self { rollout, before, after, request_before, request_after, relation })
    }

    fn outcome(&self, usages: &Usages, rows: &[Row]) -> Outcome {
        let between = self.rollout.index().compactions_between(self.before, self.after);
        let prefix = prefix::prefix(self, rows, !between.is_empty());
        Outcome {
            cache: cache::cache(self, usages, &prefix),
            rebuilt_unrecorded: self.relation != Relation::OtherThread
                && between.is_empty()
                && rows.iter().any(|row| self.is_unrecorded(row)),
            prefix,
        }
    }

    fn changes(&self, usages: &Usages) -> Changes {
        let between = self.rollout.index().compactions_between(self.before, self.after);
        let (items, counts) = rows::rows(self, between);
        let Outcome { prefix, cache, rebuilt_unrecorded } = self.outcome(usages, &items);
        Changes {
            retry: is_retry(self.rollout, self.before, self.after),
            model: ModelChange {
                before: self.before.model.clone(),
                after: self.after.model.clone(),
                changed: self.model_changed(),
            },
            instructions: Changed { changed: self.request_before.instructions != self.request_after.instructions },
            tools: self.tools(),
            settings_changed: self.settings_changed(),
            compactions: between.iter().map(|compaction| compaction.compaction_id.clone()).collect(),
            cache,
            words: text::words(self.rollout, &items, &prefix),
            items,
            counts,
            rebuilt_unrecorded,
            prefix,
        }
    }

    /// Returns whether a row shows that something unrecorded rebuilt the history.
    fn is_unrecorded(&self, row: &Row) -> bool {
        match row.cause {
            Cause::Unrecorded | Cause::Rebuilt => true,
            Cause::AnswerNotKept => {
                let item = self.rollout.graph().conversation_items.get(&row.item_id);
                self.before.execution.status == ExecutionStatus::Completed
                    && item.is_some_and(|item| item.kind != ItemKind::Reasoning)
            }
            _ => false,
        }
    }

    pub(crate) fn model_changed(&self) -> bool {
        self.before.model != self.after.model || self.before.provider_name != self.after.provider_name
    }

    fn tools(&self) -> ToolChange {
        let facts = self.rollout.facts();
        let (before, after) = (&self.request_before.tools, &self.request_after.tools);
        let name = |id: &crate::DefinitionId| facts.definition(*id).name.clone();
        let of = |ids: &[crate::DefinitionId]| ids.iter().map(|id| (name(id), *id)).collect::<HashMap<_, _>>();
        let (by_name_before, by_name_after) = (of(before), of(after));
        let names = |ids: &[crate::DefinitionId], keep: &dyn Fn(&String) -> bool| {
            let mut seen = BTreeSet::new();
            ids.iter().map(name).filter(|name| keep(name) && seen.insert(name.clone())).collect::<Vec<_>>()
        };
        let common_before = names(before, &|name| by_name_after.contains_key(name));
        let common_after = names(after, &|name| by_name_before.contains_key(name));
        ToolChange {
            changed: before != after,
            added: names(after, &|name| !by_name_before.contains_key(name)),
            removed: names(before, &|name| !by_name_after.contains_key(name)),
            rewritten: names(after, &|name| by_name_before.get(name).is_some_and(|id| *id != by_name_after[name])),
            reordered: common_before != common_after,
        }
    }

    fn settings_changed(&self) -> Vec<String> {
        let of = |request: &RequestFacts| {
            request.settings.iter().map(|(name, value)| (name.to_string(), value.clone())).collect::<HashMap<_, _>>()
        };
        let (before, after) = (of(self.request_before), of(self.request_after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
        let mut changed: Vec<_> = changed.cloned().collect();
        if self.request_before.cache_key != self.request_after.cache_key {
            changed.push("prompt_cache_key".to_owned());
        }
        changed
    }
}

/// Returns whether something that was not recorded rebuilt the history between two calls. Both requests must be readable.
pub(crate) fn rebuilt_unrecorded(rollout: &Rollout<'_>, before: &InferenceCall, after: &InferenceCall) -> bool {
    if is_continued(before, after) {
        return false;
    }
    // Several answers ask the same about the same calls.
    let number = rollout.call_number(&after.inference_call_id);
    let known = rollout.rebuilt.borrow().get(&number).copied();
    known.unwrap_or_else(|| {
        let is_rebuilt = Outcome::between(rollout, before, after).is_some_and(|outcome| outcome.rebuilt_unrecorded);
        rollout.rebuilt.borrow_mut().insert(number, is_rebuilt);
        is_rebuilt
    })
}

/// Returns whether a request begins with the one before and its answer, as nearly all do. Such a request hides nothing.
fn is_continued(before: &InferenceCall, after: &InferenceCall) -> bool {
    let sent = &before.request_item_ids;
    sent.common_prefix(&after.request_item_ids) == sent.len()
        && after
            .request_item_ids
            .skip(sent.len())
            .take(before.response_item_ids.len())
            .eq(before.response_item_ids.iter().copied())
}
