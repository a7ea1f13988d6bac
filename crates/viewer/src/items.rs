//! The items of all conversations, without their texts.

use std::{collections::BTreeMap, ops::Range};

use rollout_trace::{
    answers::Node,
    model::{ConversationItem, ItemId, ProducerRef},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    columns::{Deltas, PayloadColumn, Words, WordsBuilder},
    things::ThingColumn,
    view::{View, seq},
};

/// A piece of the items of all conversations, without their texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Items {
    /// The number of each item.
    pub number: Deltas,
    /// The agents.
    pub agent: Deltas,
    /// The turns in which they were first seen.
    pub turn: Deltas,
    /// The roles.
    pub role: Words,
    /// The kinds, such as `message`.
    pub kind: Words,
    /// The channels.
    pub channel: Words,
    /// The names of the tools that are called.
    pub name: Words,
    /// The call that each makes or answers, by its id in the conversation.
    pub call_id: Words,
    /// The tool call that each makes, or whose output it is.
    pub call: Deltas,
    /// Who wrote each, in a word: the class of its origin.
    pub class: Words,
    /// The name of each author within its class.
    pub origin: Words,
    /// How certain that is: `recorded`, `matched` or `inferred`.
    pub certainty: Words,
    /// What is proved to have produced each: the first of its producers.
    pub producer: ThingColumn,
    /// Of messages between agents, who wrote them.
    pub author: Words,
    /// Of messages between agents, for whom they are.
    pub recipient: Words,
    /// The bytes of the readable text.
    pub bytes: Vec<u64>,
    /// The estimated tokens.
    pub tokens: Vec<u64>,
    /// The bytes that only the provider can read, by place in this piece.
    pub sealed_bytes: BTreeMap<usize, u64>,
    /// The images, files and audio parts, by place in this piece.
    pub media_parts: BTreeMap<usize, u64>,
    /// When each was first seen, on the time axis.
    pub at: Deltas,
    /// The event that showed each first.
    pub first_seq: Deltas,
    /// The event that showed each last.
    pub last_seq: Deltas,
    /// The payload of the request, response or checkpoint that showed each first.
    pub payload: PayloadColumn,
    /// The first request that carried each.
    pub first_carrier: Deltas,
    /// The last request that carried each.
    pub last_carrier: Deltas,
    /// How many requests carried each.
    pub carriers: Vec<usize>,
}

impl Items {
    /// Returns the items with these numbers.
    pub(crate) fn of(view: &View<'_, '_>, numbers: Range<u32>) -> Self {
        let numbers = numbers.start..numbers.end.max(numbers.start);
        let items = view.graph().conversation_items.range(ItemId(numbers.start)..ItemId(numbers.end));
        Self::of_items(view, items.map(|(_, item)| item))
    }

    /// Returns these items, which come in the order of their numbers.
    pub(crate) fn of_items<'a>(view: &View<'_, '_>, items: impl Iterator<Item = &'a ConversationItem>) -> Self {
        let mut table = Self::default();
        let mut words: [WordsBuilder; 10] = Default::default();
        for (row, item) in items.enumerate() {
            let id = item.item_id;
            let origin = view.rollout.origin(id);
            let sizes = view.rollout.sizes(id);
            let (first_carrier, last_carrier, carriers) = view.carriers(id);
            let message = item.agent_message.as_ref();
            table.number.push(Some(i64::from(id.0)));
            table.agent.push(view.agent(&item.thread_id));
            table.turn.push(view.turn(item.codex_turn_id.as_ref()));
            let texts = [
                Some(item.role.as_str()),
                Some(item.kind.as_str()),
                item.channel.as_ref().map(|channel| channel.as_str()),
                item.name.as_deref(),
                item.call_id.as_deref(),
                Some(origin.class.as_str()),
                Some(origin.name.as_str()),
                Some(origin.certainty.as_str()),
                message.map(|message| message.author.as_str()),
                message.map(|message| message.recipient.as_str()),
            ];
            words.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
            let behind = view.rollout.tool_behind(item).or_else(|| view.calls_of_items.get(&id).copied());
            table.call.push(behind.and_then(|call| view.call(&call.tool_call_id)));
            table.producer.push(item.produced_by.first().and_then(|producer| view.things.of_node(&node(producer))));
            table.bytes.push(sizes.bytes);
            table.tokens.push(sizes.tokens_estimate);
            table.sealed_bytes.extend(Some((row, sizes.sealed_bytes)).filter(|(_, bytes)| *bytes > 0));
            table.media_parts.extend(Some((row, sizes.media_parts)).filter(|(_, parts)| *parts > 0));
            table.at.push(Some(view.ms(item.first_seen_at_unix_ms)));
            table.first_seq.push(Some(seq(item.first_seen_seq)));
            table.last_seq.push(Some(seq(item.last_seen_seq)));
            table.payload.push(item.shown.as_ref().map(|shown| &shown.payload_id));
            table.first_carrier.push(first_carrier);
            table.last_carrier.push(last_carrier);
            table.carriers.push(carriers);
        }
        let [role, kind, channel, name, call_id, class, origin, certainty, author, recipient] =
            words.map(WordsBuilder::finish);
        Self { role, kind, channel, name, call_id, class, origin, certainty, author, recipient, ..table }
    }
}

fn node(producer: &ProducerRef) -> Node {
    match producer {
        ProducerRef::Inference { inference_call_id } => Node::Inference(inference_call_id.clone()),
        ProducerRef::Tool { tool_call_id } => Node::ToolCall(tool_call_id.clone()),
        ProducerRef::CodeCell { code_cell_id } => Node::CodeCell(code_cell_id.clone()),
        ProducerRef::Compaction { compaction_id } => Node::Compaction(compaction_id.clone()),
    }
}
