//! Comparing two threads, call by call, up to their first divergence.

use std::collections::BTreeMap;

use rollout_trace_model::{
    AgentThread, ConversationItem, InferenceCall, ItemId, ItemKind, ProducerRef,
    map::{HashMap, HashSet},
};
use rollout_trace_schema::ExecutionStatus;

use super::{
    At, Block, Both, Divergence, DivergenceCause, Persons, Shorter, Side, SoftDifference, ThreadDiff,
    conditions::{Conditions, Given, difference},
    pairs::{Attempted, calls},
};
use crate::{OriginClass, Rollout, meaning::Meaning, tool_name};

/// Compares two threads.
pub(super) fn thread(rollouts: &Both<&Rollout<'_>>, threads: &Both<&AgentThread>, persons: Persons) -> ThreadDiff {
    let all = Both { a: calls(rollouts.a, threads.a), b: calls(rollouts.b, threads.b) };
    let mut comparison = Comparison {
        rollouts,
        persons,
        seen: Both { a: Seen::default(), b: Seen::default() },
        conditions: Conditions::default(),
        soft_differences: BTreeMap::new(),
    };
    let mut equal_calls = 0;
    let mut divergence = None;
    for (a, b) in all.a.iter().zip(&all.b) {
        divergence = comparison.pair(&Both { a, b });
        if divergence.is_some() {
            break;
        }
        equal_calls += 1;
    }
    if divergence.is_none() {
        divergence = ended(rollouts, threads, &all, equal_calls);
    }
    let count = |rollout: &Rollout<'_>, thread: &AgentThread| rollout.index().calls_of(&thread.thread_id).len();
    ThreadDiff {
        agent_path: rollouts.a.agent(&threads.a.thread_id).to_owned(),
        agent_path_b: rollouts.b.agent(&threads.b.thread_id).to_owned(),
        equal_calls,
        calls: [count(rollouts.a, threads.a), count(rollouts.b, threads.b)],
        soft_differences: comparison.soft_differences,
        conditions: comparison.conditions.into_found(),
        divergence,
    }
}

/// Returns the divergence of two threads of which one has further calls.
fn ended(
    rollouts: &Both<&Rollout<'_>>,
    threads: &Both<&AgentThread>,
    all: &Both<Vec<Attempted<'_>>>,
    equal_calls: usize,
) -> Option<Divergence> {
    let next = all.map(|calls| calls.get(equal_calls).map(|attempted| attempted.call));
    let (shorter, rollout, thread) = match (next.a, next.b) {
        (None, None) => return None,
        (None, _) => (Shorter::A, rollouts.a, threads.a),
        (_, _) => (Shorter::B, rollouts.b, threads.b),
    };
    let at = Both { a: next.a.map(|call| request(rollouts.a, call)), b: next.b.map(|call| request(rollouts.b, call)) };
    Some(Divergence {
        shorter: Some(shorter),
        thread_status: Some(thread.execution.status.clone()),
        rollout_status: Some(rollout.graph().status.clone()),
        ..divergence(DivergenceCause::Ended, Block::End, at)
    })
}

fn divergence(cause: DivergenceCause, block: Block, at: Both<Option<At>>) -> Divergence {
    Divergence {
        cause,
        block,
        at,
        a: None,
        b: None,
        tool: None,
        first_difference: None,
        same_request: None,
        shorter: None,
        thread_status: None,
        rollout_status: None,
    }
}

fn request(rollout: &Rollout<'_>, call: &InferenceCall) -> At {
    let payload = call.raw_request_payload_id.clone();
    let seq = Some(rollout.facts().naming(call.execution.started_seq, payload.as_ref()));
    let turn = call.codex_turn_id.as_ref().map(|turn| format!(", {}", rollout.turn_name(turn)));
    At {
        names: format!("{}{}", rollout.call_name(&call.inference_call_id), turn.unwrap_or_default()),
        inference_call_id: call.inference_call_id.clone(),
        call: rollout.call_number(&call.inference_call_id),
        turn: call.codex_turn_id.as_ref().and_then(|turn| rollout.turn_number(turn)),
        seq,
        payload_id: payload,
    }
}

