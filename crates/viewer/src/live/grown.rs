//! What a page is told when a rollout grows.

use rollout_trace::{answers::Node, model::AgentThread};
use schemars::JsonSchema;
use serde::Serialize;

use super::{memory::Memory, part::Part};
use crate::{Agent, Definitions, Deltas, Items, Labels, Spans, overview::agent, view::View};

/// What is new in a rollout that is followed: the rows of what changed. A row takes the place of the row with its number,
/// or follows the last one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Grown {
    /// The last event.
    pub last_seq: Option<u64>,
    /// How many rows the event log has.
    pub events: usize,
    /// The end of the time axis, in milliseconds from its start.
    pub end_ms: u64,
    /// The status of the rollout.
    pub status: String,
    /// The numbers of the rows of each table of `spans`.
    pub rows: GrownRows,
    /// The rows. `definitions` are those after the ones that were sent; of `compaction_requests`, which have no numbers, all
    /// are sent if one changed. What only the whole rollout tells is empty.
    pub spans: Spans,
    /// The items that are new or changed. A request that is new has carried its items: of those that are not here, it is
    /// the last carrier.
    pub items: Items,
    /// What these items say.
    pub labels: Labels,
    /// The numbers of the agents that are new or changed.
    pub agent_numbers: Deltas,
    /// These agents.
    pub agents: Vec<Agent>,
}

/// The numbers of the rows that changed, by table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct GrownRows {
    /// The turns.
    pub turns: Deltas,
    /// The requests.
    pub requests: Deltas,
    /// The tool calls.
    pub calls: Deltas,
    /// The code cells.
    pub cells: Deltas,
    /// The terminal operations.
    pub operations: Deltas,
    /// The terminal sessions.
    pub terminals: Deltas,
    /// The interactions.
    pub edges: Deltas,
    /// The compactions.
    pub compactions: Deltas,
}

impl Grown {
    /// Returns the rows of a part. `definitions` is how many definitions the page knows.
    pub(super) fn of_part(view: &View<'_, '_>, memory: &Memory, part: &Part, definitions: usize) -> Self {
        let things = &view.things;
        let numbers = |nodes: Vec<Node>| nodes.iter().map(|node| view.number(node)).collect();
        let rows = GrownRows {
            turns: numbers(things.turns.iter().map(|turn| Node::Turn(turn.codex_turn_id.clone())).collect()),
            requests: numbers(
                things.requests.iter().map(|call| Node::Inference(call.inference_call_id.clone())).collect(),
            ),
            calls: numbers(things.calls.iter().map(|call| Node::ToolCall(call.tool_call_id.clone())).collect()),
            cells: numbers(things.cells.iter().map(|cell| Node::CodeCell(cell.code_cell_id.clone())).collect()),
            operations: numbers(
                things.operations.iter().map(|operation| Node::TerminalOperation(operation.operation_id)).collect(),
            ),
            terminals: numbers(
                things.terminals.iter().map(|session| Node::TerminalSession(session.terminal_id.clone())).collect(),
            ),
            edges: numbers(things.edges.iter().map(|edge| Node::Edge(edge.edge_id.clone())).collect()),
            compactions: numbers(
                things
                    .compactions
                    .iter()
                    .map(|compaction| Node::Compaction(compaction.compaction_id.clone()))
                    .collect(),
            ),
        };
        let new = &view.rollout.facts().definitions()[definitions..];
        let agents = || things.agents.iter().copied();
        Self {
            last_seq: view.log.last_seq(),
            events: view.log.rows.len(),
            end_ms: end_ms(view),
            status: view.graph().status.to_string(),
            rows,
            spans: Spans { definitions: Definitions::of(new), ..Spans::of_part(view) },
            items: Items::of_items(view, part.items()),
            labels: Labels::of_items(view, part.items()),
            agent_numbers: numbers(agents().map(|thread| Node::Thread(thread.thread_id.clone())).collect()),
            agents: agents().map(|thread| agent_of_part(view, memory, thread)).collect(),
        }
    }
}

/// Returns the end of the time axis.
fn end_ms(view: &View<'_, '_>) -> u64 {
    let last = view.log.last_at().map_or(0, |at| view.ms(at));
    u64::try_from(last).unwrap_or_default()
}

/// Returns an agent with what it has done, which is remembered.
fn agent_of_part(view: &View<'_, '_>, memory: &Memory, thread: &AgentThread) -> Agent {
    let sums = memory.sums.get(&thread.thread_id).cloned().unwrap_or_default();
    let agent = agent(view, thread);
    let first = memory.first_turn(&thread.thread_id).and_then(|turn| view.graph().codex_turns.get(turn));
    let input = first.filter(|_| agent.parent.is_none()).and_then(|turn| view.rollout.input_of(turn));
    let end = agent.end.unwrap_or_else(|| i64::try_from(end_ms(view)).unwrap_or(i64::MAX));
    Agent {
        told: input.into_iter().map(|item| item.0).chain(sums.told).collect(),
        gave_back: sums.gave_back,
        turns: sums.turns,
        requests: sums.requests,
        calls: sums.calls,
        input_tokens: sums.usage.input_tokens,
        cached_input_tokens: sums.usage.cached_input_tokens,
        output_tokens: sums.usage.output_tokens,
        wall_ms: u64::try_from(end.saturating_sub(agent.start)).unwrap_or_default(),
        ..agent
    }
}
