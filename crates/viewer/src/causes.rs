//! What brought each thing about, one hop for each.

use rollout_trace::answers::Node;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    columns::{Deltas, PayloadColumn, Words, WordsBuilder},
    things::{Kind, Thing, ThingColumn},
    view::{View, seq},
};

/// The next hop of each thing on the way to its root. Following them gives the path that `why` prints: from an effect to
/// its cause, and from there to the cause of that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Causes {
    /// The words for the ends of causes, such as `person`.
    pub roots: Vec<String>,
    /// The hops of the items, in the order of their numbers.
    pub items: Hops,
    /// The hops of the requests.
    pub requests: Hops,
    /// The hops of the turns.
    pub turns: Hops,
    /// The hops of the agents.
    pub agents: Hops,
    /// The hops of the interactions.
    pub edges: Hops,
    /// The hops of the tool calls.
    pub calls: Hops,
    /// The hops of the code cells.
    pub cells: Hops,
    /// The hops of the terminal operations.
    pub operations: Hops,
    /// The hops of the terminal sessions.
    pub terminals: Hops,
    /// The hops of the compactions.
    pub compactions: Hops,
}

/// The next hops of things of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Hops {
    /// The number of each thing, as a list, because numbers of items may have gaps.
    pub of: Deltas,
    /// How effect and cause are related, such as `output_of`; `null` if no cause is known, not even a root.
    pub relation: Words,
    /// The cause.
    pub to: ThingColumn,
    /// How certain that is: `recorded`, `matched` or `inferred`.
    pub certainty: Words,
    /// The event that shows it.
    pub seq: Deltas,
    /// The payload that this event names.
    pub payload: PayloadColumn,
    /// The name of an origin.
    pub name: Words,
    /// How it is known, for people.
    pub note: Words,
}

impl Causes {
    pub(crate) fn of(view: &View<'_, '_>) -> Self {
        let things = &view.things;
        let mut forest = Forest { view, roots: Vec::new() };
        let items = view.graph().conversation_items.keys().map(|item| Node::Item(*item));
        let requests = view.rollout.calls().iter().map(|call| Node::Inference(call.inference_call_id.clone()));
        let causes = Self {
            roots: Vec::new(),
            items: forest.hops(items),
            requests: forest.hops(requests),
            turns: forest.hops(things.turns.iter().map(|turn| Node::Turn(turn.codex_turn_id.clone()))),
            agents: forest.hops(things.agents.iter().map(|agent| Node::Thread(agent.thread_id.clone()))),
            edges: forest.hops(things.edges.iter().map(|edge| Node::Edge(edge.edge_id.clone()))),
            calls: forest.hops(things.calls.iter().map(|call| Node::ToolCall(call.tool_call_id.clone()))),
            cells: forest.hops(things.cells.iter().map(|cell| Node::CodeCell(cell.code_cell_id.clone()))),
            operations: forest
                .hops(things.operations.iter().map(|operation| Node::TerminalOperation(operation.operation_id))),
            terminals: forest
                .hops(things.terminals.iter().map(|session| Node::TerminalSession(session.terminal_id.clone()))),
            compactions: forest
                .hops(things.compactions.iter().map(|compaction| Node::Compaction(compaction.compaction_id.clone()))),
        };
        Self { roots: forest.roots, ..causes }
    }
}

/// Collects the hops of all things.
struct Forest<'v, 'r, 'a> {
    view: &'v View<'r, 'a>,
    roots: Vec<String>,
}

impl Forest<'_, '_, '_> {
    fn hops(&mut self, nodes: impl Iterator<Item = Node>) -> Hops {
        let mut table = Hops::default();
        let mut words: [WordsBuilder; 4] = Default::default();
        for node in nodes {
            let hop = self.view.rollout.cause(&node);
            table.of.push(self.view.number(&node));
            table.to.push(hop.as_ref().and_then(|hop| self.thing(&hop.to)));
            table.seq.push(hop.as_ref().and_then(|hop| hop.seq.map(seq)));
            table.payload.push(hop.as_ref().and_then(|hop| hop.payload_id.as_ref()));
            let texts = [
                hop.as_ref().map(|hop| hop.relation.as_str()),
                hop.as_ref().map(|hop| hop.certainty.as_str()),
                hop.as_ref().and_then(|hop| hop.name.as_deref()),
                hop.as_ref().and_then(|hop| hop.note.as_deref()),
            ];
            words.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        }
        let [relation, certainty, name, note] = words.map(WordsBuilder::finish);
        Hops { relation, certainty, name, note, ..table }
    }

    fn thing(&mut self, node: &Node) -> Option<Thing> {
        let Node::Root(word) = node else { return self.view.things.of_node(node) };
        let place = self.roots.iter().position(|root| root == word).unwrap_or_else(|| {
            self.roots.push(word.clone());
            self.roots.len() - 1
        });
        Some(Thing(Kind::Root, u32::try_from(place).unwrap_or(u32::MAX)))
    }
}