fn response(rollout: &Rollout<'_>, call: &InferenceCall) -> At {
    let seq = call.response_seq.or(call.execution.ended_seq);
    At { seq, payload_id: call.raw_response_payload_id.clone(), ..request(rollout, call) }
}

/// The items that the calls of a thread carried or answered so far.
#[derive(Default)]
struct Seen<'a> {
    items: HashSet<ItemId>,
    last: Option<&'a InferenceCall>,
}

impl<'a> Seen<'a> {
    /// Returns the items of a request that are new, and remembers them and those of the answer.
    fn new_items(&mut self, rollout: &Rollout<'a>, call: &'a InferenceCall) -> Vec<&'a ConversationItem> {
        // What the call before carried is not gone through again.
        let same = self.last.map_or(0, |last| last.request_item_ids.common_prefix(&call.request_item_ids));
        let new = call.request_item_ids.skip(same).filter(|item| self.items.insert(*item));
        let new: Vec<_> = new.filter_map(|item| rollout.graph().conversation_items.get(&item)).collect();
        self.items.extend(&call.response_item_ids);
        self.last = Some(call);
        new
    }
}

/// The comparison of two threads so far.
struct Comparison<'r, 'a> {
    rollouts: &'r Both<&'r Rollout<'a>>,
    persons: Persons,
    seen: Both<Seen<'a>>,
    conditions: Conditions<'r>,
    soft_differences: BTreeMap<SoftDifference, usize>,
}

impl<'r, 'a> Comparison<'r, 'a> {
    /// Compares two calls, and returns on what they part.
    fn pair(&mut self, pair: &Both<&Attempted<'a>>) -> Option<Divergence> {
        let rollouts = self.rollouts;
        let calls = pair.map(|attempted| attempted.call);
        if pair.a.failed_before != pair.b.failed_before {
            self.note_soft(SoftDifference::Retries);
        }
        let at = Both { a: Some(request(rollouts.a, calls.a)), b: Some(request(rollouts.b, calls.b)) };
        let requests = Both {
            a: rollouts.a.facts().request(&calls.a.inference_call_id),
            b: rollouts.b.facts().request(&calls.b.inference_call_id),
        };
        let are_readable = requests.map(Option::is_some);
        let Some(requests) = requests.together() else {
            let side = |readable: bool| Some(Side::Readable { readable });
            return Some(Divergence {
                a: side(are_readable.a),
                b: side(are_readable.b),
                ..divergence(DivergenceCause::RequestNotReadable, Block::In, at)
            });
        };
        let new = Both { a: self.seen.a.new_items(rollouts.a, calls.a), b: self.seen.b.new_items(rollouts.b, calls.b) };
        let (given_a, in_a) = self.given(rollouts.a, calls.a, requests.a, new.a);
        let (given_b, in_b) = self.given(rollouts.b, calls.b, requests.b, new.b);
        self.conditions.note(&Both { a: given_a, b: given_b }, &at);
        self.came_in(&Both { a: in_a, b: in_b }, at).or_else(|| self.outcome(&calls)).or_else(|| self.does(&calls))
    }

    fn note_soft(&mut self, difference: SoftDifference) {
        *self.soft_differences.entry(difference).or_default() += 1;
    }

    /// Divides the new items of a call into conditions and what came in.
    fn given(
        &self,
        rollout: &'r Rollout<'a>,
        call: &'a InferenceCall,
        request: &'r crate::RequestFacts,
        new: Vec<&'a ConversationItem>,
    ) -> (Given<'r, 'a>, Vec<&'a ConversationItem>) {
        let class = |item: &ConversationItem| rollout.origin(item.item_id).class;
        let (harness, others): (Vec<_>, Vec<_>) = new.into_iter().partition(|item| class(item) == OriginClass::Harness);
        let is_condition =
            |item: &&ConversationItem| self.persons == Persons::Ignored && class(item) == OriginClass::Person;
        let (persons, came_in): (Vec<_>, Vec<_>) = others.into_iter().partition(is_condition);
        let persons = (self.persons == Persons::Ignored).then_some(persons);
        (Given { rollout, call, request, harness, persons }, came_in)
    }

