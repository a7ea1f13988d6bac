//! The numbers of things: a page names each thing by its kind and a number.

use std::{borrow::Cow, collections::HashMap};

use rollout_trace::{
    answers::{Node, Rollout},
    model::{
        AgentThread, CodeCell, CodexTurn, Compaction, InferenceCall, InteractionEdge, RolloutTrace, TerminalOperation,
        TerminalSession, ToolCall,
    },
    schema::Seq,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// The kind of a thing, which is written as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An item of a conversation. Its number is that of its id.
    Item,
    /// A request to the model and its answer: an inference call.
    Request,
    /// A turn.
    Turn,
    /// An agent.
    Agent,
    /// An interaction between agents.
    Edge,
    /// A tool call.
    Call,
    /// A code cell.
    Cell,
    /// A terminal operation.
    Operation,
    /// A terminal session.
    Terminal,
    /// A compaction.
    Compaction,
    /// Where causes end. Its number is a place in the `roots` of the causes.
    Root,
    /// The definition of a tool, instructions or an output format, which requests hold besides items.
    Definition,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Item,
        Self::Request,
        Self::Turn,
        Self::Agent,
        Self::Edge,
        Self::Call,
        Self::Cell,
        Self::Operation,
        Self::Terminal,
        Self::Compaction,
        Self::Root,
        Self::Definition,
    ];

    /// Returns the name that pages use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Request => "request",
            Self::Turn => "turn",
            Self::Agent => "agent",
            Self::Edge => "edge",
            Self::Call => "call",
            Self::Cell => "cell",
            Self::Operation => "operation",
            Self::Terminal => "terminal",
            Self::Compaction => "compaction",
            Self::Root => "root",
            Self::Definition => "definition",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl JsonSchema for Kind {
    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Kind::ALL.map(|kind| format!("{} {}", kind as u8, kind.as_str())).join(", ");
        json_schema!({
            "description": format!("The kind of a thing: {names}."),
            "enum": Kind::ALL.map(|kind| kind as u8),
        })
    }
}

/// A thing: its kind and its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Thing(pub Kind, pub u32);

/// A column of things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ThingColumn {
    /// The kind of each row's thing, or `null` if the row has none.
    pub kind: Vec<Option<Kind>>,
    /// The number of each row's thing.
    pub number: crate::columns::Deltas,
}

impl ThingColumn {
    pub(crate) fn push(&mut self, thing: Option<Thing>) {
        self.kind.push(thing.map(|thing| thing.0));
        self.number.push(thing.map(|thing| i64::from(thing.1)));
    }
}

/// The things of a rollout in the order of their numbers.
///
/// Numbers of items are those of their ids. All other things are numbered from 0 in the order in which they started, and
/// those that started with one event in the order of their ids.
///
/// Of a part of a rollout, the lists are the things whose rows are made, and the numbers are those of the whole rollout.
pub(crate) struct Things<'a> {
    pub(crate) requests: Vec<&'a InferenceCall>,
    pub(crate) turns: Vec<&'a CodexTurn>,
    pub(crate) agents: Vec<&'a AgentThread>,
    pub(crate) edges: Vec<&'a InteractionEdge>,
    pub(crate) calls: Vec<&'a ToolCall>,
    pub(crate) cells: Vec<&'a CodeCell>,
    pub(crate) operations: Vec<&'a TerminalOperation>,
    pub(crate) terminals: Vec<&'a TerminalSession>,
    pub(crate) compactions: Vec<&'a Compaction>,
    numbers: Cow<'a, HashMap<Node, u32>>,
    /// What other texts than selectors name a thing: the ids that answers print.
    by_id: HashMap<String, Thing>,
}

pub(crate) fn by_start<'a, T>(things: impl Iterator<Item = &'a T>, seq: impl Fn(&T) -> Seq) -> Vec<&'a T> {
    let mut things: Vec<_> = things.collect();
    // The maps are ordered by id, which remains the order of those with one seq.
    things.sort_by_key(|thing| seq(thing));
    things
}

impl<'a> Things<'a> {
    pub(crate) fn of(rollout: &Rollout<'a>) -> Self {
        let graph: &'a RolloutTrace = rollout.graph();
        let mut things = Self {
            requests: rollout.calls().to_vec(),
            turns: by_start(graph.codex_turns.values(), |turn| turn.execution.started_seq),
            agents: by_start(graph.threads.values(), |thread| thread.execution.started_seq),
            edges: by_start(graph.interaction_edges.values(), |edge| edge.started_seq),
            calls: by_start(graph.tool_calls.values(), |call| call.execution.started_seq),
            cells: by_start(graph.code_cells.values(), |cell| cell.execution.started_seq),
            operations: by_start(graph.terminal_operations.values(), |operation| operation.execution.started_seq),
            terminals: by_start(graph.terminal_sessions.values(), |session| session.execution.started_seq),
            compactions: by_start(graph.compactions.values(), |compaction| compaction.installed_seq),
            numbers: Cow::default(),
            by_id: HashMap::new(),
        };
        let mut numbers = HashMap::new();
        for (node, number) in things.nodes(rollout) {
            things.by_id.entry(node.to_string()).or_insert(Thing(kind(&node), number));
            numbers.insert(node, number);
        }
        things.numbers = Cow::Owned(numbers);
        things
    }

