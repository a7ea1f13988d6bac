//! What passes between agents.
//!
//! Observations are collected as they come and become edges when the graph is asked for: the item that a message arrives as
//! may be seen long after the message was sent, in another thread.

use std::collections::{BTreeMap, HashMap, HashSet};

use rollout_trace_model::{
    Anchor, ConversationItem, DiagnosticCode, InteractionEdge, InteractionKind, ItemId, ItemKind, ProducerRef, Role,
    RolloutTrace, UndeliveredMessage,
};
use rollout_trace_schema::{AgentResultObserved, EdgeId, Seq, ThreadId, ToolCallId, ToolKind, UnixMillis};

use crate::{
    at::At,
    item::{MessageBetweenAgents, message_between_agents},
    json::Json,
    report::Report,
};

/// What was observed of interactions between agents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    activities: Vec<Activity>,
    by_tool: HashMap<ToolCallId, usize>,
    /// What each tool call was asked to send.
    sent: HashMap<ToolCallId, String>,
    results: Vec<(Seq, UnixMillis, AgentResultObserved)>,
}

/// What the runtime of an agent tool reported.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    tool: ToolCallId,
    /// When the runtime reported its end.
    ended_at: Option<UnixMillis>,
    seq: Seq,
    sender: Option<ThreadId>,
    target: Option<ThreadId>,
    prompt: Option<String>,
    /// What it calls itself, if it says so.
    name: Option<String>,
}

/// Returns whether the tool is one of those that reach other agents.
pub(crate) fn reaches_agents(kind: &ToolKind) -> bool {
    interaction(kind).is_some()
}

fn interaction(kind: &ToolKind) -> Option<InteractionKind> {
    match kind {
        ToolKind::SpawnAgent => Some(InteractionKind::SpawnAgent),
        ToolKind::AssignAgentTask => Some(InteractionKind::AssignAgentTask),
        ToolKind::SendMessage => Some(InteractionKind::SendMessage),
        ToolKind::CloseAgent => Some(InteractionKind::CloseAgent),
        _ => None,
    }
}

impl Agents {
    /// Notes what a tool call was asked to send.
    pub(crate) fn note_sent(&mut self, tool: &ToolCallId, message: &str) {
        self.sent.insert(tool.clone(), message.to_owned());
    }

    /// Notes what a tool's runtime reported.
    pub(crate) fn note_activity(&mut self, seq: Seq, tool: &ToolCallId, document: &Json<'_>) {
        let place = *self.by_tool.entry(tool.clone()).or_insert(self.activities.len());
        if place == self.activities.len() {
            self.activities.push(Activity {
                tool: tool.clone(),
                ended_at: None,
                seq,
                sender: None,
                target: None,
                prompt: None,
                name: None,
            });
        }
        let activity = &mut self.activities[place];
        let thread = |name: &str| document.text(name).filter(|id| !id.is_empty()).map(ThreadId::from);
        activity.target = thread("new_thread_id")
            .or_else(|| thread("receiver_thread_id"))
            .or_else(|| thread("agent_thread_id"))
            .or(activity.target.take());
        activity.sender = thread("sender_thread_id").or(activity.sender.take());
        activity.prompt = document.text("prompt").map(str::to_owned).or(activity.prompt.take());
        activity.name = document.text("kind").map(str::to_owned).or(activity.name.take());
    }

    /// Notes that a tool's runtime reported its end.
    pub(crate) fn note_activity_end(&mut self, at: &At, tool: &ToolCallId) {
        let activity = &mut self.activities[self.by_tool[tool]];
        activity.ended_at = Some(at.time);
        activity.seq = at.seq;
    }

    /// Notes a result that reached a parent.
    pub(crate) fn note_result(&mut self, at: &At, event: &AgentResultObserved) {
        self.results.push((at.seq, at.time, event.clone()));
    }

    /// Adds the edges that the observations prove, and what was sent and never seen to arrive.
    pub(crate) fn add_edges(&self, trace: &mut RolloutTrace, report: &mut Report, accepted: &[(ItemId, String)]) {
        let mut deliveries = Deliveries::new(trace, accepted);
        let mut in_order: Vec<_> =
            self.activities.iter().map(|activity| (activity.seq, Observed::Activity(activity))).collect();
        in_order.extend(self.results.iter().map(|(seq, time, event)| (*seq, Observed::Result(*time, event))));
        in_order.sort_by_key(|(seq, _)| *seq);
        for (seq, observed) in in_order {
            match observed {
                Observed::Activity(activity) => self.add_activity(trace, report, &mut deliveries, activity),
                Observed::Result(time, event) => add_result(trace, report, &mut deliveries, seq, time, event),
            }
        }
    }

