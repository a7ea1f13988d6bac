//! Texts with where they are.

use std::str::FromStr;

use regex::Regex;
use rollout_trace_model::{
    CodeCell, ConversationItem, Line, OperationKind, ProducerRef, TerminalOperation, TerminalRequest,
};
use rollout_trace_schema::{Seq, ThreadId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Rollout, UnknownName, tool_name::tool_name, words::counted};

/// What is searched for, and where.
#[derive(Clone, Debug)]
pub struct Search {
    /// What a line must match.
    pub pattern: Regex,
    /// Only in this thread.
    pub thread: Option<ThreadId>,
    /// Only in items, operations or cells of this kind.
    pub kind: Option<String>,
    /// Only in items with this role.
    pub role: Option<String>,
    /// Only in what belongs to this tool.
    pub tool: Option<String>,
    /// Only in texts of this class.
    pub place: Option<Place>,
}

impl Search {
    /// Searches everything.
    pub fn everywhere(pattern: Regex) -> Self {
        Self { pattern, thread: None, kind: None, role: None, tool: None, place: None }
    }
}

/// A class of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The command or input of a terminal operation.
    Command,
    /// What an item says to a model, or a model in it.
    Item,
    /// The output of a terminal operation.
    Output,
    /// The source of a code cell.
    Source,
}

impl Place {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Item, Self::Command, Self::Output, Self::Source];

    /// Returns the class as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Item => "item",
            Self::Output => "output",
            Self::Source => "source",
        }
    }
}

impl FromStr for Place {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::find(&Self::ALL, Self::as_str, name)
    }
}

/// The lines of texts that match a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Grep {
    /// `grep`.
    pub question: &'static str,
    /// The pattern.
    pub pattern: String,
    /// The number of matching lines.
    pub matches: usize,
    /// The matching lines, in the order of the events that show them.
    pub rows: Vec<GrepRow>,
}

/// A line that matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GrepRow {
    /// The class of the text.
    #[serde(rename = "where")]
    pub place: Place,
    /// The item, terminal operation or code cell.
    pub id: String,
    /// The event that shows the text; null if none does.
    pub seq: Option<Seq>,
    /// The thread.
    pub thread_id: Option<ThreadId>,
    /// The kind of the item or operation, or `code_cell`.
    pub kind: String,
    /// The role of the item.
    pub role: Option<String>,
    /// The tool that the text is from or for.
    pub tool: Option<String>,
    /// The number of the line in the text, from 1.
    pub line: usize,
    /// Where the first match in the line begins, in bytes, from 1.
    pub column: usize,
    /// The line.
    pub text: String,
}

/// A text that is searched, with what is known about it.
struct Searched<'a> {
    row: GrepRow,
    /// The number of the item or operation, which orders those that one event shows.
    number: u32,
    texts: Vec<std::borrow::Cow<'a, str>>,
}

impl Grep {
    /// Searches the texts of a rollout.
    pub fn of(rollout: &Rollout<'_>, search: &Search) -> Self {
        let graph = rollout.graph();
        let items = graph.conversation_items.values().map(|item| of_item(rollout, item));
        let operations = graph.terminal_operations.values().flat_map(|operation| of_operation(rollout, operation));
        let cells = graph.code_cells.values().map(of_cell);
        let mut searched: Vec<_> =
            items.chain(operations).chain(cells).filter(|text| search.wants(&text.row)).collect();
        searched.sort_by(|left, right| {
            let key = |text: &Searched<'_>| (text.row.seq, text.row.place.as_str(), text.number);
            key(left).cmp(&key(right)).then_with(|| left.row.id.cmp(&right.row.id))
        });
        let rows: Vec<_> = searched.iter().flat_map(|text| text.matches(&search.pattern)).collect();
        Self { question: "grep", pattern: search.pattern.as_str().to_owned(), matches: rows.len(), rows }
    }

