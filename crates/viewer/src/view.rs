//! A rollout with the numbers of its things.

use std::collections::HashMap;

use rollout_trace::{
    answers::{Node, Rollout},
    model::{Anchor, Execution, InferenceCall, ItemId, RolloutTrace, ToolCall},
    schema::{CodexTurnId, Seq, ThreadId, ToolCallId, UnixMillis},
};

use crate::{
    columns::{Deltas, WordsBuilder},
    images::Images,
    live::Memory,
    log::Log,
    spans::Times,
    things::{Thing, Things, by_start},
};

/// A rollout with the numbers of its things and the rows of its log.
pub(crate) struct View<'r, 'a> {
    pub(crate) rollout: &'r Rollout<'a>,
    pub(crate) things: Things<'a>,
    pub(crate) log: &'r Log,
    /// The tool call that each item makes, or whose output it is.
    pub(crate) calls_of_items: HashMap<ItemId, &'a ToolCall>,
    pub(crate) images: Images,
    /// What is known of the rest, if this is a part of a rollout.
    memory: Option<&'r Memory>,
}

impl<'r, 'a> View<'r, 'a> {
    pub(crate) fn new(rollout: &'r Rollout<'a>, log: &'r Log) -> Self {
        Self::with(rollout, log, Things::of(rollout), None)
    }

    /// Views a part of a rollout.
    pub(crate) fn part(rollout: &'r Rollout<'a>, log: &'r Log, things: Things<'a>, memory: &'r Memory) -> Self {
        Self::with(rollout, log, things, Some(memory))
    }

    fn with(rollout: &'r Rollout<'a>, log: &'r Log, things: Things<'a>, memory: Option<&'r Memory>) -> Self {
        let items_of = |call: &'a ToolCall| {
            call.model_visible_call_item_ids.iter().chain(&call.model_visible_output_item_ids).copied()
        };
        let calls = by_start(rollout.graph().tool_calls.values(), |call| call.execution.started_seq);
        let calls_of_items = calls.into_iter().flat_map(|call| items_of(call).map(move |item| (item, call))).collect();
        Self { rollout, things, log, calls_of_items, images: Images::of(rollout.graph()), memory }
    }

    /// Returns the first request that carried an item, as far as this part has it.
    pub(crate) fn first_carrier(&self, item: ItemId) -> Option<&'a InferenceCall> {
        match self.memory {
            Some(memory) => self.graph().inference_calls.get(memory.first_carrier(item)?),
            None => self.rollout.carriers(item).first,
        }
    }

    /// Returns the numbers of the first and the last request that carried an item, and how many did.
    pub(crate) fn carriers(&self, item: ItemId) -> (Option<i64>, Option<i64>, usize) {
        if let Some(memory) = self.memory {
            return memory.carriers(item);
        }
        let carriers = self.rollout.carriers(item);
        let number = |call: Option<&InferenceCall>| self.number(&Node::Inference(call?.inference_call_id.clone()));
        (number(carriers.first), number(carriers.last), carriers.calls)
    }

    /// Returns what is known of the rest of the rollout, if this is a part of one.
    pub(crate) fn memory(&self) -> Option<&'r Memory> {
        self.memory
    }

    pub(crate) fn graph(&self) -> &'a RolloutTrace {
        self.rollout.graph()
    }

    /// Returns a time on the time axis.
    pub(crate) fn ms(&self, at: UnixMillis) -> i64 {
        at.saturating_sub(self.graph().started_at_unix_ms)
    }

    /// Returns when an event was recorded, on the time axis.
    pub(crate) fn ms_of(&self, seq: Seq) -> Option<i64> {
        self.log.at(seq).map(|at| self.ms(at))
    }

    pub(crate) fn number(&self, node: &Node) -> Option<i64> {
        self.things.number(node).map(i64::from)
    }

    pub(crate) fn agent(&self, thread: &ThreadId) -> Option<i64> {
        self.number(&Node::Thread(thread.clone()))
    }

    pub(crate) fn turn(&self, turn: Option<&CodexTurnId>) -> Option<i64> {
        self.number(&Node::Turn(turn?.clone()))
    }

    pub(crate) fn call(&self, call: &ToolCallId) -> Option<i64> {
        self.number(&Node::ToolCall(call.clone()))
    }

    /// Returns the thing that is an end of an interaction.
    pub(crate) fn anchor(&self, anchor: &Anchor) -> Option<Thing> {
        self.things.of_node(&match anchor {
            Anchor::ConversationItem { item_id } => Node::Item(*item_id),
            Anchor::ToolCall { tool_call_id } => Node::ToolCall(tool_call_id.clone()),
            Anchor::Thread { thread_id } => Node::Thread(thread_id.clone()),
        })
    }

    /// Returns the things that the ids of an answer name.
    pub(crate) fn things_of(&self, ids: &[String]) -> Vec<Thing> {
        ids.iter().filter_map(|id| self.things.of_id(id)).collect()
    }
}

/// Returns a sequence number as a column has it.
pub(crate) fn seq(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Collects when things ran.
#[derive(Default)]
pub(crate) struct TimesBuilder {
    times: Times,
    status: WordsBuilder,
    rows: i64,
}

impl TimesBuilder {
    pub(crate) fn push(&mut self, view: &View<'_, '_>, execution: &Execution) {
        let end = execution.ended_at_unix_ms.map(|at| view.ms(at));
        self.push_ended(view, execution, end, execution.ended_seq);
    }

    /// Adds a row that ends at another time than its execution.
    pub(crate) fn push_ended(
        &mut self,
        view: &View<'_, '_>,
        execution: &Execution,
        end: Option<i64>,
        end_seq: Option<Seq>,
    ) {
        let times = &mut self.times;
        times.start.push(Some(view.ms(execution.started_at_unix_ms)));
        times.end.push(end);
        times.start_seq.push(Some(seq(execution.started_seq)));
        times.end_seq.push(end_seq.map(seq));
        self.status.push(Some(execution.status.as_str()));
        if execution.start_unobserved {
            times.start_unobserved.push(Some(self.rows));
        }
        self.rows += 1;
    }

    pub(crate) fn finish(self) -> Times {
        Times { status: self.status.finish(), ..self.times }
    }
}

/// Returns the column of the rows for which something holds.
pub(crate) fn rows(holds: impl IntoIterator<Item = bool>) -> Deltas {
    holds.into_iter().zip(0_i64..).filter(|(holds, _)| *holds).map(|(_, row)| row).collect()
}