    fn add_activity(
        &self,
        trace: &mut RolloutTrace,
        report: &mut Report,
        deliveries: &mut Deliveries,
        activity: &Activity,
    ) {
        let call = &trace.tool_calls[&activity.tool];
        let Some(kind) = interaction(&call.kind) else { return };
        let Some(target) = &activity.target else { return };
        let fits = match activity.name.as_deref() {
            Some("started") => kind == InteractionKind::SpawnAgent,
            Some("interacted") => matches!(kind, InteractionKind::AssignAgentTask | InteractionKind::SendMessage),
            Some("interrupted") => kind == InteractionKind::CloseAgent,
            _ => true,
        };
        if !fits {
            let name = activity.name.as_deref().unwrap_or_default();
            let message = format!(
                "tool call {} reports that an agent was {name}, which its kind does not do; there is no edge",
                activity.tool
            );
            report.end(DiagnosticCode::AgentActivityMismatch, vec![activity.tool.to_string()], message);
            return;
        }
        let edge_id = match kind {
            InteractionKind::SpawnAgent => {
                let parent = activity.sender.as_ref().unwrap_or(&call.thread_id);
                EdgeId::from(format!("edge:spawn:{parent}:{target}"))
            }
            _ => EdgeId::from(format!("edge:tool:{}", activity.tool)),
        };
        let message = activity.prompt.as_ref().or_else(|| self.sent.get(&activity.tool));
        let item = match kind {
            InteractionKind::CloseAgent => None,
            _ => message
                .and_then(|message| {
                    deliveries.take(trace, &call.thread_id, target, message, call.execution.started_seq)
                })
                .or_else(|| arrived_before(trace, &edge_id)),
        };
        let is_there = trace.threads.contains_key(target);
        let to_thread = match kind {
            InteractionKind::CloseAgent | InteractionKind::SpawnAgent => is_there,
            _ => false,
        };
        let anchor = match item {
            Some(item_id) => Anchor::ConversationItem { item_id },
            None if to_thread => Anchor::Thread { thread_id: target.clone() },
            None => {
                undelivered(trace, report, kind, Some(&activity.tool), Some(target), message);
                return;
            }
        };
        let mut payloads = Vec::new();
        let carried = [&call.raw_invocation_payload_id, &call.raw_result_payload_id];
        let runtime = call.raw_runtime_payload_ids.iter();
        for id in carried[0].iter().chain(runtime).chain(carried[1]) {
            if !payloads.contains(id) {
                payloads.push(id.clone());
            }
        }
        let edge = InteractionEdge {
            edge_id,
            kind,
            source: Anchor::ToolCall { tool_call_id: activity.tool.clone() },
            target: anchor,
            started_at_unix_ms: call.execution.started_at_unix_ms,
            ended_at_unix_ms: activity.ended_at,
            carried_item_ids: item.into_iter().collect(),
            carried_raw_payload_ids: payloads,
        };
        add_edge(trace, edge);
    }
}

