//! What a page shows first.

use std::collections::BTreeMap;

use rollout_trace::{
    answers::{self, Glance, Node, Stats, Time, Verdict, first_chars},
    model::{AgentThread, Anchor, InteractionKind, ThreadOrigin},
    schema::{Producer, ThreadId},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    things::{Kind, Thing},
    view::View,
};

/// What a page shows first: who and what, how it ended, and how complete the evidence is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Overview {
    /// What the rollout is called: the name of its bundle.
    pub name: String,
    /// The bundle as a command takes it, quoted for a shell.
    pub command_path: String,
    /// Why nothing else is shown: the bundle has a newer schema, or it cannot be opened. All other fields are empty then.
    pub refused: Option<Refused>,
    /// Everything else.
    pub rollout: Option<RolloutOverview>,
}

/// Why a rollout is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refused {
    /// What is wrong.
    pub what: String,
    /// What a person can do.
    pub hint: String,
}

/// A rollout at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RolloutOverview {
    /// The program that recorded the rollout with its version, and the one that started the session, as far as known.
    pub agent: Option<String>,
    /// The folder in which the root agent worked.
    pub cwd: Option<String>,
    /// The newest schema version that is known, if its rules were applied without proof that the bundle has it.
    pub read_as_schema: Option<u32>,
    /// When the recording began, which is 0 ms on the time axis.
    pub started_at_unix_ms: i64,
    /// The end of the time axis, in milliseconds from its start.
    pub end_ms: u64,
    /// The last event.
    pub last_seq: Option<u64>,
    /// Whether the rollout is still being followed, so that things without an end may still run.
    pub is_followed: bool,
    /// What began the first turn of the root agent.
    pub asked: Option<Said>,
    /// What the model said last in the last turn of the root agent.
    pub answered: Option<Said>,
    /// The rollout in numbers.
    pub stats: Stats,
    /// Where its time went.
    pub time: Time,
    /// How complete its evidence is.
    pub verdict: Verdict,
    /// For each gap of the verdict, the things that its ids name, as far as they are things.
    pub gap_things: Vec<Vec<Thing>>,
    /// The agents in the order of their numbers.
    pub agents: Vec<Agent>,
    /// How many things of each kind there are, by the name of the kind.
    pub counts: BTreeMap<&'static str, usize>,
    /// The highest number of an item, or 0.
    pub last_item: u32,
    /// How many rows the event log has, including those for damage.
    pub events: usize,
}

/// A text of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Said {
    /// The item.
    pub item: u32,
    /// The beginning of its readable text.
    pub text: String,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Agent {
    /// The id of its thread.
    pub thread_id: String,
    /// Its name: its path, with `#2` and so on if another agent has the same.
    pub name: String,
    /// Its name for people.
    pub nickname: Option<String>,
    /// The agent that spawned it.
    pub parent: Option<u32>,
    /// The interaction that spawned it.
    pub spawn_edge: Option<u32>,
    /// The name of its task.
    pub task: Option<String>,
    /// Its role.
    pub role: Option<String>,
    /// Its default model.
    pub model: Option<String>,
    /// Its folder.
    pub cwd: Option<String>,
    /// Its status.
    pub status: String,
    /// When it started, in milliseconds on the time axis.
    pub start: i64,
    /// When it ended.
    pub end: Option<i64>,
    /// The event with which it started.
    pub start_seq: u64,
    /// The event with which it ended.
    pub end_seq: Option<u64>,
    /// Whether the event of the start is lost.
    pub start_unobserved: bool,
    /// The items that told it what to do, the first first.
    pub told: Vec<u32>,
    /// The items that it gave back to its parent.
    pub gave_back: Vec<u32>,
    /// How many turns it had.
    pub turns: usize,
    /// How many requests it made.
    pub requests: usize,
    /// How many tools it called.
    pub calls: usize,
    /// The input tokens that were reported for its requests.
    pub input_tokens: i64,
    /// Those of them that were read from the provider's cache.
    pub cached_input_tokens: i64,
    /// The output tokens that were reported.
    pub output_tokens: i64,
    /// The milliseconds from its start to its end.
    pub wall_ms: u64,
}

/// The most characters of a text in the overview.
const SAID: usize = 600;

impl RolloutOverview {
    pub(crate) fn of(view: &View<'_, '_>, producer: Option<&Producer>, is_followed: bool) -> Self {
        let (rollout, graph) = (view.rollout, view.graph());
        let glance = Glance::of(rollout, producer);
        let said = |said: answers::Said| Said { item: said.item_id.0, text: first_chars(&said.text, SAID) };
        Self {
            agent: glance.agent,
            cwd: glance.cwd,
            read_as_schema: graph.read_as_schema,
            started_at_unix_ms: graph.started_at_unix_ms,
            end_ms: glance.time.wall_ms,
            last_seq: view.log.last_seq(),
            is_followed,
            asked: glance.asked.map(said),
            answered: glance.answered.map(said),
            gap_things: glance.verdict.gaps.iter().map(|gap| view.things_of(&gap.ids)).collect(),
            agents: agents(view, &glance.time),
            stats: glance.stats,
            time: glance.time,
            verdict: glance.verdict,
            counts: counts(view),
            last_item: graph.conversation_items.keys().next_back().map_or(0, |item| item.0),
            events: view.log.rows.len(),
        }
    }
}

