//! Everything that has a place in time.

pub(crate) use build::call_label;

mod build;
mod requests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    columns::{Deltas, Lists, PayloadColumn, Words},
    things::ThingColumn,
};

/// Everything that has a place in time: turns, requests, calls, cells, terminals, interactions and compactions. The row
/// of a table is the number of the thing. Times are milliseconds from the start of the recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Spans {
    /// The turns.
    pub turns: Turns,
    /// The requests to models.
    pub requests: Requests,
    /// What requests hold besides items: the definitions of tools, instructions and output formats.
    pub definitions: Definitions,
    /// The tool calls.
    pub calls: Calls,
    /// The code cells.
    pub cells: Cells,
    /// The terminal operations.
    pub operations: Operations,
    /// The terminal sessions.
    pub terminals: Terminals,
    /// The interactions between agents.
    pub edges: Edges,
    /// The compactions.
    pub compactions: Compactions,
    /// The requests for compactions, which are no things of their own.
    pub compaction_requests: CompactionRequests,
    /// Messages between agents that never arrived.
    pub undelivered: Vec<Undelivered>,
    /// The critical path.
    pub critical_path: CriticalSegments,
    /// Where evidence is lost or damaged, by its events.
    pub losses: Losses,
}

/// When things ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Times {
    /// When each started.
    pub start: Deltas,
    /// When each ended; `null` if no end is recorded.
    pub end: Deltas,
    /// The events of the starts.
    pub start_seq: Deltas,
    /// The events of the ends.
    pub end_seq: Deltas,
    /// The statuses.
    pub status: Words,
    /// The rows whose start was not observed, so that it is that of the first evidence.
    pub start_unobserved: Deltas,
}

/// The turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Turns {
    /// The ids.
    pub id: Vec<String>,
    /// The agents.
    pub agent: Deltas,
    /// When they ran.
    #[serde(flatten)]
    pub times: Times,
    /// The item with which each began.
    pub input: Deltas,
}

/// The requests to models, with their answers. `request N` of people is row N - 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Requests {
    /// The ids.
    pub id: Vec<String>,
    /// The agents.
    pub agent: Deltas,
    /// The turns.
    pub turn: Deltas,
    /// When they ran.
    #[serde(flatten)]
    pub times: Times,
    /// The models.
    pub model: Words,
    /// The providers.
    pub provider: Words,
    /// The items of each request, in order.
    pub items: RequestLists,
    /// The items of each answer, in order.
    pub answer: Lists,
    /// The items that were new to the model in each request.
    pub just_seen: Lists,
    /// The request before, with which each is compared: the nearest readable one of its agent.
    pub before: Deltas,
    /// The rows whose request cannot be read.
    pub unreadable: Deltas,
    /// The rows whose request continues a response, and does not repeat the conversation.
    pub incremental: Deltas,
    /// The definitions of tools in each request, in order, by their numbers.
    pub tools: Lists,
    /// The definition of the instructions of each request.
    pub instructions: Deltas,
    /// The definition of the output format of each request.
    pub output_format: Deltas,
    /// The estimated tokens of the items of each request by the class of their origin, such as `tool` or `person`. A class
    /// that no request has is left out.
    pub by_class: BTreeMap<&'static str, Deltas>,
    /// The estimated tokens of the tools in each request; `null` if it cannot be read.
    pub tools_tokens: Deltas,
    /// The estimated tokens of the instructions.
    pub instructions_tokens: Deltas,
    /// The estimated tokens of the output format.
    pub output_format_tokens: Deltas,
    /// The estimated tokens of the items.
    pub items_tokens: Deltas,
    /// The size of the model's context window, if the agent core said it.
    pub window_tokens: Deltas,
    /// The reported input tokens; `null` if no usage is reported.
    pub input_tokens: Deltas,
    /// Those of them that were read from the provider's cache.
    pub cached_input_tokens: Deltas,
    /// Those of them that were written to the provider's cache.
    pub cache_write_input_tokens: Deltas,
    /// The reported output tokens.
    pub output_tokens: Deltas,
    /// Those of them that were used for reasoning.
    pub reasoning_output_tokens: Deltas,
    /// The rows whose usage does not fit the text, so that nothing is computed from it.
    pub usage_does_not_fit: Deltas,
    /// The event with the answer, which may differ from that of the end.
    pub answer_seq: Deltas,
    /// The rows whose answer was read.
    pub answered: Deltas,
    /// The payloads of the requests.
    pub request_payload: PayloadColumn,
    /// The payloads of the answers.
    pub answer_payload: PayloadColumn,
    /// Why requests failed, by row.
    pub error: BTreeMap<usize, String>,
    /// Why requests were canceled, by row.
    pub cancel_reason: BTreeMap<usize, String>,
}