    /// Returns the answer as text.
    pub fn lines(&self, rollout: &Rollout<'_>) -> Vec<Line> {
        let mut lines: Vec<Line> = vec![counted(self.matches, "line").into()];
        for row in &self.rows {
            let seq = row.seq.map_or("-".to_owned(), |seq| seq.to_string());
            let name = match row.id.strip_prefix("conversation_item:") {
                Some(number) if row.place == Place::Item => format!("[{number}]"),
                _ => format!("{} {}", row.place.as_str(), row.id),
            };
            let agent = row.thread_id.as_ref().map(|thread| rollout.agent(thread)).unwrap_or_default();
            lines.push(format!("  seq {seq:>5}  {agent}  {name}:{}:{}  {}", row.line, row.column, row.text).into());
        }
        lines
    }
}

impl Search {
    fn wants(&self, row: &GrepRow) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| value == Some(wanted.as_str()))
        };
        self.place.is_none_or(|place| place == row.place)
            && is(&self.kind, Some(&row.kind))
            && is(&self.role, row.role.as_deref())
            && is(&self.tool, row.tool.as_deref())
            && self.thread.as_ref().is_none_or(|wanted| row.thread_id.as_ref() == Some(wanted))
    }
}

impl Searched<'_> {
    fn matches<'s>(&'s self, pattern: &'s Regex) -> impl Iterator<Item = GrepRow> + 's {
        let lines = self.texts.iter().flat_map(|text| text.split('\n').enumerate());
        lines.filter_map(move |(number, line)| {
            let found = pattern.find(line)?;
            let (column, text) = (found.start() + 1, line.to_owned());
            Some(GrepRow { line: number + 1, column, text, ..self.row.clone() })
        })
    }
}

fn of_item<'a>(rollout: &'a Rollout<'_>, item: &'a ConversationItem) -> Searched<'a> {
    let by_cell = || item.produced_by.iter().any(|producer| matches!(producer, ProducerRef::CodeCell { .. }));
    let tool = match rollout.tool_behind(item) {
        Some(call) => Some(tool_name(&call.kind).into_owned()),
        None if by_cell() => Some("exec".to_owned()),
        None => item.name.clone(),
    };
    let row = GrepRow {
        place: Place::Item,
        id: item.item_id.to_string(),
        seq: item.shown.as_ref().map(|shown| shown.seq),
        thread_id: Some(item.thread_id.clone()),
        kind: item.kind.to_string(),
        role: Some(item.role.to_string()),
        tool,
        line: 0,
        column: 0,
        text: String::new(),
    };
    Searched { row, number: item.item_id.0, texts: vec![rollout.facts().text(item)] }
}

fn of_operation<'a>(rollout: &'a Rollout<'_>, operation: &'a TerminalOperation) -> [Searched<'a>; 2] {
    let kind = match operation.kind {
        OperationKind::ExecCommand => "exec_command",
        OperationKind::WriteStdin => "write_stdin",
    };
    let call = rollout.graph().tool_calls.get(&operation.tool_call_id);
    let row = GrepRow {
        place: Place::Command,
        id: operation.operation_id.to_string(),
        seq: Some(operation.execution.started_seq),
        thread_id: call.map(|call| call.thread_id.clone()),
        kind: kind.to_owned(),
        role: None,
        tool: Some(kind.to_owned()),
        line: 0,
        column: 0,
        text: String::new(),
    };
    let command = match &operation.request {
        TerminalRequest::ExecCommand { display_command, .. } => display_command,
        TerminalRequest::WriteStdin { stdin, .. } => stdin,
    };
    let outputs = operation.result.iter().flat_map(|result| [&result.stdout, &result.stderr]);
    let number = operation.operation_id.0;
    let output_row = GrepRow { place: Place::Output, seq: operation.execution.ended_seq, ..row.clone() };
    [
        Searched { row, number, texts: vec![command.into()] },
        Searched { row: output_row, number, texts: outputs.filter(|text| !text.is_empty()).map(Into::into).collect() },
    ]
}

fn of_cell(cell: &CodeCell) -> Searched<'_> {
    let row = GrepRow {
        place: Place::Source,
        id: cell.code_cell_id.to_string(),
        seq: Some(cell.execution.started_seq),
        thread_id: Some(cell.thread_id.clone()),
        kind: "code_cell".to_owned(),
        role: None,
        tool: Some("exec".to_owned()),
        line: 0,
        column: 0,
        text: String::new(),
    };
    Searched { row, number: 0, texts: vec![(&cell.source_js).into()] }
}