fn counts(view: &View<'_, '_>) -> BTreeMap<&'static str, usize> {
    let things = &view.things;
    BTreeMap::from([
        (Kind::Item.as_str(), view.graph().conversation_items.len()),
        (Kind::Request.as_str(), view.rollout.calls().len()),
        (Kind::Turn.as_str(), things.turns.len()),
        (Kind::Agent.as_str(), things.agents.len()),
        (Kind::Edge.as_str(), things.edges.len()),
        (Kind::Call.as_str(), things.calls.len()),
        (Kind::Cell.as_str(), things.cells.len()),
        (Kind::Operation.as_str(), things.operations.len()),
        (Kind::Terminal.as_str(), things.terminals.len()),
        (Kind::Compaction.as_str(), things.compactions.len()),
        (Kind::Definition.as_str(), view.rollout.facts().definitions().len()),
    ])
}

fn agents(view: &View<'_, '_>, time: &Time) -> Vec<Agent> {
    let mut agents: Vec<_> = { view.things.agents.iter() }.map(|thread| agent(view, thread)).collect();
    // Both are in the order in which the threads started.
    for (agent, time) in agents.iter_mut().zip(&time.threads) {
        agent.wall_ms = time.wall_ms;
    }
    let place = |thread: &ThreadId| view.things.number(&Node::Thread(thread.clone())).map(|place| place as usize);
    for turn in &view.things.turns {
        let Some(agent) = place(&turn.thread_id).and_then(|place| agents.get_mut(place)) else { continue };
        if agent.turns == 0 && agent.parent.is_none() {
            agent.told.extend(view.rollout.input_of(turn).map(|item| item.0));
        }
        agent.turns += 1;
    }
    for call in view.rollout.calls() {
        let Some(agent) = place(&call.thread_id).and_then(|place| agents.get_mut(place)) else { continue };
        agent.requests += 1;
        let usage = call.usage.unwrap_or_default();
        agent.input_tokens = agent.input_tokens.saturating_add(usage.input_tokens);
        agent.cached_input_tokens = agent.cached_input_tokens.saturating_add(usage.cached_input_tokens);
        agent.output_tokens = agent.output_tokens.saturating_add(usage.output_tokens);
    }
    for call in &view.things.calls {
        let Some(agent) = place(&call.thread_id).and_then(|place| agents.get_mut(place)) else { continue };
        agent.calls += 1;
    }
    for edge in &view.things.edges {
        let agent_of = |anchor| view.rollout.thread_of(anchor).and_then(place);
        let items = edge.carried_item_ids.iter().map(|item| item.0);
        match edge.kind {
            InteractionKind::AgentResult => {
                let Some(agent) = agent_of(&edge.source).and_then(|place| agents.get_mut(place)) else { continue };
                match &edge.source {
                    Anchor::ConversationItem { item_id } => agent.gave_back.push(item_id.0),
                    Anchor::ToolCall { .. } | Anchor::Thread { .. } => agent.gave_back.extend(items),
                }
            }
            InteractionKind::SpawnAgent | InteractionKind::AssignAgentTask | InteractionKind::SendMessage => {
                let Some(agent) = agent_of(&edge.target).and_then(|place| agents.get_mut(place)) else { continue };
                agent.told.extend(items);
            }
            InteractionKind::CloseAgent => {}
        }
    }
    agents
}

/// Returns what an agent's thread says about it. Sums come later.
pub(crate) fn agent(view: &View<'_, '_>, thread: &AgentThread) -> Agent {
    let execution = &thread.execution;
    let (mut parent, mut spawn_edge, mut task, mut role) = (None, None, None, None);
    if let ThreadOrigin::Spawned { parent_thread_id, spawn_edge_id, task_name, agent_role } = &thread.origin {
        parent = view.things.number(&Node::Thread(parent_thread_id.clone()));
        spawn_edge = view.things.number(&Node::Edge(spawn_edge_id.clone()));
        task = Some(task_name.clone()).filter(|task| !task.is_empty());
        role = Some(agent_role.clone()).filter(|role| !role.is_empty());
    }
    Agent {
        thread_id: thread.thread_id.to_string(),
        name: view.rollout.agent(&thread.thread_id).to_owned(),
        nickname: thread.nickname.clone(),
        parent,
        spawn_edge,
        task,
        role,
        model: thread.default_model.clone(),
        cwd: thread.cwd.clone(),
        status: execution.status.to_string(),
        start: view.ms(execution.started_at_unix_ms),
        end: execution.ended_at_unix_ms.map(|at| view.ms(at)),
        start_seq: execution.started_seq,
        end_seq: execution.ended_seq,
        start_unobserved: execution.start_unobserved,
        told: Vec::new(),
        gave_back: Vec::new(),
        turns: 0,
        requests: 0,
        calls: 0,
        input_tokens: 0,
        cached_input_tokens: 0,
        output_tokens: 0,
        wall_ms: 0,
    }
}