/// The items of requests. A request begins with as many items of an earlier request as `kept` says, and continues with
/// its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct RequestLists {
    /// The earlier request.
    pub base: Deltas,
    /// How many of its first items the request begins with.
    pub kept: Vec<usize>,
    /// The items that follow.
    pub own: Lists,
}

/// What requests hold besides items. Equal definitions are one row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Definitions {
    /// The names of tools, and their types if they have no names; empty for instructions and output formats.
    pub name: Vec<String>,
    /// The bytes of each.
    pub bytes: Vec<u64>,
    /// The estimated tokens of each.
    pub tokens: Vec<u64>,
}

/// The tool calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Calls {
    /// The ids.
    pub id: Vec<String>,
    /// The agents.
    pub agent: Deltas,
    /// The turns.
    pub turn: Deltas,
    /// When they ran.
    #[serde(flatten)]
    pub times: Times,
    /// The names of the tools.
    pub name: Words,
    /// What the time of each counts as: `tool`, `script` or `agents`.
    pub class: Words,
    /// The rows that wait: for an agent, a code cell, or the output of a command to which they write nothing.
    pub waits: Deltas,
    /// The request whose answer asked for each call.
    pub request: Deltas,
    /// The code cell that made each call; `null` if the model did.
    pub by_cell: Deltas,
    /// The call's id in the conversation.
    pub call_id: Words,
    /// The items in which the model made each call.
    pub call_items: Lists,
    /// The items with the output.
    pub output_items: Lists,
    /// The terminal operation of each call.
    pub operation: Deltas,
    /// The code cell that each call started.
    pub started_cell: Deltas,
    /// When the runtime of each tool began to work.
    pub runtime_start: Deltas,
    /// What is called, in one line: a command, a message, or the beginning of the arguments.
    pub label: Vec<String>,
    /// The payloads of the invocations.
    pub invocation_payload: PayloadColumn,
    /// The payloads of the results.
    pub result_payload: PayloadColumn,
    /// The payloads that runtimes reported, by row.
    pub runtime_payloads: BTreeMap<usize, PayloadColumn>,
}

/// The code cells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Cells {
    /// The ids.
    pub id: Vec<String>,
    /// The agents.
    pub agent: Deltas,
    /// The turns.
    pub turn: Deltas,
    /// When they ran.
    #[serde(flatten)]
    pub times: Times,
    /// The last status that the runtime of each reported.
    pub runtime_status: Words,
    /// When the model received a first answer.
    pub answered: Deltas,
    /// When the cell yielded and continued to run.
    pub yielded: Deltas,
    /// The item with the source.
    pub source_item: Deltas,
    /// The items with the output.
    pub output_items: Lists,
    /// The tool calls with which the model waited for the cell.
    pub waits: Lists,
    /// How the source begins, in one line.
    pub label: Vec<String>,
    /// The payloads of the first answers.
    pub answer_payload: PayloadColumn,
    /// The payloads of the results.
    pub result_payload: PayloadColumn,
}

/// The terminal operations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Operations {
    /// The ids, without their prefix.
    pub id: Deltas,
    /// The terminal session.
    pub terminal: Deltas,
    /// The tool call.
    pub call: Deltas,
    /// When they ran.
    #[serde(flatten)]
    pub times: Times,
    /// `exec_command` or `write_stdin`.
    pub kind: Words,
    /// The command or the text that was written, in one line.
    pub label: Vec<String>,
    /// The exit codes.
    pub exit_code: Deltas,
    /// The bytes of all output that was recorded; `null` if there is no result.
    pub output_bytes: Deltas,
    /// The items in which the model saw each.
    pub seen_in: Lists,
}

