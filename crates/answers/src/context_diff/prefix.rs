//! How much of one request another begins with, as far as a provider's cache could tell.

use rollout_trace_model::ItemId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cause, Pair, Row};
use crate::{DefinitionId, rollout::Rollout};

/// How much of the first request the second one begins with, in the order model, tools, instructions, output format,
/// items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Prefix {
    /// Whether the second request begins with the whole first one.
    pub whole: bool,
    /// How many items are equal, from the first.
    pub equal_items: usize,
    /// The size of the parts before the first that differs.
    pub tokens_estimate: u64,
    /// The size of the rest of the first request.
    pub lost_tokens_estimate: u64,
    /// The first part that differs.
    pub broken_at: Option<BrokenAt>,
    /// Why it differs.
    pub cause: Option<PrefixCause>,
}

/// The first part of two requests that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BrokenAt {
    /// Its section.
    pub section: PrefixSection,
    /// Its place in the section, from 0.
    pub place: usize,
    /// The first byte at which the two parts at that place differ; 0 if one is missing.
    pub byte: usize,
    /// The name of the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The item of the first request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<ItemId>,
    /// The item of the second request in its place, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ItemId>")]
    pub now: Option<Option<ItemId>>,
}

/// A section in the order in which a provider's cache is taken to see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrefixSection {
    /// The model and its provider.
    Model,
    /// The tools.
    Tools,
    /// The instructions.
    Instructions,
    /// The format of the answer.
    OutputFormat,
    /// The items.
    Items,
}

/// Why a request does not begin with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PrefixCause {
    /// A part that is no item changed.
    Part(PartChange),
    /// An item changed.
    Item(Cause),
}

/// A change of a part that is no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartChange {
    /// The model or its provider.
    ModelChange,
    /// The tools.
    ToolListChange,
    /// The instructions.
    InstructionChange,
    /// The format of the answer.
    OutputFormatChange,
}

pub(super) fn prefix(pair: &Pair<'_, '_>, rows: &[Row], is_compacted: bool) -> Prefix {
    let found = find(pair);
    let cause = found.broken_at.as_ref().map(|broken| match broken.section {
        PrefixSection::Model => PrefixCause::Part(PartChange::ModelChange),
        PrefixSection::Tools => PrefixCause::Part(PartChange::ToolListChange),
        PrefixSection::Instructions => PrefixCause::Part(PartChange::InstructionChange),
        PrefixSection::OutputFormat => PrefixCause::Part(PartChange::OutputFormatChange),
        PrefixSection::Items => PrefixCause::Item(item_cause(broken, rows, is_compacted)),
    });
    let estimate = pair.rollout.context_tokens(pair.before).unwrap_or_default();
    Prefix {
        whole: found.broken_at.is_none(),
        equal_items: found.equal_items,
        tokens_estimate: found.tokens,
        lost_tokens_estimate: estimate.saturating_sub(found.tokens),
        broken_at: found.broken_at,
        cause,
    }
}

fn item_cause(broken: &BrokenAt, rows: &[Row], is_compacted: bool) -> Cause {
    if is_compacted {
        return Cause::Compaction;
    }
    let names = |item: Option<ItemId>| {
        let item = item?;
        rows.iter().find(|row| row.item_id == item || row.was_item_id == Some(item)).map(|row| row.cause)
    };
    names(broken.item_id).or_else(|| names(broken.now.flatten())).unwrap_or(Cause::Unrecorded)
}

/// What two requests have in common.
struct Common {
    tokens: u64,
    equal_items: usize,
    broken_at: Option<BrokenAt>,
}

fn find(pair: &Pair<'_, '_>) -> Common {
    let (facts, rollout) = (pair.rollout.facts(), pair.rollout);
    let (before, after) = (pair.request_before, pair.request_after);
    let broken = |section, place, byte| BrokenAt { section, place, byte, name: None, item_id: None, now: None };
    let stop = |tokens, broken_at| Common { tokens, equal_items: 0, broken_at: Some(broken_at) };
    let tokens = |id: &DefinitionId| facts.definition(*id).sizes.tokens_estimate;
    if pair.model_changed() {
        return stop(0, broken(PrefixSection::Model, 0, 0));
    }
    let same = before.tools.iter().zip(&after.tools).take_while(|(before, after)| before == after).count();
    let mut sum: u64 = before.tools[..same].iter().map(tokens).sum();
    let (old, new) = (before.tools.get(same), after.tools.get(same));
    if let Some(named) = old.or(new) {
        let name = Some(facts.definition(*named).name.clone());
        return stop(sum, BrokenAt { name, ..broken(PrefixSection::Tools, same, differing_byte(rollout, old, new)) });
    }
    for (section, old, new) in [
        (PrefixSection::Instructions, &before.instructions, &after.instructions),
        (PrefixSection::OutputFormat, &before.output_format, &after.output_format),
    ] {
        if old != new {
            return stop(sum, broken(section, 0, differing_byte(rollout, old.as_ref(), new.as_ref())));
        }
        sum += old.as_ref().map_or(0, tokens);
    }
    items(pair, sum)
}

fn items(pair: &Pair<'_, '_>, mut sum: u64) -> Common {
    let rollout = pair.rollout;
    let items = &rollout.graph().conversation_items;
    let (before, after) = (&pair.before.request_item_ids, &pair.after.request_item_ids);
    // Equal ids need no look at what they name.
    let same = before.common_prefix(after);
    let fingerprint = |item: ItemId| items.get(&item).map(|item| rollout.facts().fingerprint(item));
    sum += rollout.tokens_of_first(before, same);
    let mut new = after.skip(same);
    let mut equal_items = same;
    for item in before.skip(same) {
        let now = new.next();
        if now.is_some_and(|now| fingerprint(now) == fingerprint(item)) {
            sum += rollout.sizes(item).tokens_estimate;
            equal_items += 1;
            continue;
        }
        let whole = |item: ItemId| items.get(&item).map(|item| rollout.facts().whole_text(item));
        let byte = match (whole(item), now.and_then(whole)) {
            (Some(old), Some(new)) => common_bytes(&old, &new),
            _ => 0,
        };
        let broken = BrokenAt {
            section: PrefixSection::Items,
            place: equal_items,
            byte,
            name: None,
            item_id: Some(item),
            now: Some(now),
        };
        return Common { tokens: sum, equal_items, broken_at: Some(broken) };
    }
    Common { tokens: sum, equal_items, broken_at: None }
}

fn differing_byte(rollout: &Rollout<'_>, old: Option<&DefinitionId>, new: Option<&DefinitionId>) -> usize {
    let text = |id: &DefinitionId| &*rollout.facts().definition(*id).text;
    match (old, new) {
        (Some(old), Some(new)) => common_bytes(text(old), text(new)),
        _ => 0,
    }
}

fn common_bytes(left: &str, right: &str) -> usize {
    left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count()
}
