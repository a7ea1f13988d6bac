//! Fills the table of requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollout_trace::{
    answers::{Definition, Node, OriginClass},
    model::InferenceCall,
    schema::ThreadId,
};

use super::{Definitions, RequestLists, Requests};
use crate::{
    columns::{Deltas, WordsBuilder},
    live::Memory,
    view::{TimesBuilder, View, rows, seq},
};

pub(super) fn requests(view: &View<'_, '_>) -> Requests {
    let (rollout, facts) = (view.rollout, view.rollout.facts());
    let mut table = Requests::default();
    let (mut times, mut model) = (TimesBuilder::default(), WordsBuilder::default());
    let mut provider = WordsBuilder::default();
    let number = |call: &InferenceCall| view.number(&Node::Inference(call.inference_call_id.clone()));
    for (row, call) in view.things.requests.iter().enumerate() {
        table.id.push(call.inference_call_id.to_string());
        table.agent.push(view.agent(&call.thread_id));
        table.turn.push(view.turn(call.codex_turn_id.as_ref()));
        times.push(view, &call.execution);
        model.push(Some(&call.model));
        provider.push(Some(&call.provider_name));
        table.answer.push(call.response_item_ids.iter().map(|item| item.0));
        table.just_seen.push(rollout.just_seen(call).into_iter().map(|item| item.0));
        table.before.push(rollout.call_before(call).and_then(number));
        let request = facts.request(&call.inference_call_id);
        let place = |definition: &rollout_trace::answers::DefinitionId| definition.place() as u32;
        table.tools.push(request.iter().flat_map(|request| request.tools.iter().map(place)));
        let instructions = request.and_then(|request| request.instructions);
        table.instructions.push(instructions.map(|definition| i64::from(place(&definition))));
        let output_format = request.and_then(|request| request.output_format);
        table.output_format.push(output_format.map(|definition| i64::from(place(&definition))));
        let sections = rollout.section_tokens(call);
        let tokens = |at: usize| sections.map(|sections| sections[at].1 as i64);
        table.tools_tokens.push(tokens(0));
        table.instructions_tokens.push(tokens(1));
        table.output_format_tokens.push(tokens(2));
        table.items_tokens.push(tokens(3));
        table.window_tokens.push(rollout.window_tokens(call));
        let usage = call.usage;
        table.input_tokens.push(usage.map(|usage| usage.input_tokens));
        table.cached_input_tokens.push(usage.map(|usage| usage.cached_input_tokens));
        table.cache_write_input_tokens.push(usage.map(|usage| usage.cache_write_input_tokens));
        table.output_tokens.push(usage.map(|usage| usage.output_tokens));
        table.reasoning_output_tokens.push(usage.map(|usage| usage.reasoning_output_tokens));
        table.answer_seq.push(call.response_seq.map(seq));
        table.request_payload.push(call.raw_request_payload_id.as_ref());
        table.answer_payload.push(call.raw_response_payload_id.as_ref());
        table.error.extend(call.error.as_ref().map(|error| (row, error.clone())));
        table.cancel_reason.extend(call.cancel_reason.as_ref().map(|reason| (row, reason.clone())));
    }
    let calls = || view.things.requests.iter();
    Requests {
        times: times.finish(),
        model: model.finish(),
        provider: provider.finish(),
        items: lists(view),
        by_class: by_class(view),
        unreadable: rows(calls().map(|call| facts.request(&call.inference_call_id).is_none())),
        incremental: rows(
            calls().map(|call| facts.request(&call.inference_call_id).is_some_and(|request| request.is_incremental)),
        ),
        usage_does_not_fit: rows(calls().map(|call| rollout.usage(call).fits == Some(false))),
        answered: rows(calls().map(|call| facts.has_response(&call.inference_call_id))),
        ..table
    }
}