    /// Returns the things of a part of a rollout that have these nodes, with the numbers of the whole rollout.
    pub(crate) fn part<'n>(
        graph: &'a RolloutTrace,
        nodes: impl Iterator<Item = &'n Node>,
        numbers: &'a HashMap<Node, u32>,
    ) -> Self {
        let mut things = Self {
            requests: Vec::new(),
            turns: Vec::new(),
            agents: Vec::new(),
            edges: Vec::new(),
            calls: Vec::new(),
            cells: Vec::new(),
            operations: Vec::new(),
            terminals: Vec::new(),
            compactions: Vec::new(),
            numbers: Cow::Borrowed(numbers),
            by_id: HashMap::new(),
        };
        for node in nodes {
            match node {
                Node::Inference(id) => things.requests.extend(graph.inference_calls.get(id)),
                Node::Turn(id) => things.turns.extend(graph.codex_turns.get(id)),
                Node::Thread(id) => things.agents.extend(graph.threads.get(id)),
                Node::Edge(id) => things.edges.extend(graph.interaction_edges.get(id)),
                Node::ToolCall(id) => things.calls.extend(graph.tool_calls.get(id)),
                Node::CodeCell(id) => things.cells.extend(graph.code_cells.get(id)),
                Node::TerminalOperation(id) => things.operations.extend(graph.terminal_operations.get(id)),
                Node::TerminalSession(id) => things.terminals.extend(graph.terminal_sessions.get(id)),
                Node::Compaction(id) => things.compactions.extend(graph.compactions.get(id)),
                Node::Item(_) | Node::Root(_) => {}
            }
        }
        things
    }

    fn nodes(&self, rollout: &Rollout<'a>) -> Vec<(Node, u32)> {
        fn numbered<T>(things: &[T], node: impl Fn(&T) -> Node) -> impl Iterator<Item = (Node, u32)> {
            things.iter().map(node).zip(0..)
        }
        let items = rollout.graph().conversation_items.keys().map(|item| (Node::Item(*item), item.0));
        items
            .chain(numbered(rollout.calls(), |call| Node::Inference(call.inference_call_id.clone())))
            .chain(numbered(&self.turns, |turn| Node::Turn(turn.codex_turn_id.clone())))
            .chain(numbered(&self.agents, |agent| Node::Thread(agent.thread_id.clone())))
            .chain(numbered(&self.edges, |edge| Node::Edge(edge.edge_id.clone())))
            .chain(numbered(&self.calls, |call| Node::ToolCall(call.tool_call_id.clone())))
            .chain(numbered(&self.cells, |cell| Node::CodeCell(cell.code_cell_id.clone())))
            .chain(numbered(&self.operations, |operation| Node::TerminalOperation(operation.operation_id)))
            .chain(numbered(&self.terminals, |session| Node::TerminalSession(session.terminal_id.clone())))
            .chain(numbered(&self.compactions, |compaction| Node::Compaction(compaction.compaction_id.clone())))
            .collect()
    }

    /// Returns the terminal operation with a number.
    pub(crate) fn operation(&self, number: u32) -> Option<&'a TerminalOperation> {
        self.at(&self.operations, number, |operation| Node::TerminalOperation(operation.operation_id))
    }

    /// Returns the code cell with a number.
    pub(crate) fn cell(&self, number: u32) -> Option<&'a CodeCell> {
        self.at(&self.cells, number, |cell| Node::CodeCell(cell.code_cell_id.clone()))
    }

    /// Returns the thing with a number. In the list of a whole rollout the number is its place.
    fn at<T>(&self, things: &[&'a T], number: u32, node: impl Fn(&T) -> Node) -> Option<&'a T> {
        let is_it = |thing: &&&T| self.number(&node(thing)) == Some(number);
        let thing = things.get(number as usize).filter(is_it).or_else(|| things.iter().find(is_it));
        thing.copied()
    }

    /// Returns the thing that a node of an answer is; `None` if the rollout has no such thing.
    pub(crate) fn of_node(&self, node: &Node) -> Option<Thing> {
        self.numbers.get(node).map(|number| Thing(kind(node), *number))
    }

    /// Returns the number of the thing that a node of an answer is.
    pub(crate) fn number(&self, node: &Node) -> Option<u32> {
        self.numbers.get(node).copied()
    }

    /// Returns the thing with an id that an answer prints.
    pub(crate) fn of_id(&self, id: &str) -> Option<Thing> {
        self.by_id.get(id).copied()
    }
}

pub(crate) fn kind(node: &Node) -> Kind {
    match node {
        Node::Item(_) => Kind::Item,
        Node::Inference(_) => Kind::Request,
        Node::Turn(_) => Kind::Turn,
        Node::Thread(_) => Kind::Agent,
        Node::Edge(_) => Kind::Edge,
        Node::ToolCall(_) => Kind::Call,
        Node::CodeCell(_) => Kind::Cell,
        Node::TerminalOperation(_) => Kind::Operation,
        Node::TerminalSession(_) => Kind::Terminal,
        Node::Compaction(_) => Kind::Compaction,
        Node::Root(_) => Kind::Root,
    }
}