/// The terminal sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Terminals {
    /// The ids.
    pub id: Vec<String>,
    /// The agents.
    pub agent: Deltas,
    /// When they ran. Here the end is the exit of the process.
    #[serde(flatten)]
    pub times: Times,
    /// The exit codes.
    pub exit_code: Deltas,
    /// The process ids.
    pub process_id: Words,
    /// The operations, in order.
    pub operations: Lists,
}

/// The interactions between agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Edges {
    /// The ids.
    pub id: Vec<String>,
    /// `spawn_agent`, `assign_agent_task`, `send_message`, `agent_result` or `close_agent`.
    pub kind: Words,
    /// Where each begins.
    pub source: ThingColumn,
    /// Where each ends.
    pub target: ThingColumn,
    /// The agent at which each begins.
    pub from: Deltas,
    /// The agent at which each ends.
    pub to: Deltas,
    /// When each began.
    pub start: Deltas,
    /// When each ended.
    pub end: Deltas,
    /// The event with which each began.
    pub start_seq: Deltas,
    /// The event with which each ended.
    pub end_seq: Deltas,
    /// The event that showed first the item as which each arrived.
    pub delivered_seq: Deltas,
    /// The items that each carried.
    pub items: Lists,
    /// The first request of the agent at its end that carried any of them.
    pub arrival: Deltas,
    /// The payloads that show each, by row.
    pub payloads: BTreeMap<usize, PayloadColumn>,
}

/// The compactions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Compactions {
    /// The ids.
    pub id: Vec<String>,
    /// The agents.
    pub agent: Deltas,
    /// The turns.
    pub turn: Deltas,
    /// When the new history was installed.
    pub at: Deltas,
    /// The event that installed it.
    pub seq: Deltas,
    /// The item that marks the place.
    pub marker: Deltas,
    /// The history before.
    pub input: Lists,
    /// The history after.
    pub replacement: Lists,
    /// The payloads with both histories.
    pub payload: PayloadColumn,
}

/// The requests for compactions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct CompactionRequests {
    /// The ids.
    pub id: Vec<String>,
    /// The compaction of each.
    pub compaction: Deltas,
    /// The agents.
    pub agent: Deltas,
    /// When they ran.
    #[serde(flatten)]
    pub times: Times,
    /// The models.
    pub model: Words,
    /// The payloads of the requests.
    pub request_payload: PayloadColumn,
    /// The payloads of the answers.
    pub answer_payload: PayloadColumn,
    /// Why requests failed, by row.
    pub error: BTreeMap<usize, String>,
}

/// A message between agents that never arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Undelivered {
    /// The kind of the interaction.
    pub kind: String,
    /// The call that sent it.
    pub call: Option<u32>,
    /// The agent for which it was.
    pub to: Option<u32>,
    /// The beginning of its text.
    pub message: Option<String>,
    /// The last event that reported it.
    pub seq: u64,
    /// When that event was recorded.
    pub at: Option<i64>,
}

/// The critical path, oldest first. Its segments cover the time axis exactly once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct CriticalSegments {
    /// Where each segment begins.
    pub start: Deltas,
    /// How long each is; 0 where the path changes agents.
    pub ms: Vec<u64>,
    /// `model`, `compaction`, `tool`, `script`, `agents`, `to_run`, `unrecorded`, `idle`; or `begun_by`, `reported_by`
    /// where the path changes agents.
    pub class: Words,
    /// What took the time.
    pub thing: ThingColumn,
    /// The agent.
    pub agent: Deltas,
}

/// Where evidence is lost or damaged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Losses {
    /// The events before or at which each shows.
    pub seq: Deltas,
    /// When that was; `null` if it is unknown.
    pub at: Deltas,
    /// The codes of the diagnostics.
    pub code: Words,
    /// What each is, for people.
    pub note: Words,
}