/// Writes each request as the continuation of the one before it in its thread.
fn lists(view: &View<'_, '_>) -> RequestLists {
    let mut lists = RequestLists::default();
    let mut last: HashMap<&ThreadId, &InferenceCall> = HashMap::new();
    let mut rows = view.things.requests.iter().peekable();
    for call in view.rollout.calls() {
        let items = &call.request_item_ids;
        let before = last.insert(&call.thread_id, call);
        if rows.next_if(|row| row.inference_call_id == call.inference_call_id).is_none() {
            continue;
        }
        let kept = before.map_or(0, |before| before.request_item_ids.common_prefix(items));
        let base = before.filter(|_| kept > 0);
        lists.base.push(base.and_then(|base| view.number(&Node::Inference(base.inference_call_id.clone()))));
        lists.kept.push(kept);
        lists.own.push(items.skip(kept).map(|item| item.0));
    }
    lists
}

/// Adds up the tokens of each request's items by the class of their origin, at a cost in proportion to the runs.
fn by_class(view: &View<'_, '_>) -> BTreeMap<&'static str, Deltas> {
    if let Some(memory) = view.memory() {
        return of_part_by_class(view, memory);
    }
    let items = &view.graph().conversation_items;
    let last = items.keys().next_back().map_or(0, |item| item.0 as usize);
    let mut before: BTreeMap<OriginClass, Vec<u64>> = BTreeMap::new();
    for item in items.keys() {
        let tokens = view.rollout.sizes(*item).tokens_estimate;
        let class = before.entry(view.rollout.origin(*item).class).or_insert_with(|| vec![0; last + 2]);
        class[item.0 as usize + 1] = tokens;
    }
    let mut columns = BTreeMap::new();
    for (class, mut tokens) in before {
        let mut sum = 0;
        for tokens in &mut tokens {
            sum += *tokens;
            *tokens = sum;
        }
        let of = |call: &InferenceCall| -> u64 {
            let at = |item: usize| tokens[item.min(last + 1)];
            let runs = call.request_item_ids.runs();
            runs.map(|run| at(run.first.0 as usize + run.count as usize) - at(run.first.0 as usize)).sum()
        };
        let column: Vec<_> = view.things.requests.iter().map(|call| of(call)).collect();
        if column.iter().any(|tokens| *tokens > 0) {
            columns.insert(class.as_str(), column.into_iter().map(|tokens| tokens as i64).collect());
        }
    }
    columns
}

/// Does the same for the requests of a part, at a cost in proportion to the items of each.
fn of_part_by_class(view: &View<'_, '_>, memory: &Memory) -> BTreeMap<&'static str, Deltas> {
    let sum = |call: &InferenceCall| {
        let mut sums: BTreeMap<OriginClass, u64> = BTreeMap::new();
        for item in call.request_item_ids.iter() {
            let new = view.graph().conversation_items.get(&item);
            let class = match new {
                Some(item) => Some(view.rollout.origin(item.item_id).class),
                None => memory.origin(item).map(|origin| origin.class),
            };
            let tokens = memory.tokens(item);
            *sums.entry(class.unwrap_or(OriginClass::Unknown)).or_default() += tokens;
        }
        sums
    };
    let sums: Vec<_> = view.things.requests.iter().map(|call| sum(call)).collect();
    let classes: BTreeSet<_> = sums.iter().flat_map(|sums| sums.keys().copied()).collect();
    let column = |class: OriginClass| sums.iter().map(|sums| sums.get(&class).map_or(0, |sum| *sum as i64)).collect();
    classes.into_iter().map(|class| (class.as_str(), column(class))).collect()
}

pub(super) fn definitions(view: &View<'_, '_>) -> Definitions {
    Definitions::of(view.rollout.facts().definitions())
}

impl Definitions {
    pub(crate) fn of(all: &[Definition]) -> Self {
        Self {
            name: all.iter().map(|definition| definition.name.clone()).collect(),
            bytes: all.iter().map(|definition| definition.sizes.bytes).collect(),
            tokens: all.iter().map(|definition| definition.sizes.tokens_estimate).collect(),
        }
    }
}
