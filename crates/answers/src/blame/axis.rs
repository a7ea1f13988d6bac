//! What the rows of a blame are by.

use std::str::FromStr;

use rollout_trace_model::{ConversationItem, InferenceCall, ItemId, map::HashMap};
use rollout_trace_schema::ToolKind;
use schemars::JsonSchema;
use serde::Serialize;

use super::Part;
use crate::{
    Origin, OriginClass, UnknownName,
    files::only_file,
    index::{is_call, is_output},
    rollout::Rollout,
    tool_name,
};

/// What the rows of a blame are by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Where items come from.
    #[default]
    Source,
    /// Each item.
    Item,
    /// The tool, as the model names it.
    Tool,
    /// The MCP server.
    Server,
    /// The agent that wrote.
    Agent,
    /// The file that a tool call was about.
    File,
    /// The turn.
    Turn,
    /// The section of the request.
    Section,
    /// The thread that carried it.
    Thread,
}

impl Axis {
    /// All axes.
    pub const ALL: [Self; 9] = [
        Self::Source,
        Self::Item,
        Self::Tool,
        Self::Server,
        Self::Agent,
        Self::File,
        Self::Turn,
        Self::Section,
        Self::Thread,
    ];

    /// Returns the name of the axis.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Item => "item",
            Self::Tool => "tool",
            Self::Server => "server",
            Self::Agent => "agent",
            Self::File => "file",
            Self::Turn => "turn",
            Self::Section => "section",
            Self::Thread => "thread",
        }
    }
}

impl FromStr for Axis {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::find(&Self::ALL, Self::as_str, name)
    }
}

/// Finds the key of each part, once for each part. Keys are numbered in the order in which they are found.
pub(super) struct Keys<'r, 'a> {
    rollout: &'r Rollout<'a>,
    by: Axis,
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    /// By the place of the item.
    of_items: Vec<Option<usize>>,
    of_others: HashMap<Part, usize>,
    /// The agent whose requests are looked at, if that is the key of all their parts.
    agent: Option<usize>,
}

impl<'r, 'a> Keys<'r, 'a> {
    pub(super) fn new(rollout: &'r Rollout<'a>, by: Axis) -> Self {
        Self {
            rollout,
            by,
            names: Vec::new(),
            numbers: HashMap::default(),
            of_items: vec![None; rollout.items().len()],
            of_others: HashMap::default(),
            agent: None,
        }
    }

    /// Returns the keys, in the order of their numbers.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// Begins with the requests of the agent that made a call.
    pub(super) fn begin(&mut self, call: &InferenceCall) {
        self.agent = (self.by == Axis::Thread).then(|| self.number(self.rollout.agent(&call.thread_id).to_owned()));
    }

    /// Returns the number of a part's key.
    pub(super) fn of(&mut self, part: Part) -> usize {
        if let Some(agent) = self.agent {
            return agent;
        }
        match part {
            Part::Item(item) => match self.rollout.items().get(item) {
                Some(place) => match self.of_items[place] {
                    Some(key) => key,
                    None => {
                        let key = self.number(self.of_item(item));
                        self.of_items[place] = Some(key);
                        key
                    }
                },
                None => self.of_missing(),
            },
            part => match self.of_others.get(&part) {
                Some(key) => *key,
                None => {
                    let key = self.number(self.of_other(part));
                    self.of_others.insert(part, key);
                    key
                }
            },
        }
    }

    /// Returns the number of the key of items that the graph lacks.
    pub(super) fn of_missing(&mut self) -> usize {
        self.agent.unwrap_or_else(|| self.number("unknown".to_owned()))
    }

    fn number(&mut self, name: String) -> usize {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn of_other(&self, part: Part) -> String {
        match part {
            Part::Tool(id) => self.of_tool(&self.rollout.facts().definition(id).name),
            Part::Instructions(_) => "instructions".to_owned(),
            Part::OutputFormat(_) if self.by == Axis::Section => "output_format".to_owned(),
            Part::OutputFormat(_) => "output format".to_owned(),
            Part::Item(item) => self.of_item(item),
        }
    }

    fn of_tool(&self, name: &str) -> String {
        match self.by {
            Axis::Item => format!("tool {name}"),
            Axis::Tool => format!("definition of {name}"),
            Axis::Section => "tools".to_owned(),
            Axis::Source | Axis::Server => match name.strip_prefix("mcp__") {
                Some(rest) => format!("tool list: {}", rest.split_once("__").map_or(rest, |(server, _)| server)),
                None => "tool list".to_owned(),
            },
            Axis::Agent | Axis::File | Axis::Turn | Axis::Thread => "tool list".to_owned(),
        }
    }

    fn of_item(&self, id: ItemId) -> String {
        let Some(item) = self.rollout.graph().conversation_items.get(&id) else { return "unknown".to_owned() };
        let origin = self.rollout.index().origin(id);
        match self.by {
            Axis::Source | Axis::Thread => source(origin),
            Axis::Item => id.to_string(),
            Axis::Tool => self.tool(item),
            Axis::Server if origin.class == OriginClass::Mcp => format!("answers of {}", origin.name),
            Axis::Server => "other".to_owned(),
            Axis::Agent if origin.class == OriginClass::Agent => format!("from {}", origin.name),
            Axis::Agent => "own".to_owned(),
            Axis::File => {
                let call = self.rollout.tool_behind(item);
                call.and_then(|call| only_file(self.rollout, call)).unwrap_or_else(|| "no one file".to_owned())
            }
            Axis::Turn => item.codex_turn_id.as_ref().map_or_else(|| "no turn".to_owned(), |turn| turn.to_string()),
            Axis::Section => "items".to_owned(),
        }
    }

    fn tool(&self, item: &ConversationItem) -> String {
        if is_call(&item.kind) {
            return self.name_of_call(item).map_or_else(|| "no tool".to_owned(), |name| format!("calls of {name}"));
        }
        if !is_output(&item.kind) {
            return "no tool".to_owned();
        }
        let items = &self.rollout.graph().conversation_items;
        let call = self.rollout.index().call_of_output(item).and_then(|call| items.get(&call));
        let name = call.and_then(|call| self.name_of_call(call));
        let name = name.or_else(|| self.rollout.tool_behind(item).map(|call| tool_name(&call.kind).into_owned()));
        name.map_or_else(|| "no tool".to_owned(), |name| format!("answers of {name}"))
    }

    /// Returns the tool that an item calls, as the model names it.
    fn name_of_call(&self, item: &ConversationItem) -> Option<String> {
        let call = self.rollout.index().tool_of_call_item(item.item_id);
        match call.map(|call| &call.kind) {
            Some(kind @ ToolKind::Mcp { .. }) => Some(tool_name(kind).into_owned()),
            kind => item.name.clone().or_else(|| kind.map(|kind| tool_name(kind).into_owned())),
        }
    }
}

fn source(origin: &Origin) -> String {
    let name = &origin.name;
    match origin.class {
        OriginClass::Tool => "tool answers".to_owned(),
        OriginClass::Mcp => format!("answers of MCP server {name}"),
        OriginClass::Model => format!("model: {name}"),
        OriginClass::Agent => format!("messages of {name}"),
        OriginClass::Person => "person".to_owned(),
        OriginClass::Harness => format!("harness: {name}"),
        OriginClass::Compaction => "compaction summaries".to_owned(),
        OriginClass::Before => "from before the recording".to_owned(),
        OriginClass::Unknown => "unknown".to_owned(),
    }
}