    /// Compares what came in.
    fn came_in(&mut self, items: &Both<Vec<&'a ConversationItem>>, at: Both<Option<At>>) -> Option<Divergence> {
        let meanings = Both { a: meanings(self.rollouts.a, &items.a), b: meanings(self.rollouts.b, &items.b) };
        if meanings.a == meanings.b {
            return None;
        }
        let lacking = Both { a: first_lacking(&meanings.a, &meanings.b), b: first_lacking(&meanings.b, &meanings.a) };
        if lacking.a.is_none() && lacking.b.is_none() {
            self.note_soft(SoftDifference::OrderOfArrival);
            return None;
        }
        let found = Both { a: lacking.a.map(|place| items.a[place]), b: lacking.b.map(|place| items.b[place]) };
        let texts = Both {
            a: lacking.a.map_or("", |place| &*meanings.a[place].text),
            b: lacking.b.map_or("", |place| &*meanings.b[place].text),
        };
        let parted = Divergence {
            first_difference: Some(difference(texts.a, texts.b)),
            ..divergence(DivergenceCause::History, Block::In, at)
        };
        let calls = Both {
            a: found.a.and_then(|item| Some((item, self.rollouts.a.tool_behind(item)?))),
            b: found.b.and_then(|item| Some((item, self.rollouts.b.tool_behind(item)?))),
        };
        if let Some(outputs) = calls.together() {
            let side = |rollout: &Rollout<'_>, (item, call): (&ConversationItem, &rollout_trace_model::ToolCall)| {
                let operation = call.terminal_operation_id.and_then(|id| rollout.graph().terminal_operations.get(&id));
                let exit_code = operation.and_then(|operation| operation.result.as_ref()?.exit_code);
                let outcome = (call.execution.status.clone(), exit_code);
                let side = Side::Output {
                    item_id: Some(item.item_id),
                    bytes: rollout.sizes(item.item_id).bytes,
                    tool_call_id: call.tool_call_id.clone(),
                    status: outcome.0.clone(),
                    exit_code,
                };
                (side, outcome)
            };
            let ((a, outcome_a), (b, outcome_b)) = (side(self.rollouts.a, outputs.a), side(self.rollouts.b, outputs.b));
            let cause = if outcome_a == outcome_b { DivergenceCause::ToolResult } else { DivergenceCause::ToolOutcome };
            let tool = Some(tool_name(&outputs.a.1.kind).into_owned());
            return Some(Divergence { cause, a: Some(a), b: Some(b), tool, ..parted });
        }
        let cause = match (found.a, found.b) {
            (Some(item), _) => cause(self.rollouts.a, item),
            (None, Some(item)) => cause(self.rollouts.b, item),
            (None, None) => DivergenceCause::History,
        };
        let a = Some(side(self.rollouts.a, found.a));
        Some(Divergence { cause, a, b: Some(side(self.rollouts.b, found.b)), ..parted })
    }

    /// Compares how two calls ended.
    fn outcome(&self, calls: &Both<&'a InferenceCall>) -> Option<Divergence> {
        let at = self.responses(calls);
        let known = Both { a: is_known(self.rollouts.a, calls.a), b: is_known(self.rollouts.b, calls.b) };
        let both_run = calls.a.execution.is_running() && calls.b.execution.is_running();
        if !(known.a && known.b || both_run) {
            let side = |readable: bool| Some(Side::Readable { readable });
            return Some(Divergence {
                a: side(known.a),
                b: side(known.b),
                ..divergence(DivergenceCause::AnswerNotReadable, Block::Out, at)
            });
        }
        let side = |call: &InferenceCall| {
            let error = call.error.clone().or_else(|| call.cancel_reason.clone());
            Some(Side::Outcome { status: call.execution.status.clone(), error })
        };
        (calls.a.execution.status != calls.b.execution.status).then(|| Divergence {
            a: side(calls.a),
            b: side(calls.b),
            ..divergence(DivergenceCause::CallOutcome, Block::Outcome, at)
        })
    }

    /// Compares what two models answered.
    fn does(&mut self, calls: &Both<&'a InferenceCall>) -> Option<Divergence> {
        let answer = |rollout: &Rollout<'a>, call: &InferenceCall| -> (Vec<_>, Vec<_>) {
            let items = call.response_item_ids.iter().filter_map(|item| rollout.graph().conversation_items.get(item));
            items.partition(|item| item.kind == ItemKind::Reasoning)
        };
        let (reasoning_a, answer_a) = answer(self.rollouts.a, calls.a);
        let (reasoning_b, answer_b) = answer(self.rollouts.b, calls.b);
        let (of_a, of_b) = (meanings(self.rollouts.a, &answer_a), meanings(self.rollouts.b, &answer_b));
        if of_a == of_b {
            if meanings(self.rollouts.a, &reasoning_a) != meanings(self.rollouts.b, &reasoning_b) {
                self.note_soft(SoftDifference::Reasoning);
            }
            return None;
        }
        let place = of_a.iter().zip(&of_b).take_while(|(a, b)| a == b).count();
        let text = |meanings: &[Meaning]| meanings.get(place).map_or_else(String::new, |meaning| meaning.text.clone());
        Some(Divergence {
            a: Some(side(self.rollouts.a, answer_a.get(place).copied())),
            b: Some(side(self.rollouts.b, answer_b.get(place).copied())),
            first_difference: Some(difference(&text(&of_a), &text(&of_b))),
            same_request: Some(self.conditions.is_empty()),
            ..divergence(DivergenceCause::ModelOutput, Block::Out, self.responses(calls))
        })
    }

    fn responses(&self, calls: &Both<&'a InferenceCall>) -> Both<Option<At>> {
        Both { a: Some(response(self.rollouts.a, calls.a)), b: Some(response(self.rollouts.b, calls.b)) }
    }
}