/// One observation among all.
enum Observed<'a> {
    Activity(&'a Activity),
    Result(UnixMillis, &'a AgentResultObserved),
}

fn add_result(
    trace: &mut RolloutTrace,
    report: &mut Report,
    deliveries: &mut Deliveries,
    seq: Seq,
    time: UnixMillis,
    event: &AgentResultObserved,
) {
    let unknown =
        [&event.child_thread_id, &event.parent_thread_id].into_iter().find(|id| !trace.threads.contains_key(*id));
    if let Some(thread) = unknown {
        let message = format!("an agent's result passed thread {thread}, which was never started; there is no edge");
        report.end(DiagnosticCode::UnknownThread, vec![thread.to_string(), event.edge_id.to_string()], message);
        return;
    }
    let known = arrived_before(trace, &event.edge_id);
    let item =
        known.or_else(|| deliveries.take(trace, &event.child_thread_id, &event.parent_thread_id, &event.message, 0));
    let Some(item) = item else {
        undelivered(
            trace,
            report,
            InteractionKind::AgentResult,
            None,
            Some(&event.parent_thread_id),
            Some(&event.message),
        );
        return;
    };
    let source = match last_message(trace, event, seq) {
        Some(item_id) => Anchor::ConversationItem { item_id },
        None => Anchor::Thread { thread_id: event.child_thread_id.clone() },
    };
    let edge = InteractionEdge {
        edge_id: event.edge_id.clone(),
        kind: InteractionKind::AgentResult,
        source,
        target: Anchor::ConversationItem { item_id: item },
        started_at_unix_ms: time,
        ended_at_unix_ms: Some(time),
        carried_item_ids: vec![item],
        carried_raw_payload_ids: event
            .carried_payload
            .iter()
            .map(|reference| reference.raw_payload_id.clone())
            .collect(),
    };
    add_edge(trace, edge);
}

/// The item at which an edge that was observed before ends.
fn arrived_before(trace: &RolloutTrace, edge_id: &EdgeId) -> Option<ItemId> {
    match trace.interaction_edges.get(edge_id)?.target {
        Anchor::ConversationItem { item_id } => Some(item_id),
        _ => None,
    }
}

/// The child's last message of the turn, as far as it was seen when the result was.
fn last_message(trace: &RolloutTrace, event: &AgentResultObserved, seq: Seq) -> Option<ItemId> {
    let spoken = |item: &&ConversationItem| {
        item.thread_id == event.child_thread_id
            && item.codex_turn_id.as_ref() == Some(&event.child_codex_turn_id)
            && item.role == Role::Assistant
            && item.kind == ItemKind::Message
            && message_between_agents(item).is_none()
    };
    let mut items = trace.conversation_items.values();
    let before = items.clone().filter(spoken).rfind(|item| item.first_seen_seq < seq);
    before.or_else(|| items.rfind(spoken)).map(|item| item.item_id)
}

/// Adds an edge; two observations of one edge merge.
fn add_edge(trace: &mut RolloutTrace, edge: InteractionEdge) {
    let Some(known) = trace.interaction_edges.get_mut(&edge.edge_id) else {
        trace.interaction_edges.insert(edge.edge_id.clone(), edge);
        return;
    };
    known.started_at_unix_ms = known.started_at_unix_ms.min(edge.started_at_unix_ms);
    known.ended_at_unix_ms = known.ended_at_unix_ms.max(edge.ended_at_unix_ms);
    if matches!(known.target, Anchor::Thread { .. }) {
        known.target = edge.target;
    }
    for item in edge.carried_item_ids {
        if !known.carried_item_ids.contains(&item) {
            known.carried_item_ids.push(item);
        }
    }
    for payload in edge.carried_raw_payload_ids {
        if !known.carried_raw_payload_ids.contains(&payload) {
            known.carried_raw_payload_ids.push(payload);
        }
    }
}

fn undelivered(
    trace: &mut RolloutTrace,
    report: &mut Report,
    kind: InteractionKind,
    tool: Option<&ToolCallId>,
    target: Option<&ThreadId>,
    message: Option<&String>,
) {
    let ids: Vec<_> = tool.map(ToString::to_string).into_iter().chain(target.map(ToString::to_string)).collect();
    let what = match kind {
        InteractionKind::AgentResult => "an agent's result",
        InteractionKind::CloseAgent => "the end of an agent",
        _ => "a message to an agent",
    };
    report.end(DiagnosticCode::UndeliveredMessage, ids, format!("{what} was never seen to arrive"));
    trace.undelivered_messages.push(UndeliveredMessage {
        kind,
        tool_call_id: tool.cloned(),
        target_thread_id: target.cloned(),
        message: message.cloned(),
    });
}

/// The items that may be messages from other agents, by receiving thread and what they say.
struct Deliveries {
    waiting: HashMap<(ThreadId, String), Vec<Delivery>>,
    taken: HashSet<ItemId>,
}

struct Delivery {
    item: ItemId,
    first_seen: Seq,
    /// Whether a compaction copied it.
    is_copy: bool,
    author: String,
    recipient: String,
}

impl Deliveries {
    fn new(trace: &RolloutTrace, accepted: &[(ItemId, String)]) -> Self {
        let mut waiting: HashMap<_, Vec<_>> = HashMap::new();
        let accepted = accepted.iter().filter_map(|(item, content)| {
            let item = &trace.conversation_items[item];
            let ends = item.agent_message.clone()?;
            let message =
                MessageBetweenAgents { author: ends.author, recipient: ends.recipient, content: content.clone() };
            Some((item, message))
        });
        let items = trace.conversation_items.values();
        let sighted = items.filter_map(|item| Some((item, message_between_agents(item)?)));
        for (item, MessageBetweenAgents { author, recipient, content }) in sighted.chain(accepted) {
            let is_copy = item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::Compaction { .. }));
            let delivery = Delivery { item: item.item_id, first_seen: item.first_seen_seq, is_copy, author, recipient };
            waiting.entry((item.thread_id.clone(), content)).or_default().push(delivery);
        }
        for deliveries in waiting.values_mut() {
            deliveries.sort_by_key(|delivery| delivery.item);
        }
        Self { waiting, taken: HashSet::new() }
    }

    /// The first item in the target thread that carries this message; each only once. One that was not there before the
    /// message was sent comes first, and a copy that a compaction made is none.
    fn take(
        &mut self,
        trace: &RolloutTrace,
        sender: &ThreadId,
        target: &ThreadId,
        message: &str,
        sent: Seq,
    ) -> Option<ItemId> {
        let path = |thread: &ThreadId| trace.threads.get(thread).map(|thread| thread.agent_path.as_str().to_owned());
        let (author, recipient) = (path(sender)?, path(target)?);
        let waiting = self.waiting.get(&(target.clone(), message.to_owned()))?;
        let fits = |delivery: &&Delivery| {
            delivery.author == author && delivery.recipient == recipient && !self.taken.contains(&delivery.item)
        };
        let fitting = waiting.iter().filter(fits);
        let later = fitting.clone().find(|delivery| delivery.first_seen > sent);
        let item = later.or_else(|| fitting.clone().find(|delivery| !delivery.is_copy))?.item;
        self.taken.insert(item);
        Some(item)
    }
}

/// The edges that end in each item.
pub(crate) fn arrivals(trace: &RolloutTrace) -> BTreeMap<ItemId, EdgeId> {
    let target = |edge: &InteractionEdge| match edge.target {
        Anchor::ConversationItem { item_id } => Some((item_id, edge.edge_id.clone())),
        _ => None,
    };
    trace.interaction_edges.values().filter_map(target).collect()
}
