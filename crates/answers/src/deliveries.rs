//! Messages between agents that arrived as plain messages of the user.
//!
//! Source: questions, section 2.3.

use std::collections::HashMap;

use rollout_trace_model::{
    Anchor, ConversationItem, InteractionEdge, InteractionKind, ItemId, ItemKind, Role, ThreadOrigin, ToolCall,
};
use rollout_trace_reducer::Json;
use rollout_trace_schema::{ThreadId, ToolCallId};

use crate::rollout::Rollout;

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

/// A message that was sent to a thread.
struct Sent<'a> {
    text: String,
    call: &'a ToolCall,
    delivery: Delivery<'a>,
}

impl<'a> Deliveries<'a> {
    pub(crate) fn of(rollout: &Rollout<'a>) -> Self {
        let graph = rollout.graph();
        let sent = sent(rollout);
        let mut children: HashMap<&ThreadId, Vec<&ThreadId>> = HashMap::new();
        for thread in graph.threads.values() {
            if let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin {
                children.entry(parent_thread_id).or_default().push(&thread.thread_id);
            }
        }
        if sent.is_empty() && children.is_empty() {
            return Self::default();
        }
        let speech = speech(rollout, &children);
        let plain = graph.conversation_items.values().filter(|item| {
            item.kind == ItemKind::Message
                && item.role == Role::User
                && item.produced_by.is_empty()
                && (sent.contains_key(&item.thread_id) || children.contains_key(&item.thread_id))
        });
        let mut deliveries = HashMap::new();
        for item in plain {
            let text = rollout.readable_text(item.item_id);
            let sent = sent.get(&item.thread_id).into_iter().flatten();
            let mut sent = sent.filter(|sent| sent.call.execution.started_seq <= item.first_seen_seq);
            let delivery = sent.find(|sent| sent.text == text).map(|sent| sent.delivery.clone());
            let report = || reported(rollout, item, &text, children.get(&item.thread_id)?, &speech);
            if let Some(delivery) = delivery.or_else(report) {
                deliveries.insert(item.item_id, delivery);
            }
        }
        Self(deliveries)
    }

    pub(crate) fn of_item(&self, item: ItemId) -> Option<&Delivery<'a>> {
        self.0.get(&item)
    }
}

/// Returns the messages that were sent to each thread and that the graph shows as no item.
fn sent<'a>(rollout: &Rollout<'a>) -> HashMap<&'a ThreadId, Vec<Sent<'a>>> {
    let graph = rollout.graph();
    let mut sent: HashMap<_, Vec<_>> = HashMap::new();
    for edge in graph.interaction_edges.values() {
        let (InteractionKind::SpawnAgent, Anchor::Thread { thread_id }) = (edge.kind, &edge.target) else { continue };
        let Anchor::ToolCall { tool_call_id } = &edge.source else { continue };
        let Some(call) = graph.tool_calls.get(tool_call_id) else { continue };
        if let Some(text) = message(rollout, call) {
            sent.entry(thread_id).or_default().push(Sent { text, call, delivery: Delivery::Edge(edge) });
        }
    }
    for undelivered in &graph.undelivered_messages {
        let call = undelivered.tool_call_id.as_ref().and_then(|call| graph.tool_calls.get(call));
        if let (Some(call), Some(thread), Some(text)) = (call, &undelivered.target_thread_id, &undelivered.message) {
            let delivery = Delivery::Call(&call.tool_call_id);
            sent.entry(thread).or_default().push(Sent { text: text.clone(), call, delivery });
        }
    }
    sent
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

/// Returns the messages of the model in each child thread, in the order in which they were seen.
fn speech<'a>(
    rollout: &Rollout<'a>,
    children: &HashMap<&ThreadId, Vec<&ThreadId>>,
) -> HashMap<&'a ThreadId, Vec<&'a ConversationItem>> {
    let mut speech: HashMap<_, Vec<_>> = HashMap::new();
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

/// Returns what a child said last, if a message names the child and quotes that.
fn reported<'a>(
    rollout: &Rollout<'_>,
    item: &ConversationItem,
    text: &str,
    children: &[&ThreadId],
    speech: &HashMap<&ThreadId, Vec<&ConversationItem>>,
) -> Option<Delivery<'a>> {
    children.iter().filter(|child| text.contains(child.as_str())).find_map(|child| {
        let said = speech.get(*child)?;
        let earlier = said.partition_point(|said| said.first_seen_seq < item.first_seen_seq);
        let last = said[..earlier].last()?;
        let quoted = serde_json::to_string(&*rollout.readable_text(last.item_id)).ok()?;
        let inner = quoted.get(1..quoted.len() - 1)?;
        text.contains(inner).then_some(Delivery::Report(last.item_id))
    })
}
