//! Messages between agents that arrived as plain messages of the user.
//!
//! Source: questions, section 2.3.

use rollout_trace_model::{
    Anchor, ConversationItem, InteractionEdge, InteractionKind, ItemId, ItemKind, Role, ToolCall, map::HashMap,
};
use rollout_trace_reducer::Json;
use rollout_trace_schema::{Seq, ThreadId, ToolCallId};

use crate::{children::Children, rollout::Rollout};

/// The messages between agents that arrived as plain messages of the user, by item.
#[derive(Debug, Default)]
pub(crate) struct Deliveries<'a>(HashMap<ItemId, Delivery<'a>>);

/// How an item arrived.
#[derive(Clone, Debug)]
pub(crate) enum Delivery<'a> {
    /// By an edge whose target is the whole thread.
    Edge(&'a InteractionEdge),
    /// By a call whose message nothing else shows to have arrived.
    Call(&'a ToolCallId),
    /// As the report of what a child said last.
    Report(ItemId),
}

/// The messages that were sent to threads and that the graph shows as no item, by thread and text.
struct Sent<'a>(HashMap<&'a ThreadId, ByText<'a>>);

/// The messages to one thread, with the start of the call that sent each.
type ByText<'a> = HashMap<String, Vec<(Seq, Delivery<'a>)>>;

impl<'a> Deliveries<'a> {
    pub(crate) fn of(rollout: &Rollout<'a>, children: &Children<'a>) -> Self {
        let graph = rollout.graph();
        let sent = Sent::of(rollout);
        if sent.0.is_empty() && children.is_empty() {
            return Self::default();
        }
        let speech = speech(rollout, children);
        let plain = graph.conversation_items.values().filter(|item| {
            item.kind == ItemKind::Message
                && item.role == Role::User
                && item.produced_by.is_empty()
                && (sent.0.contains_key(&item.thread_id) || children.has(&item.thread_id))
        });
        let mut deliveries = HashMap::default();
        for item in plain {
            let text = rollout.readable_text(item.item_id);
            let report = || reported(rollout, item, &text, children, &speech);
            if let Some(delivery) = sent.delivery(item, &text).or_else(report) {
                deliveries.insert(item.item_id, delivery);
            }
        }
        Self(deliveries)
    }

    pub(crate) fn of_item(&self, item: ItemId) -> Option<&Delivery<'a>> {
        self.0.get(&item)
    }
}

impl<'a> Sent<'a> {
    fn of(rollout: &Rollout<'a>) -> Self {
        let graph = rollout.graph();
        let mut sent = Self(HashMap::default());
        for edge in graph.interaction_edges.values() {
            let (InteractionKind::SpawnAgent, Anchor::Thread { thread_id }) = (edge.kind, &edge.target) else {
                continue;
            };
            let Anchor::ToolCall { tool_call_id } = &edge.source else { continue };
            let Some(call) = graph.tool_calls.get(tool_call_id) else { continue };
            if let Some(text) = message(rollout, call) {
                sent.add(thread_id, text, call, Delivery::Edge(edge));
            }
        }
        for delivery in &graph.plain_deliveries {
            if let Some(call) = delivery.tool_call_id.as_ref().and_then(|call| graph.tool_calls.get(call)) {
                let text = rollout.readable_text(delivery.item_id).into_owned();
                sent.add(&delivery.target_thread_id, text, call, Delivery::Call(&call.tool_call_id));
            }
        }
        for undelivered in &graph.undelivered_messages {
            let call = undelivered.tool_call_id.as_ref().and_then(|call| graph.tool_calls.get(call));
            if let (Some(call), Some(thread), Some(text)) = (call, &undelivered.target_thread_id, &undelivered.message)
            {
                sent.add(thread, text.clone(), call, Delivery::Call(&call.tool_call_id));
            }
        }
        sent
    }

    fn add(&mut self, thread: &'a ThreadId, text: String, call: &ToolCall, delivery: Delivery<'a>) {
        let sent = self.0.entry(thread).or_default().entry(text).or_default();
        let seq = call.execution.started_seq;
        // The first one that was sent in time counts, so one that is neither first nor earlier never does.
        if sent.last().is_none_or(|(last, _)| seq < *last) {
            sent.push((seq, delivery));
        }
    }

    /// Returns the first message with this text that was sent to an item's thread before the item was seen.
    fn delivery(&self, item: &ConversationItem, text: &str) -> Option<Delivery<'a>> {
        let sent = self.0.get(&item.thread_id)?.get(text)?;
        let first = sent.partition_point(|(seq, _)| *seq > item.first_seen_seq);
        sent.get(first).map(|(_, delivery)| delivery.clone())
    }
}

/// Returns the message that a call sent: what its runtime reported, else what it was asked to send.
fn message(rollout: &Rollout<'_>, call: &ToolCall) -> Option<String> {
    let prompt = |document: &Json<'_>| document.text("prompt").map(str::to_owned);
    let reported = call.raw_runtime_payload_ids.iter().rev().find_map(|id| rollout.document(id, prompt));
    reported.or_else(|| {
        rollout.document(call.raw_invocation_payload_id.as_ref()?, |document| {
            let arguments = document.get("payload")?.get("arguments")?;
            let parsed = arguments.as_str().and_then(Json::parse_arguments);
            Some(parsed.as_ref().unwrap_or(arguments).text("message")?.to_owned())
        })
    })
}

/// Returns the messages of the model in each thread, in the order in which they were seen.
fn speech<'a>(rollout: &Rollout<'a>, children: &Children<'a>) -> HashMap<&'a ThreadId, Vec<&'a ConversationItem>> {
    let mut speech: HashMap<_, Vec<_>> = HashMap::default();
    if children.is_empty() {
        return speech;
    }
    for item in rollout.graph().conversation_items.values() {
        if item.kind == ItemKind::Message && item.role == Role::Assistant {
            speech.entry(&item.thread_id).or_default().push(item);
        }
    }
    speech.values_mut().for_each(|items| items.sort_by_key(|item| item.first_seen_seq));
    speech
}

/// Returns what a child said last, if a message names the child and quotes that. A child that said nothing is quoted by
/// no message.
fn reported<'a>(
    rollout: &Rollout<'_>,
    item: &ConversationItem,
    text: &str,
    children: &Children<'_>,
    speech: &HashMap<&ThreadId, Vec<&ConversationItem>>,
) -> Option<Delivery<'a>> {
    children.named_in(&item.thread_id, text).into_iter().find_map(|child| {
        let said = speech.get(child)?;
        let earlier = said.partition_point(|said| said.first_seen_seq < item.first_seen_seq);
        let last = said[..earlier].last()?;
        let words = rollout.readable_text(last.item_id);
        // What is quoted is not shorter, and most messages of agents are longer than what names them.
        if words.is_empty() || words.len() > text.len() {
            return None;
        }
        let quoted = serde_json::to_string(&*words).ok()?;
        let inner = quoted.get(1..quoted.len() - 1)?;
        text.contains(inner).then_some(Delivery::Report(last.item_id))
    })
}