fn side(rollout: &Rollout<'_>, item: Option<&ConversationItem>) -> Side {
    let item_id = item.map(|item| item.item_id);
    Side::Item { item_id, bytes: item_id.map_or(0, |item| rollout.sizes(item).bytes) }
}

fn meanings(rollout: &Rollout<'_>, items: &[&ConversationItem]) -> Vec<Meaning> {
    items.iter().map(|item| Meaning::of(rollout, item)).collect()
}

/// Returns the place of the first of these meanings that the others lack, each counted as often as it occurs.
fn first_lacking(own: &[Meaning], others: &[Meaning]) -> Option<usize> {
    let mut left: HashMap<&Meaning, usize> = HashMap::default();
    for other in others {
        *left.entry(other).or_default() += 1;
    }
    own.iter().position(|meaning| match left.get_mut(meaning) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}

/// Returns on what two threads part, by the origin of an item.
fn cause(rollout: &Rollout<'_>, item: &ConversationItem) -> DivergenceCause {
    if item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::Compaction { .. })) {
        return DivergenceCause::Compaction;
    }
    match rollout.origin(item.item_id).class {
        OriginClass::Tool | OriginClass::Mcp => DivergenceCause::ToolResult,
        OriginClass::Agent => DivergenceCause::AgentMessage,
        OriginClass::Person => DivergenceCause::Input,
        OriginClass::Harness => DivergenceCause::Harness,
        OriginClass::Model | OriginClass::Compaction | OriginClass::Before | OriginClass::Unknown => {
            DivergenceCause::History
        }
    }
}

/// Returns whether it is known what a model answered.
fn is_known(rollout: &Rollout<'_>, call: &InferenceCall) -> bool {
    match &call.raw_response_payload_id {
        _ if call.execution.is_running() => false,
        Some(_) => rollout.facts().has_response(&call.inference_call_id),
        None => call.execution.status != ExecutionStatus::Completed,
    }
}
